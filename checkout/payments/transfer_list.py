"""The transfers inbox: what needs a person, what has found its home, and how one is looked for."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from checkout.core.db import run
from checkout.core.ids import is_id
from checkout.core.lists import Condition, ListQuery, list_page, narrow
from checkout.core.money import MAXIMUM
from checkout.core.scope import Scope
from checkout.core.typed import read_amount
from checkout.payments.codes import with_hyphen
from checkout.payments.decide import Disposition
from checkout.payments.near import fold
from checkout.sessions.schemas import Text200

State = Literal["needs", "waits", "done", "all"]

OPEN = "resolved_at IS NULL AND (held > 0 OR amount IS NULL)"
"""SQL: money without a home, or a notice that nobody has understood."""
WAITS = (
    "part_of IS NOT NULL AND EXISTS (SELECT FROM checkout_session AS session"
    " WHERE session.id = transfer.part_of"
    " AND session.status IN ('open', 'processing', 'awaiting_action'))"
)
"""SQL: a part whose payer may still send the rest, so that nobody has to do anything."""
STATES: dict[State, str] = {
    "needs": f"{OPEN} AND NOT ({WAITS})",
    "waits": f"{OPEN} AND {WAITS}",
    "done": "resolved_at IS NOT NULL",
    "all": "true",
}
LOOKED_THROUGH = 5_000
"""Words of messages and payers are looked for in so many of the newest transfers."""
COUNTED = 1000
SAME_AMOUNT = 1000
CURRENCIES = ("VND", "USD", "KHR")
"""What an amount without a currency may be in, beside the store's own."""


class TransferFilters(ListQuery):
    """What the inbox's address may say."""

    state: State = "needs"
    disposition: Disposition | None = None
    rail: Text200 | None = None
    q: Text200 | None = Field(default=None)


def list_transfers(scope: Scope, query: TransferFilters, locale: str) -> dict[str, Any]:
    """One page of the inbox, newest first, as rows; what was typed is read in the language."""
    return list_page(
        table="transfer",
        scope=scope,
        query=query,
        conditions=_conditions(scope, query, locale),
        render=_as_it_is,
    )


def transfers_sql(scope: Scope, query: TransferFilters, locale: str) -> tuple[str, dict[str, Any]]:
    """All that the inbox shows with these filters, as SQL with its parameters."""
    return narrow(scope, query, _conditions(scope, query, locale))


def _conditions(scope: Scope, query: TransferFilters, locale: str) -> list[Condition]:
    conditions: list[Condition] = [(STATES[query.state], {})]
    if query.disposition is not None:
        conditions.append(("disposition = %(disposition)s", {"disposition": query.disposition}))
    if query.rail is not None:
        conditions.append(("rail = %(rail)s", {"rail": query.rail}))
    if query.q is not None:
        conditions.append(_search(scope, query.q, query.state, locale))
    return conditions


def count_waiting(scope: Scope) -> dict[str, int]:
    """How many transfers need a person, by disposition; counting ends at a thousand."""
    rows = run(
        "SELECT disposition, count(*) AS count FROM (SELECT disposition FROM transfer"  # noqa: S608 - constants
        f" WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND {STATES['needs']}"
        " LIMIT %(most)s) AS waiting GROUP BY disposition ORDER BY disposition",
        store_id=scope.store_id,
        livemode=scope.livemode,
        most=COUNTED,
    )
    return {row.disposition: row.count for row in rows}


def _as_it_is(row: Any) -> Any:
    return row


_BY_ID = {
    "trf": "id = %(q)s",
    "cs": "session_id = %(q)s",
    "att": "session_id = (SELECT session_id FROM attempt WHERE id = %(q)s"
    " AND store_id = %(store_id)s AND livemode = %(livemode)s)",
    "pay": "session_id = (SELECT session_id FROM payment WHERE id = %(q)s"
    " AND store_id = %(store_id)s AND livemode = %(livemode)s)",
    "cus": "session_id IN (SELECT id FROM checkout_session WHERE customer_id = %(q)s"
    " AND store_id = %(store_id)s AND livemode = %(livemode)s)",
}

# Each branch has an index of its own or looks at no more than so many rows.
_FOUND = """
id IN (
    SELECT id FROM transfer WHERE session_id IN (
        SELECT session_id FROM attempt WHERE code = ANY(%(codes)s)
            AND store_id = %(store_id)s AND livemode = %(livemode)s
        UNION ALL
        SELECT id FROM checkout_session WHERE reference = %(q)s
            AND store_id = %(store_id)s AND livemode = %(livemode)s)
    UNION
    SELECT id FROM transfer WHERE provider_reference = %(q)s AND rail_account_id IN (
        SELECT id FROM rail_account WHERE store_id = %(store_id)s AND livemode = %(livemode)s)
    UNION
    (SELECT id FROM transfer WHERE store_id = %(store_id)s AND livemode = %(livemode)s
        AND disposition <> 'matched' AND amount = ANY(%(amounts)s)
        ORDER BY id DESC LIMIT %(same_amount)s)
    UNION
    SELECT id FROM (SELECT id, memo, payer, amount FROM transfer
        WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND {among}
        ORDER BY id DESC LIMIT %(looked)s) AS newest
    WHERE memo ILIKE %(words)s OR payer::text ILIKE %(words)s OR amount = ANY(%(amounts)s)
        OR replace(memo, ' ', '') ILIKE %(squeezed)s)
"""


def _search(scope: Scope, text: str, state: State, locale: str) -> Condition:
    prefix = text.partition("_")[0]
    if prefix in _BY_ID and is_id(prefix, text):
        return _BY_ID[prefix], {"q": text}
    among = OPEN if state in ("needs", "waits") else "true"
    return _FOUND.format(among=among), {
        "q": text,
        "codes": _codes(text),
        "amounts": _amounts(text, scope, locale),
        "same_amount": SAME_AMOUNT,
        "looked": LOOKED_THROUGH,
        "words": _anywhere(text),
        "squeezed": _anywhere(text.replace(" ", "")),
    }


def _codes(text: str) -> list[str]:
    """The payment code that a text may be, with and without its hyphen."""
    bare = "".join(char for char in fold(text) if char.isascii() and char.isalnum())
    code = with_hyphen(bare)
    return [code] if code is not None else []


def _amounts(text: str, scope: Scope, locale: str) -> list[int]:
    """What a text is as an amount of each currency that the store may have, in minor units."""
    found = set()
    for currency in {*CURRENCIES, *scope.settings.currencies}:
        try:
            found.add(read_amount(text, currency, locale))
        except ValueError:
            continue
    return sorted(amount for amount in found if 0 < amount <= MAXIMUM)


def _anywhere(text: str) -> str:
    """A pattern of ILIKE for a text in the middle of another."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text}%"
