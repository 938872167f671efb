"""A store in the middle of its business: something of everything that a merchant meets."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask.testing import FlaskClient

from checkout.core.db import unit_of_work
from checkout.merchants.invitations import invite_member
from checkout.merchants.members import add_member
from checkout.merchants.sign_ins import list_sign_ins
from tests.factories.people import bearer, make_user, sign_in
from tests.factories.stores import Shop
from tests.factories.till import Till, make_till, memo_of

PREFIXES = {
    "session_id": "cs",
    "attempt_id": "att",
    "transfer_id": "trf",
    "payment_id": "pay",
    "endpoint_id": "we",
    "delivery_id": "whd",
    "event_id": "evt",
    "customer_id": "cus",
    "user_id": "usr",
    "key_id": "key",
    "invitation_id": "inv",
    "sign_in_id": "sgn",
}
"""What the ids begin with, by the name of the path's argument."""

OF_BOTH_MODES = frozenset({"store_id", "user_id", "invitation_id", "sign_in_id"})
"""Arguments that mean the same in test and in live mode."""


@dataclass
class Trade:
    """A shop with something of everything in it: what the ids of its things are."""

    till: Till
    user_headers: dict[str, str]
    """Of the store's only owner."""
    ids: dict[str, str]
    """By the name of the path's argument."""
    lists: dict[str, list[str]] = field(default_factory=dict)
    """Further ids of the same kinds, in other states."""

    @property
    def shop(self) -> Shop:
        return self.till.shop

    @property
    def store_id(self) -> str:
        return self.till.shop.store.id

    @property
    def headers(self) -> dict[str, str]:
        return self.till.shop.headers


def make_trade(client: FlaskClient, *, livemode: bool = False) -> Trade:
    """Sessions of every status, money of several kinds, an endpoint, deliveries, events, a team."""
    till = make_till(client, livemode=livemode, rate_limit_per_minute=60_000)
    endpoint = _endpoint(till)
    paid, short, over, waiting, cancelled = (
        till.make_attempt(reference=f"BK-{number}", customer={"email": f"a{name}@shop.example"})
        for number, name in enumerate("abcab")
    )
    money = [
        till.pay(memo_of(paid), 500_000),
        till.pay(memo_of(short), 200_000),
        till.pay(memo_of(over), 600_000),
        till.pay("RENT FOR MAY", 700_000),
    ]
    till.call("POST", f"/checkout/sessions/{cancelled['session']}/cancel")
    customer = till.session(waiting["session"])["customer"]
    for _ in range(2):
        gift = till.pay("A GIFT", 80_000)
        till.resolve(gift["id"], "credit_wallet", customer=customer)
    plain = till.make_session(reference="plain")
    delivery = till.call("POST", f"/webhook-endpoints/{endpoint}/test")[1]
    payments = till.call("GET", "/payments")[1]["data"]
    owner, headers = _team(till)
    return Trade(
        till,
        user_headers=headers,
        ids={
            "session_id": waiting["session"],
            "attempt_id": waiting["id"],
            "transfer_id": money[3]["id"],
            "payment_id": payments[0]["id"],
            "endpoint_id": endpoint,
            "delivery_id": delivery["id"],
            "event_id": delivery["event"],
            "customer_id": customer,
            "key_id": till.shop.key_id,
            **owner,
        },
        lists={
            "session_id": [plain["id"], *(a["session"] for a in (paid, short, over, cancelled))],
            "attempt_id": [paid["id"], short["id"], cancelled["id"]],
            "transfer_id": [transfer["id"] for transfer in money[:3]],
            "payment_id": [payment["id"] for payment in payments[1:]],
        },
    )


def make_small_trade(client: FlaskClient) -> Trade:
    """A store that can take money and has sold nothing yet, with an endpoint."""
    till = make_till(client, rate_limit_per_minute=60_000)
    return Trade(till, user_headers={}, ids={"endpoint_id": _endpoint(till)})


def _endpoint(till: Till) -> str:
    status, endpoint = till.call(
        "POST", "/webhook-endpoints", {"url": "http://127.0.0.1:1/hook", "enabled_events": ["*"]}
    )
    assert status == 201, endpoint
    return str(endpoint["id"])


def _team(till: Till) -> tuple[dict[str, str], dict[str, str]]:
    """An owner, whom the headers sign in, a viewer, and a place that is offered to somebody."""
    owner, viewer = make_user(), make_user()
    store_id = till.shop.store.id
    with unit_of_work():
        add_member(store_id, owner.id, "owner")
        add_member(store_id, viewer.id, "viewer")
        actor = f"user:{owner.id}"
        place = invite_member(
            store_id, "mai@homestay.example", "support", actor=actor, by_role="owner"
        )
    sign_in(owner)
    headers = bearer(sign_in(owner))
    with unit_of_work():
        mine = list_sign_ins(owner.id)[-1]
    ids = {"user_id": viewer.id, "invitation_id": place.id, "sign_in_id": mine.id}
    return ids, headers
