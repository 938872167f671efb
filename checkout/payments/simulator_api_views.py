"""`/api/v1/test/…`: play the provider and move the clock, in test mode only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint

from checkout.core import clock
from checkout.core.api import Call, operation
from checkout.core.clock import rfc3339
from checkout.core.errors import forbidden
from checkout.payments.faults import find_test_account, plan_faults
from checkout.payments.move_clock import move_test_clock
from checkout.payments.queries import load_row
from checkout.payments.schemas import (
    AdvanceClock,
    ClockAnswer,
    FaultPlanAnswer,
    PlanFaults,
    Simulate,
    SimulationAnswer,
)
from checkout.payments.simulate import simulate_payment

blueprint = Blueprint("simulator_api", __name__, url_prefix="/api/v1")


@operation(
    blueprint,
    "POST",
    "/test/attempts/<attempt_id>/pay",
    summary="Let the pretend provider pay an attempt",
    body=Simulate,
    answer=SimulationAnswer,
    errors=("test_mode_only", "invalid_value", "rail_not_available"),
    tag="Test mode",
    outside=True,
    description="The provider's real notice, signed, is sent over HTTP to the rail's own hook.",
)
def post_simulation(call: Call, attempt_id: str) -> dict[str, Any]:
    """Amount in minor units, by default what is due; without a delay it has been sent."""
    _refuse_live(call)
    attempt = load_row("attempt", attempt_id, call.scope)
    body = call.body
    notices = simulate_payment(
        attempt.id,
        amount=body.amount,
        memo=body.memo,
        times=body.times,
        delay_seconds=body.delay_seconds,
        outcome=body.outcome,
    )
    return {"object": "simulation", "attempt": attempt.id, "notices": notices}


@operation(
    blueprint,
    "POST",
    "/test/clock/advance",
    summary="Move the store's test clock",
    body=AdvanceClock,
    answer=ClockAnswer,
    errors=("test_mode_only",),
    tag="Test mode",
    outside=True,
    description="What falls due (expiry, retries) happens at once.",
)
def post_clock(call: Call) -> dict[str, Any]:
    """Forward only; attempts lapse and sessions expire before the answer is given."""
    _refuse_live(call)
    store_id = call.scope.store_id
    offset_seconds = move_test_clock(store_id, call.body.seconds)
    return {
        "object": "test_clock",
        "now": rfc3339(clock.now(store_id, livemode=False)),
        "offset_seconds": offset_seconds,
    }


@operation(
    blueprint,
    "POST",
    "/test/rails/<rail>/faults",
    summary="Plan what a pretend provider does wrong",
    body=PlanFaults,
    answer=FaultPlanAnswer,
    errors=("test_mode_only", "resource_missing"),
    tag="Test mode",
    description="Takes the place of the plan before; an empty one ends all trouble. With"
    " `half_json`, `wrong_types`, `wrong_shape`, `drip` and `answer_lost` the provider does what"
    " it was asked for and only its answer is spoilt; with the others it does nothing.",
)
def post_faults(call: Call, rail: str) -> dict[str, Any]:
    """For the store's present account on the rail."""
    _refuse_live(call)
    account_id = find_test_account(call.scope.store_id, rail)
    body = call.body
    plan = plan_faults(account_id, next=body.next, always=body.always, drop_hooks=body.drop_hooks)
    return {"object": "fault_plan", "rail": rail, "rail_account": account_id, **asdict(plan)}


def _refuse_live(call: Call) -> None:
    if call.scope.livemode:
        raise forbidden("test_mode_only", "This works in test mode only. Use a test key.")
