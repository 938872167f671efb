"""What resolving held money would do, in amounts, told before anybody does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from checkout.core.db import one
from checkout.core.errors import missing
from checkout.core.ids import is_id
from checkout.core.scope import Scope
from checkout.customers.queries import load_customer
from checkout.payments.decide import Decision
from checkout.payments.resolution import decide_accept, decide_assign, received_without

Action = Literal["accept", "assign", "credit_wallet", "write_off"]
Step = Literal[
    "withdrawn", "completes", "fee", "forgiven", "part", "left", "surplus", "balance", "wallet",
    "gone", "closed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that happens, with its amount in minor units of the transfer's currency."""

    step: Step
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What an action would do now. The action itself decides again, under its locks."""

    action: Action
    held: int
    effects: tuple[Effect, ...]
    session: Any | None = None
    """Whose payment or part it becomes."""
    customer: Any | None = None
    """Into whose wallet it goes."""


def preview_resolution(
    transfer: Any,
    action: Action,
    scope: Scope,
    *,
    session_id: str | None = None,
    customer_id: str | None = None,
) -> Preview:
    """The effects of resolving a transfer; raises the Problem that the action would meet."""
    origin = _load_session(transfer.session_id, scope) if transfer.session_id else None
    if action == "assign":
        target = _load_session(session_id or "", scope)
        if target is None:
            raise missing("session", "checkout session")
        decision = decide_assign(transfer, target, scope.settings.late_grace_minutes)
        steps = (*_withdrawn(transfer, origin), *_settled(decision, transfer, target, scope))
        return Preview(action, transfer.held, steps, session=target)
    if action == "accept" and transfer.amount is not None:
        decided = decide_accept(transfer, origin)
        if decided is not None:
            steps = _settled(decided, transfer, origin, scope)
            return Preview(action, transfer.held, steps, session=origin)
    customer = None
    if action == "credit_wallet":
        customer = load_customer(scope.store_id, scope.livemode, customer_id or "", "customer")
    return Preview(action, transfer.held, _moved(transfer, action, origin), customer=customer)


def _moved(transfer: Any, action: Action, origin: Any | None) -> tuple[Effect, ...]:
    """The money leaves for an account that is no session's payment."""
    if transfer.amount is None:
        return (Effect("closed"),)
    homes: dict[Action, Step] = {
        "accept": "balance",
        "credit_wallet": "wallet",
        "write_off": "gone",
    }
    return (*_withdrawn(transfer, origin), Effect(homes[action], transfer.held))


def _withdrawn(transfer: Any, origin: Any | None) -> tuple[Effect, ...]:
    if transfer.part_of is None or origin is None:
        return ()
    return (Effect("withdrawn", transfer.held),)


def _settled(decision: Decision, transfer: Any, session: Any, scope: Scope) -> tuple[Effect, ...]:
    total = received_without(transfer, session) + transfer.held
    if not decision.completes:
        return Effect("part", transfer.held), Effect("left", session.amount - total)
    paid = total - decision.surplus
    fee = 0 if session.mode == "topup" else paid * scope.settings.fee_bps // 10_000
    wanted: tuple[tuple[Step, int], ...] = (
        ("completes", paid),
        ("fee", fee),
        ("forgiven", session.amount - paid),
        ("surplus", decision.surplus),
    )
    return tuple(Effect(step, amount) for step, amount in wanted if amount > 0)


def _load_session(session_id: str, scope: Scope) -> Any | None:
    if not is_id("cs", session_id):
        return None
    return one(
        "SELECT session.*, (SELECT code FROM attempt WHERE session_id = session.id"
        " ORDER BY number DESC LIMIT 1) AS code FROM checkout_session AS session"
        " WHERE id = %(id)s AND store_id = %(store_id)s AND livemode = %(livemode)s",
        id=session_id,
        store_id=scope.store_id,
        livemode=scope.livemode,
    )
