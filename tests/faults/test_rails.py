"""Every rail under every fault of its provider: said in time, recorded, nothing doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from checkout.core import clock
from checkout.core.dispatch import dispatch_events
from checkout.core.ids import new_id
from checkout.payments.faults import EXECUTED, FAULTS, Fault
from checkout.rails.base import RailError, Refund
from checkout.rails.client import bounded_client
from checkout.rails.registry import folders, get_rail
from tests.factories.books import check_books
from tests.factories.rails import Stall, make_stall
from tests.support.live import LiveServer, free_port
from tests.support.live import live_server as run_live_server
from tests.support.stack import RunStack

SLOW: tuple[Fault, ...] = ("silent", "drip")
QUICK = tuple(fault for fault in FAULTS if fault not in SLOW)
GIVEN_BACK = ("done", "pending")
# Credentials that the provider refuses are our own mistake, and said as such.
REFUSALS: tuple[Fault, ...] = ("error_401",)

every_rail = pytest.mark.parametrize("rail", folders())


@pytest.fixture(scope="module")
def server(run_stack: RunStack, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """Web only: nobody but the test asks the providers, so that it knows who meets a fault."""
    name = "faults_" + getattr(request.config, "workerinput", {}).get("workerid", "main")
    with run_live_server(run_stack, name, "web") as running:
        yield running
        with running.app.app_context():
            while dispatch_events():
                # No worker is there to do it.
                pass
            check_books()


@dataclass
class Scene:
    """A stall with one session for each thing that may go wrong."""

    stall: Stall
    fresh: str
    """A session without an attempt."""
    waiting: dict[str, Any]
    """An attempt that waits for money."""
    refund: Refund
    """Of a session that was paid."""
    errors: dict[str, Any] = field(default_factory=dict)
    """What each verb said under the fault."""

    @property
    def name(self) -> str:
        return self.stall.rail


def set_scene(server: LiveServer, rail: str) -> Scene:
    stall = make_stall(server.url, server.app, rail)
    paid = stall.start(stall.make_session())
    stall.pay(paid["id"])
    if stall.session(paid["session"])["status"] != "completed":
        stall.check(paid["id"])
    assert stall.session(paid["session"])["status"] == "completed"
    return Scene(
        stall=stall,
        fresh=stall.make_session(),
        waiting=stall.start(stall.make_session()),
        refund=stall.refund_of(paid["session"], new_id("re"), amount=stall.amount * 4 // 10),
    )


def play(scene: Scene, fault: Fault) -> None:
    """Every verb at once while the provider is in trouble; then the trouble is over."""
    stall = scene.stall
    stall.plan(always=fault)
    verbs: dict[str, Callable[[], Any]] = {
        "start": lambda: stall.try_to_start(scene.fresh),
        "check": lambda: stall.check(scene.waiting["id"]),
        "probe": lambda: call_rail(stall, "probe"),
        "refund": lambda: call_rail(stall, "refund", scene.refund),
    }
    with ThreadPoolExecutor(len(verbs)) as pool:
        said = {name: pool.submit(verb) for name, verb in verbs.items()}
    scene.errors = {name: one.result() for name, one in said.items()}
    stall.plan()


def call_rail(stall: Stall, verb: str, *facts: Any) -> Any:
    """A verb of the rail itself; the RailError that it raised, else its answer."""
    with stall.app.app_context():
        account, now = stall.account(), clock.utc_now()
        try:
            return getattr(get_rail(stall.rail), verb)(*facts, account, bounded_client(), now)
        except RailError as error:
            return error


def look_at(scene: Scene, fault: Fault) -> None:
    """Everything that must be so after the trouble."""
    look_at_start(scene, fault)
    look_at_check(scene, fault)
    look_at_probe(scene, fault)
    look_at_refund(scene, fault)
    assert_nothing_doubled(scene)


def look_at_start(scene: Scene, fault: Fault) -> None:
    stall, (status, answer) = scene.stall, scene.errors["start"]
    if not get_rail(scene.name).calls_out:
        assert status == 201, (scene.name, fault, answer)
        return
    expected = {"silent": 504, "drip": 504}.get(fault, 502)
    code = {502: "provider_unavailable", 504: "provider_timeout"}[expected]
    assert (status, answer["error"]["code"]) == (expected, code), (scene.name, fault)
    session = stall.session(scene.fresh)
    assert session["current_attempt"]["status"] == "failed"
    assert session["current_attempt"]["failure"]["code"]
    assert (session["status"], session["attempts"], session["can_retry"]) == ("open", 0, True)
    lost = session["current_attempt"]["id"]
    again = stall.start(scene.fresh)
    assert again["number"] == 2
    if fault in EXECUTED:
        # The provider has the order that we took for failed: money on it counts.
        pay_and_hear(stall, lost)
        assert stall.session(scene.fresh)["status"] == "completed"
        assert stall.attempt(lost)["status"] == "succeeded"


def look_at_check(scene: Scene, fault: Fault) -> None:
    stall, (status, answer) = scene.stall, scene.errors["check"]
    refused = fault in REFUSALS
    assert status in ((409, 502) if refused else (502, 504)), (scene.name, fault, answer)
    if not refused:
        assert answer["error"]["code"] in ("provider_unavailable", "provider_timeout")
    # No news is no news: the attempt waits on, and is paid as if nothing had been.
    assert stall.attempt(scene.waiting["id"])["status"] in ("pending", "requires_action")
    pay_and_hear(stall, scene.waiting["id"])
    assert stall.session(scene.waiting["session"])["status"] == "completed"


def look_at_probe(scene: Scene, fault: Fault) -> None:
    error = scene.errors["probe"]
    assert isinstance(error, RailError), (scene.name, fault, error)
    if fault not in REFUSALS:
        assert error.temporary, (scene.name, fault, error.code)
    assert call_rail(scene.stall, "probe"), scene.name


def look_at_refund(scene: Scene, fault: Fault) -> None:
    said = scene.errors["refund"]
    if not isinstance(said, RailError):
        assert said.status == "by_hand", (scene.name, fault, said)
        return
    if fault not in REFUSALS:
        assert said.temporary, (scene.name, fault, said.code)
    # Nobody knows whether it was done; asked again under the same id it is done once.
    known = call_rail(scene.stall, "check_refund", scene.refund)
    assert not isinstance(known, RailError), (scene.name, fault, known)
    if fault in EXECUTED:
        assert known.status in GIVEN_BACK, (scene.name, fault, known)
    else:
        again = call_rail(scene.stall, "refund", scene.refund)
        assert again.status in GIVEN_BACK, (scene.name, fault, again)
    assert_refunded_once(scene, fault)


def assert_refunded_once(scene: Scene, fault: Fault) -> None:
    """The provider still has the rest of the payment, and no more than the rest."""
    first = scene.refund
    left = first.payment_amount - first.amount
    rest = replace(first, id=new_id("re"), amount=left, refunded_before=first.amount)
    said = call_rail(scene.stall, "refund", rest)
    assert said.status in GIVEN_BACK, (scene.name, fault, said)
    more = call_rail(scene.stall, "refund", replace(rest, id=new_id("re")))
    refused = not more.temporary if isinstance(more, RailError) else more.status == "refused"
    assert refused, (scene.name, fault, more)


def assert_nothing_doubled(scene: Scene) -> None:
    rows = scene.stall.read(
        "SELECT session_id, count(*) AS payments FROM payment WHERE store_id = %(id)s"
        " GROUP BY session_id",
        id=scene.stall.shop.store.id,
    )
    assert all(row.payments == 1 for row in rows)
    held = scene.stall.read(
        "SELECT id, disposition FROM transfer WHERE store_id = %(id)s AND held > 0",
        id=scene.stall.shop.store.id,
    )
    assert held == []


def pay_and_hear(stall: Stall, attempt_id: str) -> None:
    """Pretend money, told by the hook or, on rails without one, asked for."""
    if stall.pay(attempt_id) == 0:
        status, answer = stall.check(attempt_id)
        assert status == 200, (stall.rail, answer)


@every_rail
@pytest.mark.parametrize("fault", QUICK)
def test_a_provider_in_trouble(server: LiveServer, rail: str, fault: Fault) -> None:
    scene = set_scene(server, rail)
    play(scene, fault)
    look_at(scene, fault)


def test_providers_that_take_too_long(server: LiveServer) -> None:
    wanted = [(rail, fault) for rail in folders() for fault in SLOW]
    scenes = [(set_scene(server, rail), fault) for rail, fault in wanted]
    with ThreadPoolExecutor(len(scenes)) as pool:
        list(pool.map(lambda given: play(*given), scenes))
    for scene, fault in scenes:
        look_at(scene, fault)


@every_rail
def test_a_provider_behind_a_closed_port(server: LiveServer, rail: str) -> None:
    stall = make_stall(server.url, server.app, rail)
    nowhere = f"http://127.0.0.1:{free_port()}"
    account = stall.account()
    object.__setattr__(account, "provider_url", nowhere)
    with server.app.app_context(), pytest.raises(RailError) as raised:
        get_rail(rail).probe(account, bounded_client(), clock.utc_now())
    assert (raised.value.code, raised.value.temporary) == ("provider_unavailable", True)


@every_rail
def test_notices_that_are_lost_are_asked_for(server: LiveServer, rail: str) -> None:
    stall = make_stall(server.url, server.app, rail)
    attempt = stall.start(stall.make_session())
    stall.plan(drop_hooks=9)
    assert stall.pay(attempt["id"]) == 0
    assert stall.session(attempt["session"])["status"] in ("processing", "awaiting_action")

    status, answer = stall.check(attempt["id"])

    assert (status, answer["found"]) == (200, 1)
    assert stall.session(attempt["session"])["status"] == "completed"
    status, answer = stall.check(attempt["id"])
    assert (status, answer["found"]) == (200, 0)


@every_rail
def test_one_fault_costs_nothing_when_the_next_call_works(server: LiveServer, rail: str) -> None:
    stall = make_stall(server.url, server.app, rail)
    session = stall.make_session()
    stall.plan(next=["error_502"])
    # A rail that knows its call to be safe to repeat may do so by itself.
    assert stall.try_to_start(session)[0] in (201, 502)
    stall.plan()
    attempt = stall.start(session)
    pay_and_hear(stall, attempt["id"])
    assert stall.session(session)["status"] == "completed"
