"""From the API through worker and Redis to a socket of the web process."""

from __future__ import annotations

import json

from tests.factories.rails import make_stall
from tests.support.sockets import open_socket


def test_a_message_crosses_the_processes(live_server):
    stall = make_stall(live_server.url, live_server.app, "vietqr")
    customer = stall.session(stall.make_session(customer={"reference": "guest-7"}))["customer"]
    _, token = stall.call("POST", "/realtime-tokens", {"customer": customer})
    address = live_server.url.removeprefix("http://")
    with open_socket(address, "/ws/payment-notifications") as page:
        page.send(
            json.dumps(
                {"type": "SUBSCRIBE", "token": token["token"], "channels": ["payment_status"]}
            )
        )
        # The first session's own event may still be on its way.
        attempt = stall.start(stall.make_session(customer_id=customer))
        stall.pay(attempt["id"])
        said = []
        while not said or said[-1]["status"] != "COMPLETED":
            text = page.receive(10)
            assert text is not None, said
            said.append(json.loads(text))
    assert said[-1]["paymentId"] == attempt["session"]
    assert said[-1]["transactionId"].startswith("pay_")
