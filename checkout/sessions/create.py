"""Create a session: validated, priced, stored with its first history row and its event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from checkout.core import ids
from checkout.core.db import jsonb, one, run
from checkout.core.errors import invalid, missing
from checkout.core.origin import origin_of
from checkout.core.outbox import Event, record_event
from checkout.customers.find_or_create import find_or_create
from checkout.merchants.rail_accounts import enabled_rails, rail_fits
from checkout.merchants.settings import StoreSettings
from checkout.rails.registry import get_rail
from checkout.sessions.amounts import check_bounds, check_currency, total_amount
from checkout.sessions.objects import session_object
from checkout.sessions.queries import STORE_NOW, expand
from checkout.sessions.remind import SHORTEST_SECONDS

_INSERT = """
WITH session AS (
    INSERT INTO checkout_session (
        id, store_id, livemode, mode, status, payment_status, seq, amount, currency, line_items,
        description, reference, customer_id, customer_proven, rails, max_attempts, created_at,
        expires_at, reminds, success_url, cancel_url, locale, metadata)
    SELECT %(id)s, store.id, %(livemode)s, %(mode)s, 'open', 'unpaid', 1, %(amount)s, %(currency)s,
        %(line_items)s, %(description)s, %(reference)s, %(customer_id)s, %(customer_proven)s,
        %(rails)s, %(max_attempts)s, clock.now,
        clock.now + make_interval(mins => %(duration_minutes)s), %(reminds)s,
        %(success_url)s, %(cancel_url)s, %(locale)s, %(metadata)s
    FROM store, LATERAL (SELECT clock_timestamp() + CASE WHEN %(livemode)s THEN interval '0'
        ELSE make_interval(secs => store.clock_offset_seconds) END AS now) AS clock
    WHERE store.id = %(store_id)s
    RETURNING *
), history AS (
    INSERT INTO session_history (session_id, store_id, livemode, seq, from_status, to_status,
        event, actor, at)
    SELECT id, store_id, livemode, seq, NULL, status, 'created', %(actor)s, created_at FROM session
)
SELECT * FROM session
"""


def create_session(
    given: Mapping[str, Any],
    *,
    store_id: str,
    livemode: bool,
    settings: StoreSettings,
    actor: str,
    by_secret_key: bool = False,
) -> tuple[dict[str, Any], bool]:
    """Create a session from the fields of `POST /checkout/sessions`.

    Returns its API form and whether it is new (`reuse_open` may find the store's still-open
    session of the same reference, amount and currency instead). A `customer_id` that a secret
    key gives proves the customer; only then their wallet is offered. Raises 422 with the
    field, 404 for a customer or plan that is not this store's.
    """
    mode = given["mode"]
    currency = check_currency(given["currency"])
    amount = total_amount(given["amount"], given["line_items"])
    check_bounds(amount, currency, mode, settings)
    _refuse_unknown_extras(given)
    if given["reuse_open"]:
        found = _find_open(given, amount, currency, store_id, livemode)
        if found is not None:
            return found, False
    duration_minutes = given["duration_minutes"] or settings.duration_minutes
    proven = by_secret_key and given["customer_id"] is not None
    session = one(
        _INSERT,
        id=ids.new_id("cs"),
        store_id=store_id,
        livemode=livemode,
        mode=mode,
        amount=amount,
        currency=currency,
        line_items=jsonb(given["line_items"]),
        description=given["description"],
        reference=given["reference"],
        customer_id=resolve_customer(given, store_id=store_id, livemode=livemode, mode=mode),
        customer_proven=proven,
        rails=choose_rails(
            given["rails"],
            store_id,
            livemode,
            currency,
            amount,
            wallet=offers_wallet(mode, proven),
        ),
        max_attempts=given["max_attempts"] or settings.max_attempts,
        duration_minutes=duration_minutes,
        reminds=duration_minutes * 60 >= SHORTEST_SECONDS,
        success_url=check_return_url(given["success_url"], "success_url", livemode, settings),
        cancel_url=check_return_url(given["cancel_url"], "cancel_url", livemode, settings),
        locale=given["locale"],
        metadata=given["metadata"],
        actor=actor,
    )
    if session is None:
        raise missing(what="store")
    answer = session_object(session, now=session.created_at)
    record_event(
        Event(
            type="checkout.session.created",
            store_id=store_id,
            livemode=livemode,
            subject=session.id,
            object=answer,
            at=session.created_at,
        )
    )
    return answer, True


def offers_wallet(mode: str, customer_proven: bool) -> bool:
    """Whether a session may be paid from its customer's wallet: never for an address typed in,
    and never to fill that very wallet.
    """
    return customer_proven and mode != "topup"


def choose_rails(
    wanted: Sequence[str] | None,
    store_id: str,
    livemode: bool,
    currency: str,
    amount: int,
    *,
    wallet: bool,
) -> list[str]:
    """The rails that are enabled and fit, or the wanted ones of them; raises 422.

    `wallet` says whether the customer's wallet may be among them.
    """
    fitting = [
        offer.rail
        for offer in enabled_rails(store_id, livemode)
        if rail_fits(offer.rail, currency, amount) and (wallet or not get_rail(offer.rail).instant)
    ]
    if wanted is None:
        if not fitting:
            raise invalid(
                "rail_not_available",
                f"No enabled rail takes {amount} {currency}. Configure one first.",
                "rails",
            )
        return fitting
    for index, name in enumerate(wanted):
        if name not in fitting:
            raise invalid(
                "rail_not_available",
                f"{name!r} is not enabled, or is not offered for {amount} {currency} here.",
                f"rails.{index}",
            )
    return list(dict.fromkeys(wanted))


def resolve_customer(
    given: Mapping[str, Any], *, store_id: str, livemode: bool, mode: str
) -> str | None:
    """The customer's id: an existing one, or matched or created from what is given."""
    if given["customer_id"] is not None:
        if given["customer"] is not None:
            raise invalid("invalid_value", "Give customer or customer_id, not both.", "customer")
        return _own_customer(given["customer_id"], store_id, livemode)
    if given["customer"]:
        return find_or_create(store_id, livemode, given["customer"])
    if mode in ("topup", "subscription"):
        raise invalid("customer_required", f"A {mode} needs a customer.", "customer")
    return None


def check_return_url(
    url: str | None, param: str, livemode: bool, settings: StoreSettings
) -> str | None:
    """https to an allowed host; in test mode also http to this machine. Raises 422."""
    if url is None:
        return None
    check_link(url, param, livemode)
    host = (origin_of(url) or "").removeprefix("https://")
    if livemode and host not in _bare_hosts(settings.allowed_hosts):
        raise invalid("host_not_allowed", f"{host} is not on the store's list of hosts.", param)
    return url


def _bare_hosts(hosts: Sequence[str]) -> list[str]:
    """Allowed hosts as origins name them: without the port that https has anyway."""
    return [host.removesuffix(":443") for host in hosts]


def check_link(url: str, param: str, livemode: bool) -> str:
    """The host of an https address, in test mode also of http to this machine; raises 422."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise invalid("invalid_url", "This is not an address.", param) from None
    plain_ok = parts.scheme == "http" and not livemode and host in ("localhost", "127.0.0.1", "::1")
    if not host or parts.username is not None or not (parts.scheme == "https" or plain_ok):
        raise invalid("invalid_url", "Give an https address.", param)
    return host


def _own_customer(customer_id: str, store_id: str, livemode: bool) -> str:
    rows = run(
        "SELECT id FROM customer WHERE id = %(id)s AND store_id = %(store_id)s"
        " AND livemode = %(livemode)s",
        id=customer_id,
        store_id=store_id,
        livemode=livemode,
    )
    if not rows:
        raise missing("customer_id", "customer")
    return customer_id


def _refuse_unknown_extras(given: Mapping[str, Any]) -> None:
    """A plan or coupon that this store does not have; none can exist before their areas."""
    if given["mode"] == "subscription":
        if given["plan"] is None:
            raise invalid("missing_required_field", "A subscription needs a plan.", "plan")
        raise missing("plan", "plan")
    if given["plan"] is not None:
        raise invalid("invalid_value", "Only a subscription has a plan.", "plan")
    if given["coupon"] is not None:
        raise invalid("coupon_invalid", "There is no such coupon.", "coupon")


def _find_open(
    given: Mapping[str, Any], amount: int, currency: str, store_id: str, livemode: bool
) -> dict[str, Any] | None:
    reference = given["reference"]
    if reference is None:
        raise invalid("missing_required_field", "reuse_open needs a reference.", "reference")
    # Two calls at once for one reference: the second waits here and then finds the first's.
    run(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))",
        key=f"reuse:{store_id}:{livemode}:{reference}",
    )
    session = one(
        f"SELECT session.*, {STORE_NOW} AS store_now FROM checkout_session AS session"  # noqa: S608
        " JOIN store ON store.id = session.store_id"
        " WHERE session.store_id = %(store_id)s AND session.livemode = %(livemode)s"
        " AND session.reference = %(reference)s AND session.amount = %(amount)s"
        " AND session.currency = %(currency)s AND session.mode = %(mode)s"
        # Nobody gets a session that may be paid from somebody else's wallet.
        " AND (NOT session.customer_proven OR session.customer_id = %(customer_id)s)"
        " AND session.status IN ('open', 'processing', 'awaiting_action')"
        f" AND session.expires_at > {STORE_NOW} ORDER BY session.id DESC LIMIT 1",
        store_id=store_id,
        livemode=livemode,
        reference=reference,
        amount=amount,
        currency=currency,
        mode=given["mode"],
        customer_id=given["customer_id"],
    )
    return expand([session])[0] if session is not None else None
