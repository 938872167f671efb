"""What the lab shows: sessions that wait, how they may be played, who is in trouble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checkout.core.db import run
from checkout.core.scope import Scope
from checkout.payments.faults import Plan, read_plans
from checkout.payments.play import LAB_PLAYS
from checkout.rails.registry import folders
from checkout.sessions.page import PageState, load_pages
from checkout.sessions.ways import label_of

WAITING = 12


@dataclass(frozen=True, slots=True)
class Bench:
    """One session on the lab's bench."""

    page: PageState
    plays: tuple[str, ...]
    """What its pretend provider can do now."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A pretend provider of the store's, and what goes wrong there."""

    rail: str
    label: str
    plan: Plan


def list_benches(scope: Scope) -> list[Bench]:
    """The newest sessions that are not over, newest first."""
    rows = run(
        "SELECT id FROM checkout_session WHERE store_id = %(store_id)s AND NOT livemode"
        " AND status IN ('open', 'processing', 'awaiting_action') ORDER BY id DESC LIMIT %(most)s",
        store_id=scope.store_id,
        most=WAITING,
    )
    return [make_bench(page) for page in load_pages([row.id for row in rows])]


def make_bench(page: PageState) -> Bench:
    """A session with everything that may be played: the page's own ways, and the inbox's."""
    plays = tuple(page.plays)
    if "mangled" in plays:
        plays += LAB_PLAYS
    return Bench(page, plays)


def list_providers(scope: Scope) -> list[Provider]:
    """The pretend providers to which the store's test mode is connected."""
    rows = run(
        "SELECT id, rail FROM rail_account WHERE store_id = %(store_id)s AND NOT livemode"
        " AND superseded_at IS NULL AND rail = ANY(%(rails)s) ORDER BY id",
        store_id=scope.store_id,
        rails=list(folders()),
    )
    plans = read_plans([row.id for row in rows])
    return [Provider(row.rail, label_of(row.rail), plans.get(row.id, Plan())) for row in rows]


def list_money(session_id: str, scope: Scope) -> list[Any]:
    """What has come for a session so far, oldest first."""
    return run(
        "SELECT id, amount, currency, memo, disposition, held, received_at, resolved_at"
        " FROM transfer WHERE session_id = %(id)s AND store_id = %(store_id)s AND NOT livemode"
        " ORDER BY id LIMIT 50",
        id=session_id,
        store_id=scope.store_id,
    )
