"""`/dashboard/…/test/lab`: play every pretend provider, and let time pass, without a terminal."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from pydantic import Field, StringConstraints

from checkout.core import clock
from checkout.core.body import Body, validate
from checkout.core.errors import Problem, invalid
from checkout.core.fields import Currency
from checkout.core.lists import refuse_foreign
from checkout.customers.given import CustomerGiven
from checkout.customers.queries import find_customer
from checkout.dashboard.lab import list_benches, list_money, list_providers, make_bench
from checkout.merchants.pretend import connect_pretend_rails, list_unconnected
from checkout.merchants.screens import Desk, screen
from checkout.payments.check_now import check_now
from checkout.payments.faults import FAULTS, Fault, find_test_account, plan_faults
from checkout.payments.move_clock import move_test_clock, read_offset
from checkout.payments.play import play_bank
from checkout.payments.simulate import simulate_payment
from checkout.payments.start import start_attempt
from checkout.sessions.create_at_desk import create_at_desk
from checkout.sessions.page import PageState, load_page
from checkout.sessions.schemas import CreateSession, Text200
from checkout.sessions.ways import label_of

blueprint = Blueprint("lab_dashboard", __name__)

CURRENCIES = ("VND", "KHR", "USD")
SPANS = {"minutes": 60, "hours": 3600, "days": 86_400}
STEPS = {"minute": 60, "quarter": 900, "day": 86_400}


class NewSession(Body):
    """A test session as it is typed."""

    currency: Currency
    reference: Text200 | None = None
    description: Text200 | None = None
    customer: Text200 | None = None


class OwnPayment(Body):
    """A payment of one's own: whatever is left out is as the attempt asks for."""

    memo: Annotated[str, StringConstraints(max_length=500)] | None = None
    times: Annotated[int, Field(ge=1, le=10)] = 1
    delay_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    outcome: Literal["success", "failure"] = "success"


class Trouble(Body):
    """What a pretend provider does wrong, and for how long."""

    rail: Text200
    fault: Fault | None = None
    calls: Annotated[int, Field(ge=0, le=100)] = 0
    """How many of the coming calls; 0 for all of them."""
    drop_hooks: Annotated[int, Field(ge=0, le=1000)] = 0


class Step(Body):
    """How far the clock moves: a step by name, or so many of a span."""

    step: Literal["minute", "quarter", "day"] | None = None
    number: Annotated[int, Field(ge=1, le=10_000)] | None = None
    span: Literal["minutes", "hours", "days"] = "minutes"


@screen(blueprint, "GET", "/lab", action="test.write")
def show_lab(desk: Desk) -> Response:
    """Everything there is to try, with a word on what each thing shows."""
    _refuse_live(desk)
    store_id = desk.scope.store_id
    return desk.render(
        "lab/lab",
        benches=list_benches(desk.scope),
        providers=list_providers(desk.scope),
        unconnected=[label_of(rail) for rail in list_unconnected(store_id)],
        faults=FAULTS,
        now=clock.now(store_id, livemode=False),
        offset_seconds=read_offset(store_id),
        currencies=desk.scope.settings.currencies or CURRENCIES,
        steps=STEPS,
        spans=SPANS,
        label_of=label_of,
    )


@screen(blueprint, "GET", "/lab/waiting", action="test.write")
def show_waiting(desk: Desk) -> Response:
    """The list of waiting sessions alone, for a page that is open."""
    _refuse_live(desk)
    return desk.render("lab/_waiting", benches=list_benches(desk.scope), label_of=label_of)


@screen(blueprint, "POST", "/lab/sessions", action="test.write", again=show_lab)
def post_session(desk: Desk) -> Response:
    _refuse_live(desk)
    given = desk.read(NewSession)
    wanted = CreateSession(
        amount=desk.amount(given.currency),
        currency=given.currency,
        reference=given.reference,
        description=given.description,
    )
    session = create_at_desk(desk, wanted.model_dump() | _customer(desk, given.customer))
    return desk.go(desk.path(f"/lab/sessions/{session['id']}"), done="lab_session")


@screen(blueprint, "GET", "/lab/sessions/<session_id>", action="test.write")
def show_session(desk: Desk, session_id: str) -> Response:
    """One session on the bench: how it stands, what has come, what may be played."""
    page = _load(desk, session_id)
    return desk.render(
        "lab/session",
        bench=make_bench(page),
        page=page,
        money=list_money(session_id, desk.scope),
        label_of=label_of,
    )


@screen(
    blueprint,
    "POST",
    "/lab/sessions/<session_id>/attempts",
    action="test.write",
    again=show_session,
    outside=True,
)
def post_attempt(desk: Desk, session_id: str) -> Response:
    """Choose a way to pay, as the shopper would."""
    _load(desk, session_id)
    start_attempt(
        session_id,
        desk.value("rail")[:200] or None,
        actor=desk.scope.actor,
        reuse_live=True,
        store_id=desk.scope.store_id,
        livemode=False,
    )
    return desk.go(desk.path(f"/lab/sessions/{session_id}"), done="lab_attempt")


@screen(
    blueprint,
    "POST",
    "/lab/sessions/<session_id>/plays",
    action="test.write",
    again=show_session,
    outside=True,
)
def post_play(desk: Desk, session_id: str) -> Response:
    """The notices have been sent when the page comes back."""
    bench = make_bench(_load(desk, session_id))
    kind = desk.value("kind")
    if kind not in bench.plays:
        raise invalid("play_not_possible", "That cannot be played now.")
    if play_bank(bench.page, kind) == 0:
        _ask(desk, bench.page)
    return desk.go(desk.path(f"/lab/sessions/{session_id}"), done="lab_played")


@screen(
    blueprint,
    "POST",
    "/lab/sessions/<session_id>/payments",
    action="test.write",
    again=show_session,
    outside=True,
)
def post_payment(desk: Desk, session_id: str) -> Response:
    """A payment with an amount, a message and a delay of one's own."""
    page = _load(desk, session_id)
    given = desk.read(OwnPayment)
    if page.attempt_id is None:
        raise invalid("play_not_possible", "Choose a way to pay first.")
    sent = simulate_payment(
        page.attempt_id,
        amount=desk.amount(page.currency) if desk.value("amount") else None,
        memo=given.memo,
        times=given.times,
        delay_seconds=given.delay_seconds,
        outcome=given.outcome,
        store_id=desk.scope.store_id,
    )
    if sent == 0 and given.delay_seconds == 0:
        _ask(desk, page)
    return desk.go(desk.path(f"/lab/sessions/{session_id}"), done="lab_played")


@screen(blueprint, "POST", "/lab/trouble", action="test.write", again=show_lab)
def post_trouble(desk: Desk) -> Response:
    """A plan of faults takes the place of the one before; an empty one makes all well again."""
    _refuse_live(desk)
    given = desk.read(Trouble)
    try:
        account_id = find_test_account(desk.scope.store_id, given.rail)
    except Problem as problem:
        # Connected to nobody of that name: it is the form's field that is wrong.
        raise invalid("rail_not_available", problem.message, "rail") from None
    once = given.fault is not None and given.calls > 0
    plan_faults(
        account_id,
        next=[given.fault] * given.calls if once and given.fault is not None else [],
        always=None if once else given.fault,
        drop_hooks=given.drop_hooks,
    )
    ill = given.fault is not None or given.drop_hooks > 0
    return desk.go(desk.path("/lab"), done="lab_trouble" if ill else "lab_well")


@screen(blueprint, "POST", "/lab/clock", action="test.write", again=show_lab, outside=True)
def post_clock(desk: Desk) -> Response:
    """What falls due has happened when the page comes back."""
    _refuse_live(desk)
    given = desk.read(Step)
    if given.step is None and given.number is None:
        raise invalid("missing_required_field", "Say how far.", "number")
    seconds = STEPS[given.step] if given.step else (given.number or 0) * SPANS[given.span]
    try:
        move_test_clock(desk.scope.store_id, seconds)
    except Problem as problem:
        problem.param = "number"
        raise
    return desk.go(desk.path("/lab"), done="lab_clock")


@screen(blueprint, "POST", "/lab/providers", action="rails.write", again=show_lab, recent=True)
def post_providers(desk: Desk) -> Response:
    """Connect the store's test mode to every pretend provider."""
    _refuse_live(desk)
    connect_pretend_rails(desk.scope.store_id, actor=desk.scope.actor)
    return desk.go(desk.path("/lab"), done="lab_connected")


def _refuse_live(desk: Desk) -> None:
    """There is no lab in live mode, whatever the address says."""
    if desk.scope.livemode:
        raise Problem(
            "invalid_request_error", 404, "test_mode_only", "This works in test mode only."
        )


def _load(desk: Desk, session_id: str) -> PageState:
    """The state of this store's test session; raises 404 for any other."""
    _refuse_live(desk)
    refuse_foreign("checkout_session", session_id, desk.scope, "session")
    return load_page(session_id)


def _ask(desk: Desk, page: PageState) -> None:
    """Ask a provider that tells nobody by itself, as the monitor does a little later."""
    with suppress(Problem):
        # In trouble, or asked too often: then it is the monitor that finds the money.
        check_now(str(page.attempt_id), desk.scope)


def _customer(desk: Desk, word: str | None) -> dict[str, Any]:
    """A customer whom the store knows, or a new one by e-mail."""
    if word is None:
        return {}
    known = find_customer(desk.scope.store_id, False, word)
    if known is not None:
        return {"customer_id": known.id}
    if "@" not in word:
        raise invalid("customer_not_found", "There is no such customer.", "customer")
    try:
        return {"customer": validate(CustomerGiven, {"email": word}).model_dump()}
    except Problem as problem:
        problem.param = "customer"
        raise
