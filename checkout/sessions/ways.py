"""The ways to pay that a page offers, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from checkout.core.brief_cache import BriefCache
from checkout.merchants.rail_accounts import load_account, rail_fits
from checkout.rails.base import Rail
from checkout.rails.registry import get_rail, names
from checkout.sessions.viewer import Viewer

SLOW_AFTER_FAILURES = 5
"""As many in a row as make the breaker leave a provider alone."""
SLOW_MINUTES = 10
"""So long after its last rest a provider that nobody has tried since counts as slow."""

OFFERS = f"""
(SELECT coalesce(jsonb_object_agg(offer.rail, jsonb_build_object('account', offer.id,
    'slow', coalesce(health.failures >= {SLOW_AFTER_FAILURES}
        AND health.resting_until > clock_timestamp() - interval '{SLOW_MINUTES} minutes', false))),
    '{{}}')
FROM rail_account AS offer LEFT JOIN rail_health AS health ON health.rail_account_id = offer.id
WHERE offer.store_id = session.store_id AND offer.livemode = session.livemode
    AND offer.enabled AND offer.superseded_at IS NULL)
"""  # noqa: S608 - put together from constants
"""SQL: what the store offers now, by rail."""
WALLET_BALANCE = """
CASE WHEN session.customer_proven AND 'wallet' = ANY(session.rails) THEN coalesce(
    (SELECT wallet.balance FROM account AS wallet WHERE wallet.store_id = session.store_id
        AND wallet.livemode = session.livemode AND wallet.currency = session.currency
        AND wallet.kind = 'wallet'
        AND coalesce(wallet.customer_id, '') = session.customer_id), 0) END
"""
"""SQL: what the customer's wallet holds; null where it is not offered."""

_origins: BriefCache[str, tuple[str, ...]] = BriefCache(kept_seconds=600)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay, as a button of the page."""

    name: str
    label: str
    account_id: str
    current: bool = False
    slow: bool = False
    """Its provider does not answer at the moment; it may be chosen all the same."""
    opens_app: bool = False
    leads_away: bool = False
    """Choosing it leads to a provider's page."""
    balance: int | None = None
    """What the wallet holds, for the wallet alone."""
    enough: bool = True

    @property
    def instant(self) -> bool:
        """Whether choosing it pays at once."""
        return self.balance is not None


def list_ways(row: Any, *, live_rail: str | None, due: int, viewer: Viewer) -> list[Way]:
    """What the session allows, the store still offers and what is due fits, in order."""
    ways = [
        _make_way(name, row, current=name == live_rail, due=due)
        for name in row.rails
        if name in row.offers and name in names() and _fits(name, row, due)
    ]
    return sorted(ways, key=lambda way: _rank(way, viewer))


def label_of(rail: str) -> str:
    """A rail's brand or text key; its name where it is known no more."""
    return get_rail(rail).label if rail in names() else rail


def leads_away(rail: Rail) -> bool:
    """Whether a rail sends shoppers to pages of its provider's."""
    return type(rail).page_origins is not Rail.page_origins


def provider_origins(ways: Sequence[Way]) -> tuple[str, ...]:
    """Where the forms of a page with these ways may lead."""
    return tuple(origin for way in ways if way.leads_away for origin in origins_of(way))


def origins_of(way: Way) -> tuple[str, ...]:
    """The origins of one way's provider. An account never changes: another one follows it."""
    return _origins.get(
        way.account_id,
        lambda: tuple(get_rail(way.name).page_origins(load_account(way.account_id)[1])),
    )


def _make_way(name: str, row: Any, *, current: bool, due: int) -> Way:
    rail, offer = get_rail(name), row.offers[name]
    balance = row.wallet_balance if rail.instant else None
    return Way(
        name=name,
        label=rail.label,
        account_id=offer["account"],
        current=current,
        slow=offer["slow"],
        opens_app=rail.opens_app,
        leads_away=leads_away(rail),
        balance=balance,
        enough=balance is None or balance >= due,
    )


def _fits(name: str, row: Any, due: int) -> bool:
    # A wallet whose customer is not proven is nobody's to see.
    proven = not get_rail(name).instant or row.wallet_balance is not None
    return proven and rail_fits(name, row.currency, due)


def _rank(way: Way, viewer: Viewer) -> int:
    """The order of ways; those of the same rank stay in the store's own order."""
    if not way.enough:
        return 5
    if way.slow:
        return 4
    if way.name == viewer.way:
        return 0
    if way.instant:
        return 1
    return 2 if viewer.phone and way.opens_app else 3
