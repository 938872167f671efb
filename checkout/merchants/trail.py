"""A store's audit trail and the refusals at its doors, newest first, searched."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from checkout.core.clock import rfc3339
from checkout.core.db import one, run
from checkout.core.errors import invalid
from checkout.core.lists import ListQuery, read_number_cursor, write_cursor

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
PREFIX = {"audit": "aud_", "security": "sec_"}


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

    Raises `invalid_cursor`.
    """
    security = query.kind == "security"
    prefix = PREFIX[query.kind]
    where, params = _where(query, "kind" if security else "action", has_target=not security)
    table = "security_event" if security else "audit_entry"
    page = [*where]
    if query.cursor is not None:
        page.append("id < %(after)s")
        params["after"] = read_number_cursor(query.cursor, prefix)
    rows = run(
        f"SELECT * FROM {table} WHERE store_id = %(store_id)s"  # noqa: S608 - constants
        + "".join(f" AND {piece}" for piece in page)
        + " ORDER BY id DESC LIMIT %(most)s",
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
        counted = one(
            f"SELECT count(*) AS total FROM {table} WHERE store_id = %(store_id)s"  # noqa: S608
            + "".join(f" AND {piece}" for piece in where),
            store_id=store_id,
            **params,
        )
        answer["total_count"] = counted.total if counted is not None else 0
    return answer


def _where(query: AuditList, word: str, *, has_target: bool) -> tuple[list[str], dict[str, Any]]:
    pieces: list[str] = []
    params: dict[str, Any] = {}
    if query.action is not None:
        pieces.append(f"({word} = %(action)s OR starts_with({word}, %(action)s || '.'))")
        params["action"] = query.action
    if query.actor is not None:
        pieces.append("actor = %(actor)s")
        params["actor"] = query.actor
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
