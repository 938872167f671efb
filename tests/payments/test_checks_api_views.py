"""Asking by hand: about one attempt with all its references, about many strings at once."""

from __future__ import annotations

import pytest

from checkout.core import clock
from checkout.core.db import one, unit_of_work
from checkout.payments.references import Reference, write_reference
from checkout.rails import registry
from checkout.rails.base import RailError
from tests.factories.asking import make_account
from tests.factories.books import read_one
from tests.factories.stores import make_shop
from tests.factories.till import Till


@pytest.fixture
def account(till, provider):
    return make_account(till.shop)


def begin(till):
    session = till.make_session()
    path = f"/checkout/sessions/{session['id']}/attempts"
    status, attempt = till.call("POST", path, {"rail": "asked"})
    assert status == 201, attempt
    return attempt


def add_reference(attempt, reference):
    """The prompt has been renewed."""
    with unit_of_work():
        row = one("SELECT * FROM attempt WHERE id = %(id)s", id=attempt["id"])
        write_reference(Reference(row, reference, clock.now(), row.expires_at))


def check(till, attempt):
    return till.call("POST", f"/checkout/attempts/{attempt['id']}/check")


def test_every_open_reference_is_asked_about(till, provider, account):
    attempt = begin(till)
    add_reference(attempt, "renewed")
    provider.paid[attempt["provider_reference"]] = "succeeded"
    status, answer = check(till, attempt)

    assert (status, answer["found"], answer["attempt"]["status"]) == (200, 1, "succeeded")
    assert provider.calls == [["renewed", attempt["provider_reference"]]]
    provider.calls.clear()
    assert check(till, attempt)[1]["found"] == 0
    assert provider.calls == [["renewed"]]


def test_with_all_references_settled_nobody_is_asked(till, provider, account):
    attempt = begin(till)
    provider.paid[attempt["provider_reference"]] = "succeeded"
    check(till, attempt)
    provider.calls.clear()

    assert check(till, attempt)[1]["found"] == 0
    assert provider.calls == []


@pytest.mark.parametrize(
    ("error", "status", "code", "failures"),
    [
        (RailError("provider_timeout", "Late", temporary=True), 504, "provider_timeout", 1),
        (RailError("anything", "Broken", temporary=True), 502, "provider_unavailable", 1),
        (RailError("provider_rejected", "No", temporary=False), 409, "provider_rejected", 0),
    ],
)
def test_what_the_provider_could_not_say(till, provider, account, error, status, code, failures):
    attempt = begin(till)
    provider.error = error
    answered, answer = check(till, attempt)

    assert (answered, answer["error"]["code"]) == (status, code)
    assert till.attempt(attempt["id"])["status"] == "pending"
    row = read_one("SELECT coalesce(max(failures), 0) AS failures FROM rail_health")
    assert row.failures == failures


def test_a_resting_provider_is_not_called(till, provider, account):
    attempt = begin(till)
    provider.error = RailError("provider_timeout", "Late", temporary=True)
    for _ in range(5):
        check(till, attempt)
    provider.calls.clear()
    status, answer = check(till, attempt)

    assert (status, answer["error"]["code"]) == (502, "provider_unavailable")
    assert provider.calls == []


@pytest.fixture
def khqr(provider, monkeypatch):
    """The provider under the name of the rail whose strings are asked about."""
    monkeypatch.setitem(registry._own, "khqr", provider)
    monkeypatch.setattr(type(provider), "name", "khqr")
    monkeypatch.setattr(
        type(provider), "reference_of", lambda _self, attempt, _account: md5_of(attempt.memo)
    )
    monkeypatch.setattr("tests.factories.asking.NAME", "khqr")
    return provider


def md5_of(memo):
    return memo.encode().hex().rjust(32, "0")


def begin_khqr(till):
    session = till.make_session()
    path = f"/checkout/sessions/{session['id']}/attempts"
    status, attempt = till.call("POST", path, {"rail": "khqr"})
    assert status == 201, attempt
    return attempt["id"], md5_of(attempt["transfer_memo"])


def bulk(till, *md5s):
    return till.call("POST", "/rails/khqr/check", {"md5s": list(md5s)})


def test_many_strings_at_once(till, khqr):
    make_account(till.shop)
    (paid, paid_md5), (waiting, waiting_md5) = begin_khqr(till), begin_khqr(till)
    khqr.paid[paid_md5] = "succeeded"
    status, answer = bulk(till, waiting_md5, paid_md5.upper(), "f" * 32)

    assert (status, answer["object"]) == (200, "list")
    assert answer["data"] == [
        {"md5": waiting_md5, "status": "pending", "attempt": waiting},
        {"md5": paid_md5, "status": "succeeded", "attempt": paid},
        {"md5": "f" * 32, "status": "unknown", "attempt": None},
    ]
    assert till.attempt(paid)["status"] == "succeeded"
    assert sorted(khqr.asked()) == sorted([waiting_md5, paid_md5])
    # Asked again it says the same, and nothing is counted twice.
    assert bulk(till, paid_md5)[1]["data"][0]["status"] == "succeeded"
    assert read_one("SELECT count(*) AS n FROM transfer").n == 1


def test_strings_of_others_are_unknown_and_nobody_is_asked(till, client, khqr):
    make_account(till.shop)
    _, md5 = begin_khqr(till)
    stranger = Till(client, make_shop(), "")
    live = Till(client, make_shop(True, till.shop.store), "")
    for other in (stranger, live):
        status, answer = bulk(other, md5)
        assert (status, answer["data"][0]["status"]) == (200, "unknown")
        assert answer["data"][0]["attempt"] is None
    assert khqr.calls == []


@pytest.mark.parametrize("md5s", [[], ["0" * 32] * 51, ["0" * 31], ["g" * 32], [1], "0" * 32, None])
def test_what_is_no_list_of_md5s_is_refused(till, md5s):
    status, answer = till.call("POST", "/rails/khqr/check", {"md5s": md5s})
    assert status == 422
    assert answer["error"]["param"].startswith("md5s")


def test_a_silent_provider_is_said_of_many_too(till, khqr):
    make_account(till.shop)
    _, md5 = begin_khqr(till)
    khqr.error = RailError("provider_timeout", "Late", temporary=True)
    status, answer = bulk(till, md5)

    assert (status, answer["error"]["code"]) == (504, "provider_timeout")
    assert read_one("SELECT failures FROM rail_health").failures == 1
