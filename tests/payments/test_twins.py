"""One movement told of twice, by hook and by list, or to two accounts: its money counts once."""

from __future__ import annotations

from typing import Any

import pytest

from checkout.core.db import unit_of_work
from checkout.payments.judge import judge_batch
from checkout.payments.notices import store_notices
from checkout.rails.base import Account, Notice
from checkout.rails.vietqr.movement import make_notice, read_hook_fields, read_list_row
from tests.factories.books import balances, read, read_one
from tests.factories.stores import make_vietqr
from tests.factories.till import memo_of


def list_row(notice: dict[str, Any], uuid: str) -> dict[str, Any]:
    """The list's row of a movement that the hook tells as `notice`."""
    return {
        "id": uuid,
        "transaction_date": notice["transactionDate"],
        "account_number": notice["accountNumber"],
        "transfer_type": notice["transferType"],
        "amount_in": notice["transferAmount"],
        "amount_out": 0,
        "transaction_content": notice["content"],
        "reference_number": notice["referenceCode"],
        "code": None,
        "bank_brand_name": notice["gateway"],
    }


def as_told(till, told: dict[str, Any]) -> Notice:
    own = frozenset({till.rail["account_number"]})
    account = Account(till.account, False, till.rail, ("HM",), "")
    by_list = "transaction_date" in told
    movement = read_list_row(told) if by_list else read_hook_fields(told)
    source = "list" if by_list else "hook"
    return make_notice(movement, source=source, raw=b"{}", account=account, own=own)


def store(till, *told: dict[str, Any], account: str | None = None) -> None:
    """Store notices and leave them to be judged."""
    row = read_one("SELECT * FROM rail_account WHERE id = %(id)s", id=account or till.account)
    with unit_of_work():
        store_notices(row, [as_told(till, one) for one in told])


def results() -> list[str]:
    return [row.result for row in read("SELECT result FROM inbox ORDER BY id")]


@pytest.mark.parametrize("first", ["hook", "list"])
@pytest.mark.parametrize("together", [False, True])
def test_hook_and_list_tell_one_movement(till, first, together):
    notice = till.notice(memo_of(till.make_attempt()), 500_000)
    both = [notice, list_row(notice, "u-1")]
    if first == "list":
        both.reverse()
    store(till, both[0])
    if not together:
        judge_batch()
    store(till, both[1])
    judge_batch()

    assert results() == ["matched", "repeated"]
    row = read_one("SELECT * FROM transfer")
    assert (row.source, row.twin_reference) == (first, str(both[1]["id"]))
    assert balances(till.shop.store.id) == {"clearing:vietqr": -500_000, "store_balance": 500_000}


@pytest.mark.parametrize("together", [False, True])
def test_two_equal_movements_of_one_source_are_two(till, together):
    memo = memo_of(till.make_attempt())
    at = till.now()
    one = till.notice(memo, 500_000, at=at, referenceCode=None)
    two = till.notice(memo, 500_000, at=at, referenceCode=None)
    if together:
        store(till, one, two, list_row(one, "u-1"), list_row(two, "u-2"))
        judge_batch()
    else:
        for told in (one, list_row(one, "u-1"), list_row(two, "u-2"), two):
            store(till, told)
            judge_batch()

    assert sorted(results()) == ["duplicate", "matched", "repeated", "repeated"]
    rows = read("SELECT twin_reference FROM transfer")
    assert None not in [row.twin_reference for row in rows]


def test_a_third_telling_by_the_same_id_is_the_same_notice(till):
    notice = till.notice("no code", 5_000)
    for told in (notice, list_row(notice, "u-1"), list_row(notice, "u-1"), notice):
        store(till, told)
        judge_batch()

    assert results() == ["unknown_code", "repeated"]


@pytest.mark.parametrize("together", [False, True])
def test_an_account_with_newer_credentials_is_told_of_the_same_movement(till, together):
    notice = till.notice(memo_of(till.make_attempt()), 500_000)
    row = list_row(notice, "u-1")
    store(till, notice)
    newer = make_vietqr(till.shop, **till.rail | {"api_key": "rotated-key-00000000"})
    for told, account in ((row, till.account), (row, newer), (notice, newer)):
        if not together:
            judge_batch()
        store(till, told, account=account)
    judge_batch()

    assert results() == ["matched", "repeated", "repeated", "repeated"]
    assert balances(till.shop.store.id) == {"clearing:vietqr": -500_000, "store_balance": 500_000}
    assert read_one("SELECT twin_reference FROM transfer").twin_reference == "u-1"


def test_another_stores_equal_movement_is_its_own(till, client):
    from tests.factories.till import make_till

    other = make_till(client)
    notice = till.notice("no code", 5_000)
    store(till, notice)
    store(other, list_row(notice, "u-1"))
    judge_batch()

    assert results() == ["unknown_code", "unknown_code"]
