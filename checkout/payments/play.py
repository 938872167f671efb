"""Play the bank from a test session's own page: pay in one of several ways, or refuse to."""

from __future__ import annotations

from checkout.core.db import run, unit_of_work
from checkout.core.errors import forbidden
from checkout.payments.simulate import simulate_payment
from checkout.sessions.expire import expire_in_store
from checkout.sessions.page import PageState

NAMELESS = "chuyen tien"
LAB_PLAYS = ("mistyped", "nameless")
"""Where a payer writes the message themselves: what ends in the transfers inbox."""


def play_bank(page: PageState, kind: str) -> int:
    """Let the pretend bank pay the page's attempt in one of `page.plays`, or of LAB_PLAYS.

    The notices have been sent when this returns; how many they were: none where the provider
    only answers those who ask. Raises 403 `test_mode_only`.
    """
    if page.livemode or page.attempt_id is None:
        raise forbidden("test_mode_only", "Money can be simulated in test mode only.")
    due = page.amount_due or page.amount
    if kind == "late":
        _bring_deadline_forward(page.id)
    return simulate_payment(
        page.attempt_id,
        amount=amount_to_play(kind, due),
        memo=_memo_to_play(kind, page.prompt.memo) if page.prompt else None,
        times=2 if kind == "twice" else 1,
        outcome="failure" if kind == "failure" else "success",
    )


def amount_to_play(kind: str, due: int) -> int:
    """Short is four fifths, so that the rest is a real sum; over is a tenth more."""
    if kind == "short":
        return max(1, due * 4 // 5)
    return due + max(1, due // 10) if kind == "over" else due


def _memo_to_play(kind: str, memo: str) -> str | None:
    """What the payer writes; None for what they were told to."""
    if kind == "mangled":
        return mangle(memo)
    if kind == "mistyped":
        return mistype(memo)
    return NAMELESS if kind == "nameless" else None


def mistype(memo: str) -> str:
    """A memo with one wrong symbol: nobody's code, and only a person can say whose it was."""
    place = len(memo) - 3
    return memo[:place] + ("3" if memo[place] != "3" else "4") + memo[place + 1 :]


def mangle(memo: str) -> str:
    """A memo as hasty banks and payers leave it: other case, split, with words around."""
    half = len(memo) // 2
    return f"MBVCB.3278907687. {memo[:half].lower()} {memo[half:].lower()} chuyen tien"


def _bring_deadline_forward(session_id: str) -> None:
    """Let the test session's time be over, by its store's clock.

    Two seconds ago: banks write whole seconds, and the money must be dated after the end.
    """
    with unit_of_work():
        rows = run(
            "UPDATE checkout_session AS session SET expires_at = least(session.expires_at,"
            " clock_timestamp() + make_interval(secs => store.clock_offset_seconds - 2))"
            " FROM store WHERE store.id = session.store_id AND session.id = %(id)s"
            " AND NOT session.livemode RETURNING session.store_id",
            id=session_id,
        )
    for row in rows:
        expire_in_store(row.store_id)
