"""Field types that many bodies and queries share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema
from pydantic_core import PydanticCustomError

from checkout.core.money import MAXIMUM

# Currencies that people pay with; ISO 4217 exponents are in core/money.
CURRENCY = re.compile(r"[A-Z]{3}")
EMAIL = re.compile(
    r"[^\s@<>()\[\]\\,;:\"]{1,64}@[^\s@<>()\[\]\\,;:\"]+\.[^\s@.<>()\[\]\\,;:\"]{2,}"
)
DIGITS = re.compile(r"-?[0-9]{1,18}")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _currency(value: str) -> str:
    from checkout.core.money import known_currencies  # noqa: PLC0415 - loads Babel's data

    if not CURRENCY.fullmatch(value) or value not in known_currencies():
        raise PydanticCustomError("invalid_currency", "This is not an ISO 4217 currency code")
    return value


def _email(value: str) -> str:
    email = value.strip().lower()
    if len(email) > 254 or not EMAIL.fullmatch(email) or ".." in email:
        raise PydanticCustomError("invalid_email", "This is not an e-mail address")
    return email


def _digits(value: Any) -> Any:
    if isinstance(value, str):
        if not DIGITS.fullmatch(value):
            raise PydanticCustomError("invalid_type", "Input should be a whole number")
        return int(value)
    return value


def _flag(value: Any) -> Any:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise PydanticCustomError("invalid_type", "Input should be true or false")
        return value == "true"
    return value


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        # In a query an unescaped + of the zone arrives as a blank.
        moment = _parse_moment(value.replace(" ", "+"))
        if moment is None:
            raise PydanticCustomError(
                "invalid_value", "Input should be an RFC 3339 time such as 2026-01-31T08:00:00Z"
            )
        return moment
    return value


def _parse_moment(text: str) -> datetime | None:
    if not RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def check_web_url(value: str) -> str:
    """An absolute http(s) address with a host and without a user name, else `invalid_url`."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    wrong = (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
        or port == 0
        or any(letter.isspace() or not letter.isprintable() for letter in value)
        or "\\" in value
    )
    if wrong:
        raise PydanticCustomError("invalid_url", "This is not a web address")
    return value


Amount = Annotated[int, Field(ge=1, le=MAXIMUM, description="In the currency's minor unit.")]
Currency = Annotated[
    str,
    AfterValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 code."}),
]
Email = Annotated[
    str,
    StringConstraints(max_length=320),
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
WebUrl = Annotated[
    str,
    StringConstraints(max_length=2048),
    AfterValidator(check_web_url),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": 2048}),
]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40)],
        Annotated[str, StringConstraints(max_length=500)],
    ],
    Field(max_length=50),
]
QueryInteger = Annotated[int, BeforeValidator(_digits)]
QueryFlag = Annotated[bool, BeforeValidator(_flag)]
QueryTime = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
