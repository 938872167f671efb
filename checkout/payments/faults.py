"""Faults on demand: what a pretend provider is to do wrong, planned per rail account.

A plan is one record beside the fake's own. Each call to the fake uses up the first of `next`;
when none is left, `always` stands. `drop_hooks` counts notices that never arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from checkout.core.db import one, run
from checkout.core.errors import missing

Fault = Literal[
    "refuse",
    "silent",
    "error_401",
    "error_500",
    "error_502",
    "rate_limited",
    "html",
    "nothing",
    "half_json",
    "wrong_types",
    "wrong_shape",
    "huge",
    "drip",
    "answer_lost",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
EXECUTED: frozenset[Fault] = frozenset(
    ("half_json", "wrong_types", "wrong_shape", "drip", "answer_lost")
)
"""With these the provider does what it was asked for; only the caller cannot read that."""

_THE_PLAN = "rail_account_id = %(account)s AND kind = 'fault' AND key = 'plan'"


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes wrong at one rail account's pretend provider."""

    next: tuple[Fault, ...] = ()
    always: Fault | None = None
    drop_hooks: int = 0


def plan_faults(
    rail_account_id: str,
    *,
    next: Sequence[Fault] = (),  # noqa: A002 - the contract's own word
    always: Fault | None = None,
    drop_hooks: int = 0,
) -> Plan:
    """Put a new plan in the place of the old one; an empty one ends all trouble."""
    plan = Plan(tuple(next), always, drop_hooks)
    run(
        "INSERT INTO fake_record (rail_account_id, kind, key, data)"
        " VALUES (%(account)s, 'fault', 'plan', %(data)s)"
        " ON CONFLICT (rail_account_id, kind, key) DO UPDATE SET data = EXCLUDED.data",
        account=rail_account_id,
        data=asdict(plan),
    )
    return plan


def read_plans(rail_account_ids: Sequence[str]) -> dict[str, Plan]:
    """What is planned to go wrong, by rail account; those that are well are not in it."""
    rows = run(
        "SELECT rail_account_id AS id, data FROM fake_record"
        " WHERE rail_account_id = ANY(%(ids)s) AND kind = 'fault' AND key = 'plan'",
        ids=list(rail_account_ids),
    )
    plans = {row.id: _plan_of(row.data) for row in rows}
    return {account_id: plan for account_id, plan in plans.items() if plan != Plan()}


def take_fault(rail_account_id: str) -> Fault | None:
    """What goes wrong with this call, if anything; used up when the unit of work commits."""
    plan = _lock_plan(rail_account_id)
    if plan is None or not plan.next:
        return plan.always if plan is not None else None
    first, *rest = plan.next
    plan_faults(rail_account_id, next=rest, always=plan.always, drop_hooks=plan.drop_hooks)
    return first


def take_lost_hook(rail_account_id: str) -> bool:
    """Whether this notice never arrives; used up when the unit of work commits."""
    plan = _lock_plan(rail_account_id)
    if plan is None or plan.drop_hooks == 0:
        return False
    left = plan.drop_hooks - 1
    plan_faults(rail_account_id, next=plan.next, always=plan.always, drop_hooks=left)
    return True


def find_test_account(store_id: str, rail: str) -> str:
    """The id of the store's test account on a rail. Raises 404 `resource_missing`."""
    row = one(
        "SELECT id FROM rail_account WHERE store_id = %(store_id)s AND NOT livemode"
        " AND rail = %(rail)s AND superseded_at IS NULL",
        store_id=store_id,
        rail=rail,
    )
    if row is None:
        raise missing("rail", "rail account")
    return str(row.id)


def _lock_plan(rail_account_id: str) -> Plan | None:
    # Two calls at once must not use up the same fault.
    row = one(
        f"SELECT data FROM fake_record WHERE {_THE_PLAN} FOR UPDATE",  # noqa: S608 - a constant
        account=rail_account_id,
    )
    return _plan_of(row.data) if row is not None else None


def _plan_of(data: Mapping[str, Any]) -> Plan:
    return Plan(tuple(data["next"]), data["always"], data["drop_hooks"])
