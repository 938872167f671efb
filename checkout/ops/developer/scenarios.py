"""What `trigger` can make happen, by really doing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from checkout.ops.developer.client import Trouble
from checkout.ops.developer.stage import Stage

TELLS_FAILURE = ("vnpay", "stripe", "zalopay")
LEAD_SECONDS = 5 * 60
SHORTEST_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name to be asked for, what it does in words, and the event that shows it came true."""

    name: str
    says: str
    event: str
    play: Callable[[Stage], None]


def _paid(stage: Stage) -> None:
    stage.paid(stage.session())


def _partial(stage: Stage) -> None:
    session = stage.session()
    stage.pay(stage.attempt(session), amount=max(1, session["amount"] // 3))


def _over(stage: Stage) -> None:
    session = stage.session()
    stage.pay(stage.attempt(session), amount=session["amount"] + max(1, session["amount"] // 10))


def _late(stage: Stage) -> None:
    session = stage.session()
    attempt = stage.attempt(session)
    stage.act(session, "cancel")
    stage.pay(attempt)


def _twice(stage: Stage) -> None:
    stage.pay(stage.attempt(stage.session()), times=2)


def _unknown(stage: Stage) -> None:
    stage.pay(stage.attempt(stage.session()), memo="RENT FOR MAY")


def _failed(stage: Stage) -> None:
    stage.pay(stage.attempt(stage.session(), TELLS_FAILURE), outcome="failure")


def _created(stage: Stage) -> None:
    stage.session()


def _processing(stage: Stage) -> None:
    stage.attempt(stage.session())


def _expired(stage: Stage) -> None:
    stage.act(stage.session(), "expire")


def _cancelled(stage: Stage) -> None:
    stage.act(stage.session(), "cancel")


def _abandoned(stage: Stage) -> None:
    stage.leave_page(stage.session())


def _expiring_soon(stage: Stage) -> None:
    stage.session(duration_minutes=SHORTEST_MINUTES)
    seconds = SHORTEST_MINUTES * 60 - LEAD_SECONDS + 1
    stage.api.post("/test/clock/advance", {"seconds": seconds})
    stage.say(f"  the shop's test clock is {seconds} seconds further; it does not go back")


def _resolved(stage: Stage) -> None:
    _unknown(stage)
    held = stage.api.get("/transfers", disposition="unknown_code", resolved="false", limit=1)
    if not held["data"]:
        raise Trouble("The money did not come as unknown: give --rail vietqr.")
    transfer = held["data"][0]
    stage.api.post(
        f"/transfers/{transfer['id']}/resolve", {"action": "write_off", "note": "Try-out"}
    )
    stage.say(f"  {transfer['id']} written off")


def _customer(stage: Stage) -> None:
    stage.customer()


def _credited(stage: Stage) -> None:
    _fill_wallet(stage, stage.customer())


def _debited(stage: Stage) -> None:
    customer = stage.customer()
    _fill_wallet(stage, customer)
    session = stage.session(customer_id=customer)
    stage.api.post(f"/checkout/sessions/{session['id']}/attempts", {"rail": "wallet"})
    stage.say("  paid from the wallet")


def _fill_wallet(stage: Stage, customer: str) -> None:
    session = stage.api.post(
        f"/customers/{customer}/wallet/topups",
        {"amount": stage.amount, "currency": stage.currency},
    )
    stage.say(f"  top-up {session['id']}  {session['url']}")
    stage.paid(session)


def _booked(stage: Stage) -> None:
    session = stage.session()
    stage.paid(session)
    details = {"property_name": "Try-out", "check_in": "2030-01-01", "check_out": "2030-01-03"}
    stage.act(
        session,
        "fulfilment",
        {"status": "confirmed", "reference": "TRY-1", "details": details},
    )


SCENARIOS = (
    Scenario("paid", "exact money", "payment.completed", _paid),
    Scenario("partial", "a third of the money", "checkout.session.processing", _partial),
    Scenario("over", "a tenth too much", "payment.completed", _over),
    Scenario("late", "money after the session was cancelled", "transfer.unmatched", _late),
    Scenario("twice", "the same attempt paid twice", "transfer.unmatched", _twice),
    Scenario("unknown", "money whose memo names nothing", "transfer.unmatched", _unknown),
    Scenario("failed", "the provider declines", "payment.failed", _failed),
)
EVENTS = (
    Scenario("checkout.session.created", "", "checkout.session.created", _created),
    Scenario("checkout.session.processing", "", "checkout.session.processing", _processing),
    Scenario("checkout.session.completed", "", "checkout.session.completed", _paid),
    Scenario("checkout.session.expired", "", "checkout.session.expired", _expired),
    Scenario("checkout.session.abandoned", "", "checkout.session.abandoned", _abandoned),
    Scenario("checkout.session.cancelled", "", "checkout.session.cancelled", _cancelled),
    Scenario(
        "checkout.session.expiring_soon",
        "moves the shop's test clock",
        "checkout.session.expiring_soon",
        _expiring_soon,
    ),
    Scenario("payment.completed", "", "payment.completed", _paid),
    Scenario("payment.failed", "", "payment.failed", _failed),
    Scenario("transfer.unmatched", "", "transfer.unmatched", _unknown),
    Scenario("transfer.resolved", "", "transfer.resolved", _resolved),
    Scenario("customer.created", "", "customer.created", _customer),
    Scenario("wallet.credited", "", "wallet.credited", _credited),
    Scenario("wallet.debited", "", "wallet.debited", _debited),
    Scenario("booking.confirmed", "", "booking.confirmed", _booked),
)


def find_scenario(name: str) -> Scenario:
    """By its name. Raises Trouble that lists them all."""
    for scenario in (*SCENARIOS, *EVENTS):
        if scenario.name == name:
            return scenario
    raise Trouble(f"{name} cannot be triggered. There are:\n{list_scenarios()}")


def list_scenarios() -> str:
    """All of them, one a line."""
    return "\n".join(f"  {one.name:<32} {one.says}".rstrip() for one in (*SCENARIOS, *EVENTS))
