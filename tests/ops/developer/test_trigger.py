"""Every scenario really happens."""

from __future__ import annotations

import pytest

from checkout.core.ids import new_id
from checkout.ops.developer.scenarios import EVENTS, SCENARIOS
from checkout.webhooks.types import EVENT_TYPES
from tests.factories.stores import make_shop
from tests.support.live import free_port
from tests.support.receiver import receiving

DISPOSITIONS = {
    "partial": "partial",
    "over": "over",
    "late": "late",
    "twice": "duplicate",
    "unknown": "unknown_code",
}


@pytest.mark.parametrize("scenario", [*SCENARIOS, *EVENTS], ids=lambda scenario: scenario.name)
def test_it_happens(desk, scenario):
    result = desk.run("trigger", scenario.name)

    assert result.exit_code == 0, result.output
    assert scenario.event in result.output
    assert scenario.event in [event["type"] for event in desk.api.items("/events")]
    if scenario.name in DISPOSITIONS:
        found = [transfer["disposition"] for transfer in desk.api.items("/transfers")]
        assert DISPOSITIONS[scenario.name] in found


def test_names_are_those_of_events(desk):
    assert {scenario.name for scenario in EVENTS} <= set(EVENT_TYPES)


def test_another_rail_amount_and_currency(desk):
    result = desk.run("trigger", "paid", "--rail", "vnpay", "--amount", "70000")

    assert result.exit_code == 0, result.output
    payment = desk.api.get("/payments")["data"][0]
    assert (payment["rail"], payment["amount"]) == ("vnpay", 70_000)


def test_without_a_name_all_are_listed(desk):
    result = desk.run("trigger")

    assert result.exit_code == 0
    assert all(scenario.name in result.output for scenario in (*SCENARIOS, *EVENTS))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("trigger", "payment.refused"), "cannot be triggered. There are:"),
        (("trigger", "paid", "--key", "sk_live_1"), "give a key sk_test_"),
        (("trigger", "paid", "--key", "pk_test_1"), "begins with sk_test_"),
        (("trigger", "paid", "--key", "sk_test_1"), "Give a secret key with --key"),
        (("trigger", "paid", "--url", "nonsense"), "begins with http://"),
        (("trigger", "paid", "--rail", "bitcoin"), "rail_not_available"),
        (("trigger", "failed", "--currency", "khr"), "rail_not_available"),
        (("trigger", "paid", "--amount", "1"), "x>=2"),
        (("listen", "--events", "payments.*"), "is no event type"),
        (("listen", "--forward-to", "localhost:3000"), "write the whole address"),
        (("events", "resend", "cs_1"), "begins with evt_"),
        (("events", "resend", new_id("evt")), "resource_missing"),
        (("logs", "tail"), "start bin/run"),
    ],
)
def test_troubles_are_one_line_that_says_what_to_do(desk, words, says):
    result = desk.run(*words)

    assert result.exit_code in (1, 2)
    assert says in result.output
    assert "Traceback" not in result.output


def test_nothing_there(desk, tmp_path):
    (desk.var_dir / "demo.json").unlink()
    assert "start bin/run" in desk.run("trigger", "paid").output

    away = f"http://127.0.0.1:{free_port()}"
    result = desk.run("trigger", "paid", "--url", away, "--key", "sk_test_1")
    assert f"Nothing answers at {away}" in result.output

    with receiving() as other:
        result = desk.run("trigger", "paid", "--url", other.url, "--key", "sk_test_1")
    assert "is --url right?" in result.output


def test_a_shop_without_a_fitting_rail(desk, live_server):
    with live_server.app.app_context():
        bare = make_shop()

    result = desk.run("trigger", "paid", "--key", bare.key)

    assert result.exit_code == 1
    assert "rail" in result.output
