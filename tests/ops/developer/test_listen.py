"""What `listen` must keep: each event once, whoever was away meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from standardwebhooks import Webhook

from checkout.ops.developer.client import Api
from checkout.ops.developer.cursor import OVERLAP_SECONDS, Cursor, open_cursor
from checkout.ops.developer.listen import Listener
from tests.support.live import ROOT, free_port
from tests.support.receiver import Receiver, Reply, receiving


def listener(desk, target: str | None, *patterns: str) -> tuple[Listener, list[str]]:
    said: list[str] = []
    cursor, _ = open_cursor(desk.var_dir / "listen.json", desk.api)
    return Listener(desk.api, cursor, target, patterns or ("*",), said.append), said


def types(shop: Receiver) -> list[str]:
    return [json.loads(received.body)["type"] for received in shop.received]


def test_events_arrive_signed_as_deliveries_are(desk):
    with receiving() as shop, receiving() as endpoint:
        made = desk.api.post("/webhook-endpoints", {"url": f"{endpoint.url}/hook"})
        ear, said = listener(desk, f"{shop.url}/hook")
        session = desk.make_session("R-1")

        ear.step()
        endpoint.wait_for(1)

    received, delivered = shop.received[0], endpoint.received[0]
    Webhook(ear.cursor.secret).verify(received.body, received.headers)
    assert Webhook(made["secret"]).verify(delivered.body, delivered.headers)
    assert received.body == delivered.body
    assert {name for name in received.headers if "webhook" in name} == {
        name for name in delivered.headers if "webhook" in name
    }
    assert session["id"] in said[0]
    assert "checkout.session.created" in said[0]
    assert "200 in" in said[0]


def test_what_was_before_is_not_told_and_nothing_is_told_twice(desk):
    desk.make_session("before")
    with receiving() as shop:
        ear, _ = listener(desk, shop.url)
        desk.make_session("first")
        ear.step()
        ear.step()
        again, _ = listener(desk, shop.url)
        desk.make_session("second")
        again.step()

    references = [json.loads(r.body)["data"]["object"]["reference"] for r in shop.received]
    assert references == ["first", "second"]


def test_what_happened_while_nobody_listened_is_told_at_the_next_start(desk):
    with receiving() as shop:
        ear, _ = listener(desk, shop.url)
        ear.step()
        made = [desk.make_session(f"R-{number}")["id"] for number in range(120)]
        again, _ = listener(desk, shop.url)
        again.step()

    assert [json.loads(r.body)["data"]["object"]["id"] for r in shop.received] == made
    assert again.cursor.secret == ear.cursor.secret


def test_an_event_that_was_committed_late_is_not_missed(desk):
    ear, _ = listener(desk, None)
    early = desk.make_session("early")["id"]
    late = desk.make_session("late")["id"]
    events = ear.cursor.fetch_new(desk.api)
    assert [event["data"]["object"]["id"] for event in events] == [early, late]
    ear.cursor.mark(events[1]["id"])

    seen = ear.cursor.fetch_new(desk.api)

    assert [event["id"] for event in seen] == [events[0]["id"]]


def test_what_is_remembered_does_not_grow(tmp_path):
    cursor = Cursor(tmp_path / "listen.json", "name", "whsec_x")
    from checkout.core.ids import first_id

    for seconds_ago in range(10 * OVERLAP_SECONDS, 0, -10):
        cursor.mark(first_id("evt", seconds_ago))

    assert len(cursor.told) <= OVERLAP_SECONDS / 10 + 1
    assert (tmp_path / "listen.json").stat().st_mode & 0o777 == 0o600


def test_only_what_was_asked_for_is_forwarded(desk):
    with receiving() as shop:
        ear, said = listener(desk, shop.url, "checkout.session.cancelled")
        session = desk.make_session("R-1")
        desk.api.post(f"/checkout/sessions/{session['id']}/cancel")
        ear.step()

    assert types(shop) == ["checkout.session.cancelled"]
    assert len(said) == 1


def test_a_shop_that_is_not_started_is_waited_for(desk):
    target = f"http://127.0.0.1:{free_port()}/hook"
    ear, said = listener(desk, target)
    desk.make_session("R-1")
    for _ in range(3):
        ear.step()
    assert len(said) == 1
    assert "start your shop" in said[0]

    with receiving() as shop:
        ear.forward_to = shop.url
        ear.step()

    assert types(shop) == ["checkout.session.created"]
    assert "listens again" in said[1]


def test_a_shop_that_answers_badly_is_told_how_to_try_again(desk):
    with receiving(lambda _: Reply(status=500)) as shop:
        ear, said = listener(desk, shop.url)
        desk.make_session("R-1")
        ear.step()
        ear.step()

    assert len(shop.received) == 1
    assert f"bin/checkout events resend {json.loads(shop.received[0].body)['id']}" in said[0]


def test_an_installation_that_is_away_is_waited_for(desk):
    ear, said = listener(desk, None)
    here, ear.api = ear.api, Api(f"http://127.0.0.1:{free_port()}", desk.api.key)
    ear.step()
    ear.step()
    ear.api = here
    ear.step()

    assert len(said) == 2
    assert "start bin/run" in said[0]
    assert "answers again" in said[1]


@pytest.mark.kill
def test_the_command_across_restarts_of_both(own_server, make_desk, start):
    server = own_server("web")
    desk = make_desk(server)
    with receiving() as shop:
        command = start(desk, shop)
        wait_for((desk.var_dir / "listen.json").exists)
        desk.make_session("one")
        shop.wait_for(1)
        server.kill("web")
        server.start("web")
        desk.make_session("two")
        shop.wait_for(2)
        wait_for(lambda: count_told(desk) == 2)
        command.kill()
        command.communicate(timeout=10)
        desk.make_session("three")
        command = start(desk, shop)
        shop.wait_for(3)
        command.send_signal(2)
        output, _ = command.communicate(timeout=10)

    references = [json.loads(r.body)["data"]["object"]["reference"] for r in shop.received]
    assert references == ["one", "two", "three"]
    assert command.returncode == 0
    assert "Signing secret for your shop: whsec_" in output
    assert "1 events. The next start goes on from here." in output
    assert "Traceback" not in output


def count_told(desk) -> int:
    (kept,) = json.loads((desk.var_dir / "listen.json").read_text()).values()
    return len(kept["told"])


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`start(desk, shop)` runs the command, which ends with the test at the latest."""
    commands: list[subprocess.Popen[str]] = []

    def run(desk, shop: Receiver) -> subprocess.Popen[str]:
        commands.append(
            subprocess.Popen(
                [str(ROOT / "bin" / "checkout"), "listen", "--forward-to", f"{shop.url}/hook"],
                env={"PATH": os.environ["PATH"], "CHECKOUT_VAR": str(desk.var_dir)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return commands[-1]

    yield run
    for command in commands:
        command.kill()
        command.communicate()


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
