"""Endpoints: made, changed, given a new secret, tested, removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checkout.core import clock, ids
from checkout.core.addresses import (
    USUAL_PORTS,
    BadUrl,
    Target,
    is_listed,
    is_public,
    literal_address,
    parse_target,
)
from checkout.core.audit import record_audit
from checkout.core.config import config
from checkout.core.crypto import seal, unseal
from checkout.core.db import execute, one, run
from checkout.core.errors import Problem, conflict, invalid, missing
from checkout.core.jobs import ring
from checkout.core.outbox import Event, record_event
from checkout.core.scope import Scope
from checkout.merchants.members import hold_store
from checkout.webhooks.fanout import DELIVER, insert_deliveries
from checkout.webhooks.objects import endpoint_object
from checkout.webhooks.sign import new_secret
from checkout.webhooks.states import DISABLED
from checkout.webhooks.types import TEST_EVENT, is_pattern

MOST_ENDPOINTS = 50
OLD_SECRET_HOURS = 24
RESUMED_MOST = 20_000


def create_endpoint(
    scope: Scope,
    *,
    url: str,
    enabled_events: Sequence[str],
    description: str = "",
    enabled: bool = True,
) -> tuple[Any, str]:
    """A new endpoint's row and its secret, which is shown this once.

    Raises 422 `invalid_url`, `unknown_event_type`; 409 `too_many_endpoints`.
    """
    check_url(url, livemode=scope.livemode)
    check_events(enabled_events)
    hold_store(scope.store_id)
    _refuse_more(scope)
    endpoint_id, secret = ids.new_id("we"), new_secret()
    row = one(
        "INSERT INTO endpoint (id, store_id, livemode, url, enabled_events, description, enabled,"
        " secret) VALUES (%(id)s, %(store_id)s, %(livemode)s, %(url)s, %(enabled_events)s,"
        " %(description)s, %(enabled)s, %(secret)s) RETURNING *",
        id=endpoint_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
        url=url,
        enabled_events=_tidy(enabled_events),
        description=description,
        enabled=enabled,
        secret=seal(secret.encode(), row=endpoint_id, column="endpoint.secret"),
    )
    record_audit(
        scope.store_id, scope.actor, "webhook_endpoint.created", endpoint_id, scope.livemode
    )
    return row, secret


def update_endpoint(scope: Scope, endpoint_id: str, changes: Mapping[str, Any]) -> Any:
    """Change url, enabled_events, description or enabled; returns the row.

    An endpoint that is enabled again goes on with what was stopped while it was disabled.
    """
    row = lock_endpoint(scope, endpoint_id)
    if "url" in changes:
        check_url(changes["url"], livemode=scope.livemode)
    if "enabled_events" in changes:
        check_events(changes["enabled_events"])
    merged = {name: changes.get(name, getattr(row, name)) for name in _CHANGEABLE}
    changed = one(
        "UPDATE endpoint SET url = %(url)s, enabled_events = %(enabled_events)s,"
        " description = %(description)s, enabled = %(enabled)s,"
        " disabled_reason = CASE WHEN %(enabled)s THEN NULL WHEN enabled THEN 'merchant'"
        " ELSE disabled_reason END,"
        " failing_since = CASE WHEN %(enabled)s AND NOT enabled THEN NULL ELSE failing_since END"
        " WHERE id = %(id)s RETURNING *",
        id=endpoint_id,
        **(merged | {"enabled_events": _tidy(merged["enabled_events"])}),
    )
    if merged["enabled"] and not row.enabled:
        _resume(endpoint_id)
    record_audit(
        scope.store_id,
        scope.actor,
        "webhook_endpoint.updated",
        endpoint_id,
        scope.livemode,
        changed=sorted(changes),
    )
    return changed


_CHANGEABLE = ("url", "enabled_events", "description", "enabled")


def rotate_secret(scope: Scope, endpoint_id: str) -> tuple[Any, str]:
    """A new secret; the one before stays valid for a day, so that nobody misses an event."""
    row = lock_endpoint(scope, endpoint_id)
    secret = new_secret()
    old = unseal(row.secret, row=endpoint_id, column="endpoint.secret")
    changed = one(
        "UPDATE endpoint SET secret = %(secret)s, old_secret = %(old)s,"
        " old_secret_until = clock_timestamp() + %(hours)s * interval '1 hour'"
        " WHERE id = %(id)s RETURNING *",
        id=endpoint_id,
        secret=seal(secret.encode(), row=endpoint_id, column="endpoint.secret"),
        old=seal(old, row=endpoint_id, column="endpoint.old_secret"),
        hours=OLD_SECRET_HOURS,
    )
    record_audit(
        scope.store_id, scope.actor, "webhook_endpoint.secret_rotated", endpoint_id, scope.livemode
    )
    return changed, secret


def delete_endpoint(scope: Scope, endpoint_id: str) -> None:
    """Remove an endpoint: it gets nothing more; the log of what it got stays."""
    lock_endpoint(scope, endpoint_id)
    execute(
        "UPDATE endpoint SET deleted_at = clock_timestamp(), enabled = false WHERE id = %(id)s",
        id=endpoint_id,
    )
    # What still waits is cancelled on the way by those who lease.
    ring(DELIVER)
    record_audit(
        scope.store_id, scope.actor, "webhook_endpoint.deleted", endpoint_id, scope.livemode
    )


def send_test_event(scope: Scope, endpoint_id: str) -> str:
    """Send a test event to this endpoint alone; returns the delivery's id.

    Raises 409 `endpoint_disabled`.
    """
    row = lock_endpoint(scope, endpoint_id)
    if not row.enabled:
        raise disabled()
    event_id = record_event(
        Event(
            type=TEST_EVENT,
            store_id=scope.store_id,
            livemode=scope.livemode,
            subject=endpoint_id,
            object=endpoint_object(row),
            at=clock.now(scope.store_id, scope.livemode),
        )
    )
    # Dispatched already: it must reach no other endpoint.
    execute("UPDATE outbox SET dispatched_at = clock_timestamp() WHERE id = %(id)s", id=event_id)
    return insert_deliveries([(event_id, row)])[0]


def load_endpoint(scope: Scope, endpoint_id: str) -> Any:
    """An endpoint's row. Raises 404 `resource_missing`."""
    return _found(run(_ONE, id=endpoint_id, store_id=scope.store_id, livemode=scope.livemode))


def lock_endpoint(scope: Scope, endpoint_id: str) -> Any:
    """The same, locked until the transaction ends."""
    return _found(
        run(
            f"{_ONE} FOR UPDATE",
            id=endpoint_id,
            store_id=scope.store_id,
            livemode=scope.livemode,
        )
    )


def disabled() -> Problem:
    return conflict(DISABLED, "This endpoint is disabled; enable it first.")


def check_events(patterns: Sequence[str]) -> None:
    """Raise 422 `unknown_event_type` for what is neither a type nor a group of types."""
    for number, pattern in enumerate(patterns):
        if not is_pattern(pattern):
            raise invalid(
                "unknown_event_type",
                "An entry is *, an event type, or a group of types such as payment.*.",
                f"enabled_events.{number}",
            )


def check_url(url: str, *, livemode: bool) -> None:
    """Raise 422 `invalid_url` for an address that nothing would ever be sent to.

    Its name is not resolved here: that is done, and vetted, at every try.
    """
    try:
        target = parse_target(url)
    except BadUrl as error:
        raise _bad_url(f"This URL cannot be used: {error}.") from None
    listed = is_listed(target, literal_address(target.host), config().private_targets)
    if target.scheme != "https" and (livemode or not listed):
        raise _bad_url("Use https. In test mode http is allowed for the hosts in PRIVATE_TARGETS.")
    if listed:
        return
    if not _may_be_public(target):
        raise _bad_url("This host is not public. An operator can list it in PRIVATE_TARGETS.")
    if target.port not in USUAL_PORTS:
        raise _bad_url("Use port 443, 80, 8443 or 8080.")


def _may_be_public(target: Target) -> bool:
    address = literal_address(target.host)
    if address is not None:
        return is_public(address)
    top = target.host.rpartition(".")[2]
    return "." in target.host and top not in ("localhost", "local", "internal")


def _bad_url(message: str) -> Problem:
    return invalid("invalid_url", message, "url")


def _tidy(patterns: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(patterns))


def _refuse_more(scope: Scope) -> None:
    row = one(
        "SELECT count(*) AS total FROM endpoint WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND deleted_at IS NULL",
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
    if row is not None and row.total >= MOST_ENDPOINTS:
        raise conflict("too_many_endpoints", f"A store has at most {MOST_ENDPOINTS} endpoints.")


_ONE = (
    "SELECT * FROM endpoint WHERE id = %(id)s AND store_id = %(store_id)s"
    " AND livemode = %(livemode)s AND deleted_at IS NULL"
)


def _found(rows: list[Any]) -> Any:
    if not rows:
        raise missing(what="webhook endpoint")
    return rows[0]


def _resume(endpoint_id: str) -> None:
    """Go on with what was stopped, the newest first where it is very much."""
    execute(
        "UPDATE delivery SET status = 'waiting', last_error = NULL,"
        " next_try_at = clock_timestamp()"
        " WHERE id IN (SELECT id FROM delivery WHERE endpoint_id = %(id)s"
        " AND status = 'exhausted' AND last_error = %(error)s"
        " ORDER BY id DESC LIMIT %(most)s)",
        id=endpoint_id,
        error=DISABLED,
        most=RESUMED_MOST,
    )
    ring(DELIVER)
