"""Reading what somebody pasted of a request's headers."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

HEADERS_MOST = 200
SIGNATURES_MOST = 10
"""Of one header: each is compared with all that may have been signed."""
MAC_BYTES = 32
NUMBER = re.compile(r"[0-9]{1,16}")

Scheme = Literal["standard", "plain"]
Wrong = tuple[str, dict[str, str]]
"""A mistake's code, and the values that its text takes."""

HEADER: dict[Scheme, str] = {
    "standard": "webhook-signature",
    "plain": "x-webhook-signature",
}


@dataclass(slots=True)
class Signed:
    """One of the two signatures, with what it was made over."""

    scheme: Scheme
    present: bool = False
    macs: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """What the id may be: as it came first."""
    stamps: list[str] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)

    def prefix(self, message_id: str, stamp: str) -> bytes:
        """What is signed in front of the body."""
        parts = (message_id, stamp, "") if self.scheme == "standard" else (stamp, "")
        return ".".join(parts).encode()


def read_headers(text: str) -> dict[str, str]:
    """Names in lower case → values, out of lines, a JSON object or names as CGI writes them."""
    return {_name(name): value for name, value in _pairs(text)}


def read_signatures(given: dict[str, str], scheme: Scheme, body_id: str = "") -> Signed:
    """The signatures of one scheme with what is missing or wrong about them.

    `body_id` is the id in the body, which is the one that was signed.
    """
    signed = Signed(scheme)
    value = given.get(HEADER[scheme])
    others = [name for name in ("webhook-id", "webhook-timestamp") if name in given]
    if value is None:
        # Who checks one signature need not paste the other.
        needed = HEADER["plain" if scheme == "standard" else "standard"] not in given
        if needed or (scheme == "standard" and others):
            signed.wrong.append(("header_missing", {"name": shown_name(HEADER[scheme])}))
        return signed
    signed.present = True
    if scheme == "standard":
        _read_standard(signed, value, given, body_id)
    else:
        _read_plain(signed, value)
    return signed


def _read_standard(signed: Signed, value: str, given: dict[str, str], body_id: str) -> None:
    entries = [entry.rstrip(",") for entry in value.split()]
    ours = [entry.removeprefix("v1,") for entry in entries if entry.startswith("v1,")]
    _take(signed, value, ours, _from_base64)
    for name in ("webhook-id", "webhook-timestamp"):
        if not given.get(name):
            signed.wrong.append(("header_missing", {"name": name}))
    plain = given.get(HEADER["plain"], "")
    milliseconds = next((part[2:] for part in plain.split(",") if part.startswith("t=")), "")
    stamp = given.get("webhook-timestamp", "")
    seconds = [text[:-3] for text in (milliseconds, stamp) if len(text) >= 13]
    signed.ids = _unlike(given.get("webhook-id", ""), [given.get("x-webhook-id", ""), body_id])
    signed.stamps = _unlike(stamp, [text for text in seconds if NUMBER.fullmatch(text)])


def _read_plain(signed: Signed, value: str) -> None:
    parts = [part.strip() for part in value.split(",")]
    ours = [part.removeprefix("v1=") for part in parts if part.startswith("v1=")]
    _take(signed, value, ours, _from_hex)
    stamps = [part.removeprefix("t=") for part in parts if part.startswith("t=")]
    signed.ids = [""]
    signed.stamps = stamps[:1] or [""]
    if not stamps and ours:
        signed.wrong.append(("scheme_wrong", {"name": shown_name(HEADER["plain"])}))


def _take(signed: Signed, value: str, ours: list[str], read: Callable[[str], bytes | None]) -> None:
    """Keep the signatures that can be read, and say what of the header cannot."""
    name = shown_name(HEADER[signed.scheme])
    if not ours:
        code = "scheme_wrong" if value else "header_missing"
        signed.wrong.append((code, {"name": name}))
    macs = [read(text) for text in ours[:SIGNATURES_MOST]]
    signed.macs = [mac for mac in macs if mac is not None]
    if len(signed.macs) < len(macs):
        signed.wrong.append(("signature_malformed", {"name": name}))


def _from_base64(text: str) -> bytes | None:
    try:
        mac = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return mac if len(mac) == MAC_BYTES else None


def _from_hex(text: str) -> bytes | None:
    try:
        mac = bytes.fromhex(text)
    except ValueError:
        return None
    return mac if len(mac) == MAC_BYTES else None


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict):
        pairs = [(name, _one(value)) for name, value in parsed.items()]
    else:
        lines = [line.partition(":") for line in text.splitlines() if ":" in line]
        pairs = [(name, value) for name, _, value in lines]
    return [(_clean(name), _clean(value)) for name, value in pairs[:HEADERS_MOST] if name.strip()]


def _clean(text: str) -> str:
    """JSON may hold halves of characters."""
    return text.strip().encode("utf-8", "replace").decode()


def _one(value: object) -> str:
    """Frameworks list a header's values."""
    return str(value[0] if isinstance(value, list) and value else value)


def _name(name: str) -> str:
    """`HTTP_WEBHOOK_ID`, `-H 'webhook-id` and `Webhook-Id` are the same."""
    name = name.removeprefix("-H").strip(" '\"").lower().replace("_", "-")
    return name.removeprefix("http-")


def shown_name(name: str) -> str:
    """A header's name as it is sent."""
    return "X-Webhook-Signature" if name.startswith("x-") else name


def _unlike(given: str, others: list[str]) -> list[str]:
    return list(dict.fromkeys([given, *(other for other in others if other)]))
