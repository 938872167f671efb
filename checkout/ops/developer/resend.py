"""Send an event once more: to the endpoints that had it, or to a local address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checkout.ops.developer.client import Api, Trouble
from checkout.ops.developer.forward import forward


def resend_to_endpoints(api: Api, event_id: str, say: Callable[[str], None]) -> None:
    """Try each of its deliveries again now. Raises Trouble where there is none."""
    api.get(f"/events/{event_id}")
    found = 0
    for endpoint in api.items("/webhook-endpoints", limit=100):
        path = f"/webhook-endpoints/{endpoint['id']}/deliveries"
        for delivery in api.items(path, event=event_id, limit=1):
            found += 1
            _retry(api, endpoint, delivery, say)
    if not found:
        raise Trouble(
            "No endpoint wanted this event when it happened. Send it to your own machine with"
            f" bin/checkout events resend {event_id} --forward-to http://127.0.0.1:3000/hook."
        )


def _retry(
    api: Api, endpoint: dict[str, Any], delivery: dict[str, Any], say: Callable[[str], None]
) -> None:
    try:
        api.post(f"/webhook-deliveries/{delivery['id']}/retry")
    except Trouble as trouble:
        # The other endpoints get theirs all the same.
        say(f"{endpoint['url']}  not sent: {trouble.message}")
        return
    say(f"{endpoint['url']}  {delivery['id']} is on its way")


def resend_here(api: Api, event_id: str, url: str, secret: str, say: Callable[[str], None]) -> None:
    """POST it to `url`, signed. Raises Trouble unless the answer is a 2xx."""
    told = forward(api.get(f"/events/{event_id}"), url, secret)
    if not told.well:
        raise Trouble(f"{url} did not take it: {told.text}.")
    say(f"{url}  {told.text}")
