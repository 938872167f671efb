"""Refusals that may come by the thousand: kept once a minute for each thing that was hit.

Where something is refused a transaction may be open that will be undone, so what is noted is
written when the request ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, g, has_request_context, request

from checkout.core.audit import record_security
from checkout.core.db import db
from checkout.core.redis import with_redis
from checkout.core.web import DATABASE_ERRORS, NOBODY, Caller, noted_caller

MINUTE_SECONDS = 60
SEEN_MAX = 10_000

Whose = Callable[[], Caller]
"""Who is concerned; called at most once for each refusal that is kept."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One that will be kept when the request ends."""

    kind: str
    whose: Whose
    details: dict[str, Any]


def init_refusals(app: Flask) -> None:
    """Write what was noted at the end of each request."""
    app.extensions["checkout_refusals"] = {}
    app.after_request(_keep_noted)


def note_refusal(kind: str, bucket: str, *, whose: Whose | None = None, **details: Any) -> None:
    """Keep a security event of this kind, unless this bucket has had one in this minute.

    Counted in Redis, so that all processes share it; in this process alone while Redis is away.
    `whose` is the request's caller where nothing else is said. No secrets.
    """
    if not has_request_context() or not _is_first(kind, bucket):
        return
    route = request.url_rule.rule if request.url_rule is not None else ""
    kept = {"route": f"{request.method} {route}", **details}
    g.setdefault("refusals", []).append(Refusal(kind, whose or noted_caller, kept))


def _is_first(kind: str, bucket: str) -> bool:
    """Whether nobody has noted it in the clock's minute."""
    seen: dict[tuple[str, str], int] = current_app.extensions["checkout_refusals"]
    minute = int(time.time() // MINUTE_SECONDS)
    if seen.get((kind, bucket)) == minute:
        return False
    if len(seen) >= SEEN_MAX:
        seen.clear()
    seen[kind, bucket] = minute
    name = f"refused:{kind}:{bucket}:{minute}"
    return with_redis(
        lambda redis: bool(redis.set(name, 1, nx=True, ex=2 * MINUTE_SECONDS)), otherwise=True
    )


def _keep_noted(response: Response) -> Response:
    noted = g.pop("refusals", ())
    if noted:
        # What the request has read is read, and may have ended in an error.
        db.session.rollback()
    for refusal in noted:
        who = _find(refusal.whose)
        record_security(
            refusal.kind,
            store_id=who.store_id,
            livemode=who.livemode,
            actor=who.actor,
            **refusal.details,
        )
    return response


def _find(whose: Whose) -> Caller:
    try:
        return whose()
    except DATABASE_ERRORS:
        db.session.rollback()
        return NOBODY
