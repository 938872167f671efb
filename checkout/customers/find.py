"""Looking for customers, as a merchant types what they know of one."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import StringConstraints

from checkout.core.ids import is_id
from checkout.core.lists import Condition, ListQuery, list_page, narrow
from checkout.core.scope import Scope
from checkout.customers.queries import render_customer

LOOKED_THROUGH = 10_000
"""Parts of names, addresses and numbers are looked for in so many of the newest customers."""
LEAST_DIGITS = 4

# Whole e-mail addresses and references have an index; the last branch ends after so many rows.
_FOUND = """
id IN (
    SELECT id FROM customer WHERE store_id = %(store_id)s AND livemode = %(livemode)s
        AND email = lower(%(q)s) AND email IS NOT NULL
    UNION
    SELECT id FROM customer WHERE store_id = %(store_id)s AND livemode = %(livemode)s
        AND reference = %(q)s AND reference IS NOT NULL
    UNION
    SELECT id FROM (SELECT id, email, name, phone, reference FROM customer
        WHERE store_id = %(store_id)s AND livemode = %(livemode)s
        ORDER BY id DESC LIMIT %(looked)s) AS newest
    WHERE name ILIKE %(words)s OR email ILIKE %(words)s OR reference ILIKE %(words)s
        OR regexp_replace(phone, '[^0-9]', '', 'g') LIKE %(digits)s)
"""


class CustomerFilters(ListQuery):
    """What the list's address may say."""

    q: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


def list_customers(scope: Scope, query: CustomerFilters) -> dict[str, Any]:
    """One page of a store's customers, newest first."""
    return list_page(
        table="customer",
        scope=scope,
        query=query,
        conditions=_conditions(query),
        render=render_customer,
    )


def customers_sql(scope: Scope, query: CustomerFilters) -> tuple[str, dict[str, Any]]:
    """All that the list shows with these filters, as SQL with its parameters."""
    return narrow(scope, query, _conditions(query))


def _conditions(query: CustomerFilters) -> list[Condition]:
    known: list[Condition] = [("deleted_at IS NULL", {})]
    return known if query.q is None else [*known, _search(query.q)]


def _search(text: str) -> Condition:
    if is_id("cus", text):
        return "id = %(q)s", {"q": text}
    return _FOUND, {
        "q": text,
        "looked": LOOKED_THROUGH,
        "words": _anywhere(text),
        "digits": _by_digits(text),
    }


def _by_digits(text: str) -> str | None:
    """A telephone number however it is written: +84 or 0 in front mean the same."""
    if not re.fullmatch(r"\+?[0-9 ().-]+", text):
        return None
    digits = re.sub(r"[^0-9]", "", text)
    local = re.sub(r"^(84|855|0)", "", digits) if len(digits) > LEAST_DIGITS + 3 else digits
    return f"%{local}%" if len(local) >= LEAST_DIGITS else None


def _anywhere(text: str) -> str:
    """A pattern of ILIKE for a text in the middle of another."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text}%"
