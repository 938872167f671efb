"""`/dashboard/…/audit`: who did what when and from where, and what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request
from pydantic import BaseModel, StringConstraints

from checkout.core.i18n import Translator
from checkout.merchants.rail_form import rail_label
from checkout.merchants.screens import Desk, screen
from checkout.merchants.trail import (
    ACTIONS,
    COMMAND,
    REFUSALS,
    AuditList,
    list_actors,
    list_trail,
    name_actor,
    name_people,
    read_chain,
)
from checkout.rails.registry import names

blueprint = Blueprint("audit_dashboard", __name__)
PER_PAGE = 50
SHORT_HASH = 12
OURS = (COMMAND, "system")
"""Who acts without being a person of the store: commands of the operator, and the product."""
PAGES = {"trf": "/transfers/", "cs": "/sessions/", "cus": "/customers/", "we": "/webhooks/"}
"""Where in the dashboard the thing is that an entry is about."""
LAST_DAY = date(9999, 1, 1)

Word = Annotated[str, StringConstraints(max_length=200)]


class TrailFilters(BaseModel):
    """What narrows the page, as its address has it."""

    kind: Literal["audit", "security"] = "audit"
    area: Word | None = None
    """An action, or the area before its point."""
    actor: Word | None = None
    target: Word | None = None
    since: date | None = None
    until: date | None = None
    cursor: Word | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in plain words."""

    at: datetime
    actor: str
    who: str
    did: str
    about: str
    """Which fields, which rail, which role: what makes the sentence exact."""
    target: str
    path: str
    address: str
    details: Mapping[str, Any]
    seq: int | None
    hash: str
    previous_hash: str
    livemode: bool | None


@screen(blueprint, "GET", "/audit", action="audit.read")
def show_audit(desk: Desk) -> Response:
    filters = desk.filters(TrailFilters)
    found = list_trail(desk.scope.store_id, _query(filters, desk.store.settings.time_zone))
    people = name_people(entry["actor"] for entry in found["data"])
    return desk.render(
        "audit/audit",
        filters=filters,
        query=request.args,
        lines=[_line(desk, entry, people) for entry in found["data"]],
        cursor=found["next_cursor"],
        areas=_areas(desk.t, filters.kind),
        actor=name_actor(filters.actor or ""),
        actors=_actors(desk, filters.actor, people),
        chain=read_chain(desk.scope.store_id),
        short=SHORT_HASH,
    )


def _query(filters: TrailFilters, zone: str) -> AuditList:
    """Days are the store's own, from their first moment to their last."""
    given = {
        "kind": filters.kind,
        "limit": PER_PAGE,
        "action": filters.area or None,
        "actor": filters.actor or None,
        "target": (filters.target or None) if filters.kind == "audit" else None,
        "cursor": filters.cursor or None,
        "created_at[gte]": _begin(filters.since, zone),
        "created_at[lt]": _begin(_day_after(filters.until), zone),
    }
    return AuditList.model_validate({name: value for name, value in given.items() if value})


def _day_after(day: date | None) -> date | None:
    return None if day is None or day >= LAST_DAY else day + timedelta(days=1)


def _begin(day: date | None, zone: str) -> datetime | None:
    """The first moment of a day; None for one at the ends of the calendar."""
    if day is None or not 1 < day.year < LAST_DAY.year:
        return None
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _areas(t: Translator, kind: str) -> list[tuple[str, str]]:
    """What can be chosen: whole areas of actions, or kinds of refusals."""
    if kind == "security":
        return [(name, t(f"audit.refused.{name}")) for name in REFUSALS]
    areas = dict.fromkeys(action.partition(".")[0] for action in ACTIONS)
    return [(name, t(f"audit.area.{name}")) for name in areas]


def _actors(desk: Desk, chosen: str | None, people: Mapping[str, str]) -> list[tuple[str, str]]:
    """Who can be chosen; of others a name is told only if the store's own trail has them."""
    known = {row.actor: row.name or row.actor for row in list_actors(desk.scope.store_id)}
    known |= {name: desk.t(f"audit.actor.{name}") for name in OURS}
    if chosen and name_actor(chosen) not in known:
        known |= {chosen: people.get(chosen, chosen)}
    return list(known.items())


def _line(desk: Desk, entry: Mapping[str, Any], people: Mapping[str, str]) -> Line:
    actor, action = name_actor(entry["actor"]), entry["action"]
    texts = "audit.did." if entry["object"] == "audit_entry" else "audit.refused."
    return Line(
        at=datetime.fromisoformat(entry["created_at"]),
        actor=actor,
        who=people.get(actor) or _who(desk.t, actor),
        did=desk.t.or_same(f"{texts}{action}", action),
        about=_about(entry["details"]),
        target=entry["target"] or "",
        path=_path(desk, entry),
        address=entry["address"] or "",
        details=entry["details"],
        seq=entry["seq"],
        hash=entry["hash"] or "",
        previous_hash=entry["previous_hash"] or "",
        livemode=entry["livemode"],
    )


def _who(t: Translator, actor: str) -> str:
    """Somebody without a name of their own: a provider, the product, nobody known."""
    kind, _, name = actor.partition(":")
    if kind == "rail" and name in names():
        return rail_label(name, t=t)
    return t.or_same(f"audit.actor.{actor or 'nobody'}", actor)


def _about(details: Mapping[str, Any]) -> str:
    """The words of an entry's details that say most: names of fields, of a rail, of a role."""
    words: list[str] = []
    for name in ("rail", "name", "email", "role", "action", "reason", "changed", "fields", "route"):
        value = details.get(name)
        words += value if isinstance(value, list) else [value] if value else []
    before, after = details.get("before"), details.get("after")
    if isinstance(before, str) and isinstance(after, str):
        words.append(f"{before} → {after}")
    return ", ".join(str(word) for word in words)


def _path(desk: Desk, entry: Mapping[str, Any]) -> str:
    """The page of what the entry is about, in the entry's own mode; empty where there is none."""
    target, livemode = entry["target"] or "", entry["livemode"]
    mode = None if livemode is None else "live" if livemode else "test"
    rail = entry["details"].get("rail")
    if target.startswith("ra_") and rail:
        return desk.path(f"/rails/{rail}", mode)
    beginning = PAGES.get(target.partition("_")[0])
    if beginning is None or entry["action"].endswith(".deleted"):
        return ""
    return desk.path(f"{beginning}{target}", mode)
