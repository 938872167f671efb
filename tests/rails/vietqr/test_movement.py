from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from checkout.rails.vietqr.movement import (
    UnreadableMovement,
    make_fingerprint,
    read_amount,
    read_hook_fields,
    read_list_row,
    read_time,
)

HOOK: dict[str, Any] = {
    "id": 92704,
    "gateway": "Vietcombank",
    "transactionDate": "2026-11-20 14:02:37",
    "accountNumber": "0123499999",
    "subAccount": None,
    "code": None,
    "content": "HM7K2M9QX",
    "transferType": "in",
    "description": "BankAPINotify HM7K2M9QX",
    "transferAmount": 150000,
    "accumulated": 19077000,
    "referenceCode": "MBVCB.3278907687",
}
ROW: dict[str, Any] = {
    "id": "5f0e7ab0-1f5c-4c0e-9a39-8d2a9a6a2c11",
    "transaction_date": "2026-11-20 14:02:37",
    "account_number": "0123499999",
    "va": None,
    "transfer_type": "in",
    "amount_in": "150000.00",
    "amount_out": "0.00",
    "accumulated": "19077000.00",
    "transaction_content": "HM7K2M9QX",
    "reference_number": "MBVCB.3278907687",
    "code": None,
    "bank_brand_name": "Vietcombank",
}


def test_hook_and_list_tell_the_same_movement() -> None:
    hook, row = read_hook_fields(HOOK), read_list_row(ROW)

    assert replace(row, id=hook.id, description=hook.description) == hook
    assert hook.happened_at == datetime(2026, 11, 20, 7, 2, 37, tzinfo=UTC)
    assert hook.amount == 150_000


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"referenceCode": None},
        {"referenceCode": "", "content": " hm7k2m9qx  "},
    ],
)
def test_the_fingerprint_recognises_a_movement_by_either_way(change: dict[str, Any]) -> None:
    row = ROW | ({"reference_number": None} if "referenceCode" in change else {})

    fingerprint = make_fingerprint(read_hook_fields(HOOK | change))

    assert fingerprint is not None
    assert fingerprint == make_fingerprint(read_list_row(row))


@pytest.mark.parametrize(
    "change",
    [
        {"accountNumber": "0123499998"},
        {"transferType": "out"},
        {"transferAmount": 150001},
        {"referenceCode": "MBVCB.3278907688"},
    ],
)
def test_another_movement_has_another_fingerprint(change: dict[str, Any]) -> None:
    one, other = read_hook_fields(HOOK), read_hook_fields(HOOK | change)

    assert make_fingerprint(one) != make_fingerprint(other)


def test_a_movement_that_the_bank_hardly_describes_has_no_fingerprint() -> None:
    bare = HOOK | {"referenceCode": None, "transactionDate": None}

    assert make_fingerprint(read_hook_fields(bare)) is None


@pytest.mark.parametrize("value", [150000, "150000", " 150000 ", "150000.00", "150000.0"])
def test_amounts_are_numbers_or_text(value: object) -> None:
    assert read_amount(value) == 150_000


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, True, None, "", "0", "-5", "1.5", "1e5", "150,000", "150.000.5", "NaN", "٣"),
        *(10**13, 10**40, [], {}, 1.5),
    ],
)
def test_other_amounts_are_unreadable(value: object) -> None:
    with pytest.raises(UnreadableMovement):
        read_amount(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-20 14:02:37", datetime(2026, 11, 20, 7, 2, 37, tzinfo=UTC)),
        ("2026-11-20T14:02:37", datetime(2026, 11, 20, 7, 2, 37, tzinfo=UTC)),
        ("2026-11-20T07:02:37Z", datetime(2026, 11, 20, 7, 2, 37, tzinfo=UTC)),
        ("2026-11-20", None),
        ("20/11/2026 14:02", None),
        ("2026-13-20 14:02:37", None),
        ("2026-11-20 25:02:37", None),
        ("0000-00-00 00:00:00", None),
        ("", None),
        (None, None),
        (1795157000, None),
    ],
)
def test_bank_times_are_vietnam_times(value: object, expected: datetime | None) -> None:
    assert read_time(value) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": ""},
        {"id": "a b"},
        {"id": True},
        {"id": "9" * 65},
        {"accountNumber": None},
        {"accountNumber": "1" * 65},
        {"transferType": "sideways"},
        {"transferType": None},
        {"transferAmount": None},
    ],
)
def test_a_notice_without_what_makes_a_movement_is_unreadable(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableMovement):
        read_hook_fields(HOOK | change)


def test_missing_texts_do_not_stop_money() -> None:
    bare = {name: HOOK[name] for name in ("id", "accountNumber", "transferType", "transferAmount")}

    movement = read_hook_fields(bare)

    assert (movement.amount, movement.content, movement.happened_at) == (150_000, "", None)


def test_texts_that_a_database_refuses_are_cleaned() -> None:
    movement = read_hook_fields(HOOK | {"content": "a\x00b\ud800", "gateway": {"a": 1}})

    assert movement.content == "ab?"
    assert movement.gateway == ""


@pytest.mark.parametrize(
    ("change", "direction", "amount"),
    [
        ({"transfer_type": "out", "amount_in": 0, "amount_out": 7000}, "out", 7000),
        ({"transfer_type": None, "amount_in": "0.00", "amount_out": "7000.00"}, "out", 7000),
        ({"transfer_type": None}, "in", 150_000),
    ],
)
def test_rows_tell_their_direction(change: dict[str, Any], direction: str, amount: int) -> None:
    movement = read_list_row(ROW | change)

    assert (movement.direction, movement.amount) == (direction, amount)
