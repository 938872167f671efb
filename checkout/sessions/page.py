"""What the shopper's page shows: one query, turned into one plain state.

Nothing is judged here that money depends on. The page may be a moment older than the truth;
whatever a form sends is decided anew by the verb it reaches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from checkout.core import ids
from checkout.core.config import config
from checkout.core.db import one
from checkout.core.errors import missing
from checkout.rails.registry import get_rail
from checkout.sessions.queries import STORE_NOW
from checkout.sessions.states import LIVE

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

LIVE_ATTEMPT = ("pending", "requires_action")
NAME_BY_ATTEMPT: Mapping[str | None, StateName] = {
    "failed": "failed",
    "expired": "lapsed",
    # Run out, though the sweep has not seen it yet.
    "pending": "lapsed",
    "requires_action": "lapsed",
}
PLAYS = ("exact", "short", "over", "twice", "late", "mangled")
"""What the test mode's pretend bank can do; after a part has come, pay the rest too."""
WATCHED_SECONDS = 4
LINGERING_SECONDS = 8
LATE_GRACE_MINUTES = 15
"""The store's default, for settings that do not say it."""
TRANSFERS_SHOWN = 20

_LOAD = f"""
SELECT session.id, session.mode, session.status, session.payment_status, session.seq,
    session.expired_reason, session.amount, session.amount_received, session.currency,
    session.line_items, session.discount, session.description, session.reference,
    session.rails, session.attempts, session.max_attempts, session.expires_at, session.ended_at,
    session.success_url, session.cancel_url, session.locale, session.livemode,
    session.fulfilment, session.store_id,
    store.name AS store_name, store.settings AS store_settings, {STORE_NOW} AS store_now,
    ARRAY(SELECT rail FROM rail_account WHERE rail_account.store_id = session.store_id
        AND rail_account.livemode = session.livemode AND rail_account.enabled
        AND rail_account.superseded_at IS NULL) AS enabled_rails,
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
WHERE session.id = %(id)s
"""  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True)
class RailChoice:
    name: str
    label: str
    current: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A bank-app button; `hue` colours its letter."""

    name: str
    url: str
    fills: bool
    hue: int


@dataclass(frozen=True, slots=True)
class PromptView:
    """What there is to pay with right now."""

    attempt_id: str
    rail: str
    code: str
    kind: str
    qr_payload: str | None
    details: Mapping[str, str]
    links: Sequence[Link]
    redirect_url: str | None
    remaining_seconds: int
    total_seconds: int

    @property
    def memo(self) -> str:
        """What the transfer must carry: what banks keep of the code."""
        return self.details.get("memo") or self.code.replace("-", "")


@dataclass(frozen=True, slots=True)
class PageState:
    """Everything a template may show. Amounts are minor units of `currency`."""

    id: str
    name: StateName
    seq: int
    livemode: bool
    store_name: str
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
    rails: Sequence[RailChoice]
    last_rail: str | None
    attempt_id: str | None
    prompt: PromptView | None
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
    fulfilment: Mapping[str, Any]
    success_url: str | None
    cancel_url: str | None
    poll_seconds: int | None
    """How often to ask without a socket; None once nothing more is expected."""

    @property
    def version(self) -> str:
        """Changes whenever the page would look different."""
        return f"{self.seq}.{self.name}"

    @property
    def plays(self) -> Sequence[str]:
        """How the pretend bank of the test mode may be played now."""
        if self.livemode or self.attempt_id is None or self.name in ("paid", "preparing"):
            return ()
        if self.name in ("expired", "ended"):
            return ("exact",)
        return ("rest", *PLAYS[1:]) if self.amount_received else PLAYS

    @property
    def fulfilment_url(self) -> str | None:
        return web_url(self.fulfilment.get("url"))

    @property
    def can_leave(self) -> bool:
        """Whether the shopper may still abandon the session."""
        return self.name not in ("paid", "expired", "ended")

    @property
    def starts_itself(self) -> bool:
        """With one way to pay there is nothing to choose."""
        return self.name == "choose" and len(self.rails) == 1


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


def load_page(session_id: str) -> PageState:
    """The state of one session's page. Raises 404 `resource_missing`.

    The session's id is what lets the shopper see it: nobody can guess one.
    """
    row = one(_LOAD, id=session_id) if ids.is_id("cs", session_id) else None
    if row is None:
        raise missing(what="checkout session")
    return make_page(row)


def make_page(row: Any) -> PageState:
    """The state that a loaded row means."""
    name = name_state(row)
    held = row.transfers or ()
    attempts_left = _attempts_left(row)
    settings = row.store_settings or {}
    return PageState(
        id=row.id,
        name=name,
        seq=row.seq,
        livemode=row.livemode,
        store_name=row.store_name,
        brand_color=settings.get("brand_color"),
        store_locale=settings.get("locale"),
        locale=row.locale,
        currency=row.currency,
        amount=row.amount,
        amount_received=row.amount_received,
        amount_due=max(0, row.amount - row.amount_received),
        description=row.description,
        reference=row.reference,
        line_items=row.line_items or (),
        discount=row.discount,
        rails=_list_rails(row, name),
        last_rail=row.attempt_rail,
        attempt_id=row.attempt_id,
        prompt=_read_prompt(row) if name in ("waiting", "partly_paid", "at_provider") else None,
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
        fulfilment=row.fulfilment or {"status": "none"},
        success_url=_shop_url(row.success_url, row.id),
        cancel_url=_shop_url(row.cancel_url, row.id),
        poll_seconds=_poll_seconds(row, name),
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
    if row.attempt_status in LIVE_ATTEMPT and row.store_now < _prompt_ends_at(row):
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


def _prompt_ends_at(row: Any) -> datetime:
    ends: datetime = min(row.attempt_expires_at, row.expires_at)
    own = (row.attempt_prompt or {}).get("expires_at")
    return min(ends, datetime.fromisoformat(own)) if own else ends


def _attempts_left(row: Any) -> int:
    # A prompt that has run out counts as soon as the sweep sees it; the page already does.
    used: int = row.attempts
    if row.attempt_status in LIVE_ATTEMPT and row.store_now >= row.attempt_expires_at:
        used += 1
    most: int = row.max_attempts
    return max(0, most - used)


def _list_rails(row: Any, name: StateName) -> list[RailChoice]:
    live = row.attempt_rail if name in ("waiting", "partly_paid", "at_provider") else None
    return [
        RailChoice(rail, _label(rail), current=rail == live)
        for rail in row.rails
        if rail in row.enabled_rails
    ]


def _label(rail: str) -> str:
    try:
        return get_rail(rail).label
    except KeyError:
        return rail


def _read_prompt(row: Any) -> PromptView | None:
    prompt = row.attempt_prompt
    ends_at = _prompt_ends_at(row)
    if row.attempt_status not in LIVE_ATTEMPT or not prompt or row.store_now >= ends_at:
        return None
    return PromptView(
        attempt_id=row.attempt_id,
        rail=row.attempt_rail,
        code=row.attempt_code,
        kind=prompt["kind"],
        qr_payload=prompt.get("qr_payload"),
        details=prompt.get("transfer_details") or {},
        links=[_read_link(link) for link in prompt.get("deeplinks") or ()],
        redirect_url=web_url(prompt.get("redirect_url")),
        remaining_seconds=_seconds(ends_at - row.store_now),
        total_seconds=max(1, _seconds(ends_at - row.attempt_created_at)),
    )


def _read_link(link: Mapping[str, Any]) -> Link:
    name = str(link["name"])
    # Eight colours; the same bank always has the same one.
    hue = sum(name.encode()) % 8
    return Link(name, web_url(link["url"]) or "#", bool(link.get("fills")), hue)


def _read_payment(row: Any) -> PaymentView | None:
    if row.payment_id is None:
        return None
    banks = [item["details"].get("gateway") for item in row.transfers or () if item["details"]]
    return PaymentView(
        id=row.payment_id,
        rail=_label(row.payment_rail),
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


def _poll_seconds(row: Any, name: StateName) -> int | None:
    if name in ("expired", "ended"):
        # Money that the bank dates in time may still turn the page green, for a while.
        minutes = (row.store_settings or {}).get("late_grace_minutes", LATE_GRACE_MINUTES)
        until = (row.ended_at or row.expires_at) + timedelta(minutes=minutes)
        lingers = row.status != "cancelled" and row.attempt_id and row.store_now < until
        return LINGERING_SECONDS if lingers else None
    return None if name == "paid" else WATCHED_SECONDS


def _seconds(span: timedelta) -> int:
    return max(0, int(span.total_seconds()))


def _shop_url(url: str | None, session_id: str) -> str | None:
    return web_url(url.replace("{SESSION_ID}", session_id)) if url else None


def web_url(url: object) -> str | None:
    """A link that came from data, if it is one that a page may show: https, or http outside
    production. Anything else (`javascript:`, `data:`) is None.
    """
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    plain = parts.scheme == "http" and config().environment != "production"
    return url if (parts.scheme == "https" or plain) and parts.netloc else None
