"""A store's audit trail and the refusals at its doors, newest first, searched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from checkout.core.clock import rfc3339
from checkout.core.db import one, run
from checkout.core.errors import invalid
from checkout.core.lists import ListQuery, read_number_cursor, write_cursor

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
PREFIX = {"audit": "aud_", "security": "sec_"}
OWN = "store_id = %(store_id)s"
OF_MEMBERS = (
    "store_id IS NULL AND actor = ANY(SELECT 'user:' || user_id FROM membership"
    " WHERE store_id = %(store_id)s) AND kind = ANY(%(at_the_door)s)"
)
NEWEST = 20

ACTIONS = (
    "store.created",
    "store.changed",
    "store.logo_set",
    "store.logo_removed",
    "store.deleted",
    "member.invited",
    "member.invitation_revoked",
    "member.joined",
    "member.changed",
    "member.email_changed",
    "member.removed",
    "key.created",
    "key.revoked",
    "rail.configured",
    "rail.refreshed",
    "webhook_endpoint.created",
    "webhook_endpoint.updated",
    "webhook_endpoint.secret_rotated",
    "webhook_endpoint.deleted",
    "webhook_endpoint.disabled",
    "webhook_endpoint.deliveries_retried",
    "webhook_delivery.retried",
    "event.resent",
    "transfer.resolved",
    "customer.created",
    "customer.changed",
    "customer.deleted",
    "session.cancelled",
    "session.expired",
)
"""Everything that is written down, each as `<area>.<what happened>`."""
REFUSALS = (
    "action_refused",
    "hook_refused",
    "log_in_failed",
    "key_refused",
    "token_refused",
    "refresh_token_reused",
    "address_blocked",
    "account_locked",
    "rate_limited",
    "foreign_form",
    "foreign_page",
    "foreign_socket",
)
"""What is kept of refusals; those that name neither store nor member are the operator's."""
AT_THE_DOOR = ("log_in_failed", "refresh_token_reused", "address_blocked", "account_locked")
"""What a store's managers see of a member's account: that somebody tried to get in by it."""
ACCOUNT_EVENTS = (
    *AT_THE_DOOR,
    "rate_limited",
    "foreign_form",
    "form_refused",
    "password_changed",
    "email_changed",
    "two_factor_on",
    "two_factor_off",
    "recovery_code_used",
    "recovery_codes_renewed",
)
"""What merchants see of their own account; of no store, and shown to nobody else."""
COMMAND = "command"
OLD_ACTORS = {"cli": COMMAND}
"""Actors as entries once named them, which nothing can change, and what they are called now."""


class AuditList(ListQuery):
    kind: Literal["audit", "security"] = "audit"
    action: Word | None = Field(
        default=None, description="As `member.invited`, or an area as `member`."
    )
    actor: Word | None = None
    target: Word | None = None


class AuditAnswer(BaseModel):
    id: str
    object: Literal["audit_entry", "security_event"]
    action: str = Field(description="What was done, or what was refused.")
    actor: str
    target: str | None
    address: str | None
    details: dict[str, Any]
    seq: int | None = Field(description="The entry's number in the store's chain.")
    hash: str | None
    previous_hash: str | None
    created_at: str
    livemode: bool | None = Field(description="Null for what concerns both modes.")


def list_trail(store_id: str, query: AuditList) -> dict[str, Any]:
    """One page of entries, or with kind `security` of refusals, of a store in both modes.

    Refusals are those at the store's own doors, and the failed sign-ins of its members. Raises
    `invalid_cursor`.
    """
    security = query.kind == "security"
    prefix = PREFIX[query.kind]
    where, params = _where(query, "kind" if security else "action", has_target=not security)
    whose = [OWN, OF_MEMBERS] if security else [OWN]
    table = "security_event" if security else "audit_entry"
    if security:
        params["at_the_door"] = list(AT_THE_DOOR)
    page = list(where)
    if query.cursor is not None:
        page.append("id < %(after)s")
        params["after"] = read_number_cursor(query.cursor, prefix)
    parts = [
        f"(SELECT * FROM {table} WHERE {' AND '.join([one_part, *page])}"  # noqa: S608 - constants
        " ORDER BY id DESC LIMIT %(most)s)"
        for one_part in whose
    ]
    rows = run(
        f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS found"  # noqa: S608 - constants
        " ORDER BY id DESC LIMIT %(most)s",
        store_id=store_id,
        most=query.limit + 1,
        **params,
    )
    has_more = len(rows) > query.limit
    rows = rows[: query.limit]
    answer: dict[str, Any] = {
        "object": "list",
        "data": [_event_object(row) if security else _entry_object(row) for row in rows],
        "has_more": has_more,
        "next_cursor": write_cursor(f"{prefix}{rows[-1].id}") if has_more else None,
    }
    if query.include == "total_count":
        answer["total_count"] = _count(table, whose, where, {"store_id": store_id, **params})
    return answer


def read_chain(store_id: str) -> Any | None:
    """The newest link of a store's chain: its `seq` and `hash`; None before the first."""
    return one(
        "SELECT seq, hash FROM audit_entry WHERE store_id = %(store_id)s ORDER BY seq DESC LIMIT 1",
        store_id=store_id,
    )


def list_account_events(user_id: str) -> list[Any]:
    """The newest of what happened to a merchant's own account, as rows."""
    return run(
        "SELECT * FROM security_event WHERE store_id IS NULL AND actor = %(actor)s"
        " AND kind = ANY(%(kinds)s) ORDER BY id DESC LIMIT %(most)s",
        actor=f"user:{user_id}",
        kinds=list(ACCOUNT_EVENTS),
        most=NEWEST,
    )


def name_people(actors: Iterable[str]) -> dict[str, str]:
    """The names of people and keys behind `user:…` and `key:…`, as far as there are any."""
    ids = {actor.partition(":")[2]: actor for actor in actors if ":" in actor}
    rows = run(
        "SELECT id, name FROM app_user WHERE id = ANY(%(ids)s) UNION ALL"
        " SELECT id, name FROM api_key WHERE id = ANY(%(ids)s)",
        ids=list(ids),
    )
    return {ids[row.id]: row.name for row in rows if row.name}


def list_actors(store_id: str) -> list[Any]:
    """Who may have acted in a store: its members and its keys, as `actor` and `name`."""
    return run(
        "SELECT 'user:' || app_user.id AS actor, app_user.name FROM membership AS member"
        " JOIN app_user ON app_user.id = member.user_id WHERE member.store_id = %(store_id)s"
        " UNION ALL SELECT 'key:' || id AS actor, name FROM api_key"
        " WHERE store_id = %(store_id)s AND kind = 'secret' ORDER BY actor",
        store_id=store_id,
    )


def _count(table: str, whose: list[str], where: list[str], params: dict[str, Any]) -> int:
    parts = [
        f"(SELECT count(*) FROM {table} WHERE {' AND '.join([one_part, *where])})"  # noqa: S608
        for one_part in whose
    ]
    counted = one(f"SELECT {' + '.join(parts)} AS total", **params)
    return counted.total if counted is not None else 0


def _where(query: AuditList, word: str, *, has_target: bool) -> tuple[list[str], dict[str, Any]]:
    pieces: list[str] = []
    params: dict[str, Any] = {}
    if query.action is not None:
        pieces.append(f"{word} = ANY(%(actions)s)")
        params["actions"] = _actions(query.action)
    if query.actor is not None:
        actors = _actors(query.actor)
        # One value lets the index give the order as well.
        pieces.append("actor = ANY(%(actor)s)" if len(actors) > 1 else "actor = %(actor)s")
        params["actor"] = actors if len(actors) > 1 else actors[0]
    if query.target is not None:
        if not has_target:
            raise invalid("invalid_value", "Refusals have no target.", "target")
        pieces.append("target = %(target)s")
        params["target"] = query.target
    for sign, name, moment in (
        (">=", "gte", query.created_at_gte),
        (">", "gt", query.created_at_gt),
        ("<=", "lte", query.created_at_lte),
        ("<", "lt", query.created_at_lt),
    ):
        if moment is not None:
            pieces.append(f"date_trunc('second', created_at) {sign} %({name})s")
            params[name] = moment
    return pieces, params


def name_actor(actor: str) -> str:
    """An actor by the one word there is for it now."""
    return OLD_ACTORS.get(actor, actor)


def _actors(actor: str) -> list[str]:
    """The actor by every word that entries have for it."""
    wanted = name_actor(actor)
    return [wanted, *(old for old, now in OLD_ACTORS.items() if now == wanted)]


def _actions(word: str) -> list[str]:
    """The action itself, or all of an area: by name, so that an index finds them."""
    return [word, *(action for action in ACTIONS if action.startswith(f"{word}."))]


def _entry_object(row: Any) -> dict[str, Any]:
    return {
        "id": f"{PREFIX['audit']}{row.id}",
        "object": "audit_entry",
        "action": row.action,
        "actor": row.actor,
        "target": row.target,
        "address": row.address,
        "details": row.details,
        "seq": row.seq,
        "hash": row.hash,
        "previous_hash": row.previous_hash,
        "created_at": rfc3339(row.created_at),
        "livemode": row.livemode,
    }


def _event_object(row: Any) -> dict[str, Any]:
    return {
        "id": f"{PREFIX['security']}{row.id}",
        "object": "security_event",
        "action": row.kind,
        "actor": row.actor,
        "target": None,
        "address": row.address,
        "details": row.details,
        "seq": None,
        "hash": None,
        "previous_hash": None,
        "created_at": rfc3339(row.created_at),
        "livemode": row.livemode,
    }
