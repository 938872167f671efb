"""What the shopper's page shows: one query, turned into one plain state.

Nothing is judged here that money depends on. The page may be a moment older than the truth;
whatever a form sends is decided anew by the verb it reaches.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Literal

from checkout.core import ids
from checkout.core.db import one, run
from checkout.core.errors import missing
from checkout.merchants.logos import logo_path
from checkout.rails.registry import folders
from checkout.sessions.booking import Booking, read_booking
from checkout.sessions.prompt_view import (
    LIVE_ATTEMPT,
    PromptView,
    prompt_ends_at,
    read_prompt,
    web_url,
)
from checkout.sessions.queries import STORE_NOW
from checkout.sessions.states import LIVE
from checkout.sessions.viewer import Viewer
from checkout.sessions.ways import OFFERS, WALLET_BALANCE, Way, label_of, list_ways

StateName = Literal[
    "choose",
    "preparing",
    "waiting",
    "partly_paid",
    "at_provider",
    "paid",
    "lapsed",
    "expired",
    "failed",
    "ended",
]

NAME_BY_ATTEMPT: Mapping[str | None, StateName] = {
    "failed": "failed",
    "expired": "lapsed",
    # Run out, though the sweep has not seen it yet.
    "pending": "lapsed",
    "requires_action": "lapsed",
}
PLAYS = ("exact", "short", "over", "twice", "late", "mangled", "failure")
"""What the test mode's pretend bank can do; after a part has come, pay the rest too."""
TRANSFER_PLAYS = ("exact", "short", "over", "twice", "late")
PAGE_PLAYS = ("exact", "twice", "late", "failure")
"""At a provider's page nobody can pay another amount."""
WATCHED = (4,)
LINGERING = (8,)
FULFILLING = (4, 8, 15, 30, 60)
"""Waits before each question after the shop's own work; the last one repeats."""
FULFILLING_SECONDS = 600
STALLED = timedelta(seconds=15)
"""A provider is given twelve seconds; after this nobody is asking it any more."""
WORTH_RENEWING = timedelta(seconds=30)
"""With less left of its attempt a prompt is not renewed; another attempt is started."""
LATE_GRACE_MINUTES = 15
"""The store's default, for settings that do not say it."""
TRANSFERS_SHOWN = 20

_LOAD = f"""
SELECT session.id, session.mode, session.status, session.payment_status, session.seq,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS read_at,
    session.expired_reason, session.amount, session.amount_received, session.currency,
    session.line_items, session.discount, session.description, session.reference,
    session.rails, session.attempts, session.max_attempts, session.expires_at, session.ended_at,
    session.success_url, session.cancel_url, session.locale, session.livemode,
    session.fulfilment, session.store_id,
    store.name AS store_name, store.settings AS store_settings, {STORE_NOW} AS store_now,
    (SELECT hash FROM store_logo WHERE store_logo.store_id = store.id) AS logo,
    {OFFERS} AS offers, {WALLET_BALANCE} AS wallet_balance,
    attempt.id AS attempt_id, attempt.rail AS attempt_rail, attempt.status AS attempt_status,
    attempt.code AS attempt_code, attempt.prompt AS attempt_prompt,
    attempt.amount AS attempt_amount, attempt.failure AS attempt_failure,
    attempt.created_at AS attempt_created_at, attempt.expires_at AS attempt_expires_at,
    payment.id AS payment_id, payment.rail AS payment_rail, payment.late AS payment_late,
    payment.amount AS payment_amount, payment.amount_refunded AS payment_amount_refunded,
    payment.provider_reference AS payment_reference, payment.paid_at AS payment_paid_at,
    transfers.list AS transfers
FROM checkout_session AS session
JOIN store ON store.id = session.store_id
LEFT JOIN LATERAL (
    SELECT * FROM attempt WHERE attempt.session_id = session.id
    ORDER BY attempt.status IN ('pending', 'requires_action') DESC, attempt.number DESC LIMIT 1
) AS attempt ON true
LEFT JOIN payment ON payment.session_id = session.id
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('amount', amount, 'currency', currency, 'held', held,
        'disposition', disposition, 'settled', resolved_at IS NOT NULL, 'details', details)
        ORDER BY id) AS list
    FROM (SELECT * FROM transfer WHERE transfer.session_id = session.id ORDER BY id
        LIMIT {TRANSFERS_SHOWN}) AS transfer
) AS transfers ON true
"""  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True)
class PageState:
    """Everything a template may show. Amounts are minor units of `currency`."""

    id: str
    name: StateName
    seq: int
    read_at: int
    """When it was read, in microseconds of the database's clock: of the same `seq` the later
    state is the newer, because what is held, owed or refunded does not move the session."""
    livemode: bool
    store_name: str
    logo: str | None
    """The address of its picture."""
    brand_color: str | None
    store_locale: str | None
    locale: str | None
    currency: str
    amount: int
    amount_received: int
    amount_due: int
    description: str | None
    reference: str | None
    line_items: Sequence[Mapping[str, Any]]
    discount: Mapping[str, Any] | None
    mode: str
    rails: Sequence[Way]
    last_rail: str | None
    attempt_id: str | None
    prompt: PromptView | None
    prompt_kind: str | None
    """Of the newest attempt, also once it is over."""
    renewable: bool
    """Whether the same attempt can show another code, which costs none of the tries."""
    stalled: bool
    """Whether preparing takes longer than it can."""
    failure_code: str | None
    can_try: bool
    attempts_left: int
    max_attempts: int
    expired_reason: str | None
    ended_as: str
    payment: Any | None
    surplus: int
    extra: int
    is_late: bool
    booking: Booking
    contact: str | None
    """Where the shop can be reached."""
    success_url: str | None
    cancel_url: str | None
    polls: Sequence[int]
    """Seconds before each question without a socket, the last repeating; none once nothing
    more is expected."""
    poll_for_seconds: int | None
    """How long to go on asking; None for as long as the page is open."""
    viewer: Viewer

    @property
    def version(self) -> str:
        """Changes whenever the page would look different."""
        ways = [(way.name, way.slow, way.balance) for way in self.rails if way.slow or way.instant]
        refunded = self.payment.amount_refunded if self.payment else 0
        rest = (ways, self.stalled, self.surplus, self.extra, self.is_late, refunded)
        seen = f"{self.seq}.{self.name}"
        return f"{seen}.{zlib.crc32(repr(rest).encode()):x}" if any(rest) else seen

    @property
    def plays(self) -> Sequence[str]:
        """How the pretend bank of the test mode may be played now."""
        if self.livemode or self.attempt_id is None or self.last_rail not in folders():
            return ()
        if self.name in ("paid", "preparing"):
            return ()
        if self.name in ("expired", "ended"):
            return ("exact",)
        if self.prompt_kind == "redirect":
            return PAGE_PLAYS
        plays = TRANSFER_PLAYS + (("mangled",) if self.prompt and self.prompt.typed else ())
        return ("rest", *plays[1:]) if self.amount_received else plays

    @property
    def wording(self) -> str:
        """The name under which the catalogues speak of this state."""
        if self.name == "lapsed" and self.prompt_kind == "redirect":
            return "lapsed_provider"
        return "paid_topup" if self.name == "paid" and self.mode == "topup" else self.name

    @property
    def back(self) -> str:
        """How the shopper came back from the provider's page of the present attempt, if so."""
        here = self.name == "at_provider" and self.viewer.back_from == self.attempt_id
        return self.viewer.back if here else ""

    @property
    def slow_rails(self) -> Sequence[Way]:
        """Ways whose provider does not answer at the moment."""
        return [way for way in self.rails if way.slow]

    @property
    def can_leave(self) -> bool:
        """Whether the shopper may still abandon the session."""
        return self.name not in ("paid", "expired", "ended")

    @property
    def starts_itself(self) -> bool:
        """With one way to pay there is nothing to choose, unless choosing it pays or leads away."""
        return (
            self.name == "choose"
            and len(self.rails) == 1
            and not (self.rails[0].instant or self.rails[0].leads_away)
        )


@dataclass(frozen=True, slots=True)
class PaymentView:
    id: str
    rail: str
    amount: int
    amount_refunded: int
    late: bool
    reference: str
    bank: str | None
    paid_at: datetime


def load_page(session_id: str, viewer: Viewer = Viewer()) -> PageState:  # noqa: B008 - frozen
    """The state of one session's page. Raises 404 `resource_missing`.

    The session's id is what lets the shopper see it: nobody can guess one.
    """
    found = ids.is_id("cs", session_id)
    row = one(f"{_LOAD} WHERE session.id = %(id)s", id=session_id) if found else None
    if row is None:
        raise missing(what="checkout session")
    return make_page(row, viewer)


def load_pages(session_ids: Sequence[str]) -> list[PageState]:
    """The states of several sessions' pages, newest first."""
    rows = run(
        f"{_LOAD} WHERE session.id = ANY(%(ids)s) ORDER BY session.id DESC", ids=list(session_ids)
    )
    return [make_page(row) for row in rows]


def make_page(row: Any, viewer: Viewer = Viewer()) -> PageState:  # noqa: B008 - frozen
    """The state that a loaded row means."""
    name = name_state(row)
    due = max(0, row.amount - row.amount_received)
    held = row.transfers or ()
    attempts_left = _attempts_left(row)
    settings = row.store_settings or {}
    return PageState(
        id=row.id,
        name=name,
        seq=row.seq,
        read_at=row.read_at,
        livemode=row.livemode,
        store_name=row.store_name,
        logo=row.logo and logo_path(row.store_id, row.logo),
        brand_color=settings.get("brand_color"),
        store_locale=settings.get("locale"),
        locale=row.locale,
        currency=row.currency,
        amount=row.amount,
        amount_received=row.amount_received,
        amount_due=due,
        description=row.description,
        reference=row.reference,
        line_items=row.line_items or (),
        discount=row.discount,
        mode=row.mode,
        rails=list_ways(row, live_rail=_live_rail(row, name), due=due or row.amount, viewer=viewer),
        last_rail=row.attempt_rail,
        attempt_id=row.attempt_id,
        prompt=read_prompt(row) if name in ("waiting", "partly_paid", "at_provider") else None,
        prompt_kind=(row.attempt_prompt or {}).get("kind"),
        renewable=name == "lapsed" and _can_renew(row),
        stalled=name == "preparing" and row.store_now >= row.attempt_created_at + STALLED,
        failure_code=(row.attempt_failure or {}).get("code") if name == "failed" else None,
        can_try=name in ("choose", "lapsed", "failed", "partly_paid") and attempts_left > 0,
        attempts_left=attempts_left,
        max_attempts=row.max_attempts,
        expired_reason=row.expired_reason,
        ended_as=row.status,
        payment=_read_payment(row),
        surplus=_held(held, "over", row.currency),
        extra=_held(held, "duplicate", row.currency),
        is_late=any(item["disposition"] == "late" and not item["settled"] for item in held),
        booking=read_booking(row.fulfilment),
        contact=settings.get("contact_email"),
        success_url=_shop_url(row.success_url, row.id),
        cancel_url=_shop_url(row.cancel_url, row.id),
        polls=_polls(row, name),
        poll_for_seconds=_fulfilling_seconds(row) if name == "paid" else None,
        viewer=viewer,
    )


def name_state(row: Any) -> StateName:
    """Which of the page's states a session is in at its store's present time."""
    if row.status == "completed":
        return "paid"
    if row.status in ("abandoned", "cancelled"):
        return "ended"
    # The deadline holds to the moment, whether or not the sweep has been here.
    if row.status not in LIVE or row.store_now >= row.expires_at:
        return "expired"
    if row.attempt_status in LIVE_ATTEMPT and row.store_now < prompt_ends_at(row):
        return _name_by_prompt(row)
    if row.amount_received:
        return "partly_paid"
    return NAME_BY_ATTEMPT.get(row.attempt_status, "choose")


def _name_by_prompt(row: Any) -> StateName:
    kind = (row.attempt_prompt or {}).get("kind")
    if kind == "redirect":
        return "at_provider"
    if kind != "transfer":
        # The provider is being asked, or an instant answer is being recorded.
        return "preparing"
    return "partly_paid" if row.amount_received else "waiting"


def _attempts_left(row: Any) -> int:
    # A prompt that has run out counts as soon as the sweep sees it; the page already does.
    used: int = row.attempts
    if row.attempt_status in LIVE_ATTEMPT and row.store_now >= row.attempt_expires_at:
        used += 1
    most: int = row.max_attempts
    return max(0, most - used)


def _live_rail(row: Any, name: StateName) -> str | None:
    return row.attempt_rail if name in ("waiting", "partly_paid", "at_provider") else None


def _can_renew(row: Any) -> bool:
    ends_at = min(row.attempt_expires_at, row.expires_at)
    return row.attempt_status in LIVE_ATTEMPT and bool(row.store_now + WORTH_RENEWING <= ends_at)


def _read_payment(row: Any) -> PaymentView | None:
    if row.payment_id is None:
        return None
    banks = [item["details"].get("gateway") for item in row.transfers or () if item["details"]]
    return PaymentView(
        id=row.payment_id,
        rail=label_of(row.payment_rail),
        amount=row.payment_amount,
        amount_refunded=row.payment_amount_refunded,
        late=row.payment_late,
        reference=row.payment_reference,
        bank=next((str(bank) for bank in reversed(banks) if bank), None),
        paid_at=row.payment_paid_at,
    )


def _held(transfers: Sequence[Mapping[str, Any]], disposition: str, currency: str) -> int:
    return sum(
        int(item["held"])
        for item in transfers
        if item["disposition"] == disposition and item["currency"] == currency
    )


def _polls(row: Any, name: StateName) -> Sequence[int]:
    if name in ("expired", "ended"):
        # Money that the bank dates in time may still turn the page green, for a while.
        minutes = (row.store_settings or {}).get("late_grace_minutes", LATE_GRACE_MINUTES)
        until = (row.ended_at or row.expires_at) + timedelta(minutes=minutes)
        lingers = row.status != "cancelled" and row.attempt_id and row.store_now < until
        return LINGERING if lingers else ()
    if name != "paid":
        return WATCHED
    left = _fulfilling_seconds(row)
    passed = sum(until <= FULFILLING_SECONDS - left for until in accumulate(FULFILLING[:-1]))
    return FULFILLING[passed:] if left else ()


def _fulfilling_seconds(row: Any) -> int:
    """How much longer the page looks out for what the shop does for the money."""
    waits = (row.fulfilment or {}).get("status", "none") == "none" and row.mode != "topup"
    if not waits or row.ended_at is None:
        return 0
    left = row.ended_at + timedelta(seconds=FULFILLING_SECONDS) - row.store_now
    return min(FULFILLING_SECONDS, max(0, int(left.total_seconds())))


def _shop_url(url: str | None, session_id: str) -> str | None:
    return web_url(url.replace("{SESSION_ID}", session_id)) if url else None
