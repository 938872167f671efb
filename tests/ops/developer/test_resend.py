from __future__ import annotations

import json

from standardwebhooks import Webhook

from tests.support.receiver import Reply, receiving


def test_to_every_endpoint_that_had_it(desk):
    with receiving() as first, receiving() as second:
        for shop in (first, second):
            desk.api.post("/webhook-endpoints", {"url": f"{shop.url}/hook"})
        desk.make_session("R-1")
        first.wait_for(1)
        second.wait_for(1)
        event_id = json.loads(first.received[0].body)["id"]
        for endpoint in desk.api.items("/webhook-endpoints"):
            wait_until_delivered(desk, endpoint["id"])

        result = desk.run("events", "resend", event_id)

        assert result.exit_code == 0, result.output
        assert result.output.count("is on its way") == 2
        first.wait_for(2)
        second.wait_for(2)
    assert first.received[1].body == first.received[0].body


def wait_until_delivered(desk, endpoint_id: str) -> None:
    for _ in range(500):
        deliveries = desk.api.get(f"/webhook-endpoints/{endpoint_id}/deliveries")["data"]
        if deliveries and deliveries[0]["status"] == "delivered":
            return
        desk.api.wait(0.02)
    raise AssertionError("it was not delivered")


def test_what_nobody_wanted_goes_to_ones_own_machine(desk):
    desk.make_session("R-1")
    event_id = desk.api.get("/events")["data"][0]["id"]
    refused = desk.run("events", "resend", event_id)
    assert refused.exit_code == 1
    assert f"events resend {event_id} --forward-to" in refused.output

    with receiving() as shop:
        result = desk.run("events", "resend", event_id, "--forward-to", f"{shop.url}/hook")

    assert result.exit_code == 0, result.output
    secret = next(iter(json.loads((desk.var_dir / "listen.json").read_text()).values()))["secret"]
    Webhook(secret).verify(shop.received[0].body, shop.received[0].headers)


def test_a_shop_that_does_not_take_it(desk):
    desk.make_session("R-1")
    event_id = desk.api.get("/events")["data"][0]["id"]

    with receiving(lambda _: Reply(status=418)) as shop:
        result = desk.run("events", "resend", event_id, "--forward-to", shop.url)

    assert result.exit_code == 1
    assert "did not take it: 418" in result.output
