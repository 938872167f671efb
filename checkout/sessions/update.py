"""Change a session while it is open: what it is about, whom it is for, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout.core.db import jsonb, one
from checkout.core.errors import conflict, invalid
from checkout.rails.registry import get_rail
from checkout.sessions.amounts import check_bounds, total_amount
from checkout.sessions.create import (
    check_link,
    choose_rails,
    offers_wallet,
    resolve_customer,
)
from checkout.sessions.end import refuse_ended
from checkout.sessions.move import Move, move_sessions, plan_move
from checkout.sessions.queries import lock_session
from checkout.sessions.tell import tell_moves


def update_session(
    session_id: str,
    given: Mapping[str, Any],
    *,
    store_id: str,
    livemode: bool,
    settings: Any,
    actor: str,
    by_secret_key: bool = False,
) -> None:
    """Apply the fields that are given (a null clears what may be empty).

    A `customer_id` that a secret key gives proves the customer, any other change of customer
    undoes that; the wallet among the ways to pay comes and goes with it.

    Raises 404; 409 `session_expired`, `session_not_active`, or `attempt_in_progress` while
    somebody is paying; 422 with the field.
    """
    locked = lock_session(session_id, store_id=store_id, livemode=livemode)
    session = locked.session
    refuse_ended(session, locked.now)
    if session.status != "open":
        raise conflict(
            "attempt_in_progress", "The shopper is paying: only an open session can be changed."
        )
    columns = _changed_columns(session, given, settings, by_secret_key)
    move = plan_move(
        session, "updated", actor=actor, at=locked.now, reason=", ".join(sorted(columns)) or None
    )
    move_sessions([move])
    if columns:
        _write(session.id, {**_current(session), **columns})


def record_fulfilment(
    session_id: str, given: Mapping[str, Any], *, store_id: str, livemode: bool, actor: str
) -> Move:
    """Store what the merchant did for the money; the shopper's page shows it at once.

    Raises 404; 409 `session_not_active` for a session that ended unpaid; 422 for an address
    that the page could not link to.
    """
    if given["url"] is not None:
        check_link(given["url"], "url", livemode)
    locked = lock_session(session_id, store_id=store_id, livemode=livemode)
    if locked.session.status in ("expired", "abandoned", "cancelled"):
        refuse_ended(locked.session, locked.now)
    fulfilment = {name: value for name, value in given.items() if value is not None}
    move = plan_move(
        locked.session,
        "fulfilled",
        actor=actor,
        at=locked.now,
        reason=given["status"],
        fulfilment=fulfilment,
    )
    move_sessions([move])
    if given["status"] == "confirmed":
        tell_moves("booking.confirmed", [move])
    return move


COLUMNS = (
    "amount",
    "line_items",
    "customer_id",
    "customer_proven",
    "metadata",
    "locale",
    "rails",
)


def _current(session: Any) -> dict[str, Any]:
    return {name: getattr(session, name) for name in COLUMNS}


def _changed_columns(
    session: Any, given: Mapping[str, Any], settings: Any, by_secret_key: bool
) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if "metadata" in given:
        columns["metadata"] = given["metadata"] or {}
    if "locale" in given:
        columns["locale"] = given["locale"]
    if "customer" in given or "customer_id" in given:
        columns["customer_id"] = resolve_customer(
            {"customer": None, "customer_id": None, **given},
            store_id=session.store_id,
            livemode=session.livemode,
            mode=session.mode,
        )
        columns["customer_proven"] = by_secret_key and given.get("customer_id") is not None
        columns["rails"] = _rails_for(session, columns["customer_proven"])
    if given.get("coupon") is not None:
        raise invalid("coupon_invalid", "There is no such coupon.", "coupon")
    if "amount" in given or "line_items" in given:
        columns |= _priced(session, given, settings)
        columns["rails"] = _choose(
            session,
            columns.get("rails", session.rails),
            columns["amount"],
            proven=columns.get("customer_proven", session.customer_proven),
        )
    return columns


def _rails_for(session: Any, proven: bool) -> list[str]:
    """The session's ways to pay with its wallet in or out, as its new customer wants it."""
    rails: list[str] = list(session.rails)
    if not offers_wallet(session.mode, proven):
        others = [name for name in rails if not get_rail(name).instant]
        if not others:
            raise invalid(
                "rail_not_available", "Only the wallet of a proven customer is offered.", "customer"
            )
        return others
    if offers_wallet(session.mode, session.customer_proven):
        return rails
    if set(rails) == set(_choose(session, None, session.amount, proven=False)):
        # Nobody chose among the ways to pay: they go on being all that there are.
        return _choose(session, None, session.amount, proven=True)
    return rails


def _choose(session: Any, wanted: list[str] | None, amount: int, *, proven: bool) -> list[str]:
    return choose_rails(
        wanted,
        session.store_id,
        session.livemode,
        session.currency,
        amount,
        wallet=offers_wallet(session.mode, proven),
    )


def _priced(session: Any, given: Mapping[str, Any], settings: Any) -> dict[str, Any]:
    items = given["line_items"] or [] if "line_items" in given else session.line_items
    if "line_items" not in given:
        # A new amount alone stands for itself: the old items no longer add up to it.
        items = items if _sum(items) == given["amount"] else []
    amount = total_amount(given.get("amount"), items)
    if amount <= session.amount_received:
        raise invalid(
            "amount_too_small", f"{session.amount_received} has been received already.", "amount"
        )
    check_bounds(amount, session.currency, session.mode, settings)
    return {"amount": amount, "line_items": items}


def _sum(items: list[dict[str, Any]]) -> int:
    return sum(item["quantity"] * item["unit_amount"] for item in items)


def _write(session_id: str, columns: dict[str, Any]) -> None:
    one(
        "UPDATE checkout_session SET amount = %(amount)s, line_items = %(line_items)s,"
        " customer_id = %(customer_id)s, customer_proven = %(customer_proven)s,"
        " metadata = %(metadata)s, locale = %(locale)s, rails = %(rails)s"
        " WHERE id = %(id)s RETURNING id",
        id=session_id,
        **{**columns, "line_items": jsonb(columns["line_items"])},
    )
