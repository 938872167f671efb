from __future__ import annotations

from typing import Any

import pytest

from checkout.rails.vietqr.fake_list import list_movements


def _movement(number: int, **hook: Any) -> dict[str, Any]:
    base = {
        "id": number,
        "gateway": "MBBank",
        "transactionDate": f"2026-11-{number:02d} 10:00:00",
        "accountNumber": "111",
        "subAccount": None,
        "code": None,
        "content": f"memo {number}",
        "transferType": "in",
        "transferAmount": number * 1000,
        "accumulated": 0,
        "referenceCode": f"FT{number}",
    }
    return {"uuid": f"u{number}", "hook": base | hook}


MOVEMENTS = [
    *[_movement(number) for number in range(1, 6)],
    _movement(6, transferType="out"),
    _movement(7, accountNumber="222"),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "7654321"),
        ({"transaction_date_sort": "asc"}, "1234567"),
        ({"per_page": "2", "page": "2"}, "54"),
        ({"per_page": "2", "page": "9"}, ""),
        ({"transfer_type": "out"}, "6"),
        ({"account": "222"}, "7"),
        ({"reference_number": "FT3"}, "3"),
        ({"q": "MEMO 4"}, "4"),
        ({"since_id": "u5"}, "76"),
        ({"transaction_date_from": "2026-11-05"}, "765"),
        ({"transaction_date_to": "2026-11-02"}, "21"),
        ({"transaction_date_to": "2026-11-02 09:59:59"}, "1"),
        ({"amount_in_min": "4000", "amount_in_max": "5000"}, "54"),
    ],
)
def test_filters_and_pages(query: dict[str, str], expected: str) -> None:
    status, body = list_movements(MOVEMENTS, query)

    assert status == 200
    assert [row["id"] for row in body["data"]] == [f"u{number}" for number in expected]  # type: ignore[attr-defined]


def test_paging_facts_tell_where_one_stands() -> None:
    _, body = list_movements(MOVEMENTS, {"per_page": "3", "page": "2"})

    assert body["meta"] == {
        "pagination": {
            "total": 7,
            "per_page": 3,
            "current_page": 2,
            "last_page": 3,
            "has_more": True,
        }
    }


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "x"},
        {"per_page": "101"},
        {"per_page": "0"},
        {"transfer_type": "both"},
        {"transaction_date_from": "yesterday"},
        {"transaction_date_sort": "up"},
        {"amount_in_min": "-1"},
    ],
)
def test_bad_parameters_are_refused(query: dict[str, str]) -> None:
    status, body = list_movements(MOVEMENTS, query)

    assert status == 422
    assert body["status"] == "error"
