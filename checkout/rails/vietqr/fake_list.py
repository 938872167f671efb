"""The pretend SePay's list of transactions: its filters, its paging, its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_NUMBERS = {"page": 1, "per_page": 20, "amount_in_min": 0, "amount_in_max": 10**13}
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?"


def list_movements(
    movements: Sequence[Mapping[str, Any]], query: Mapping[str, str]
) -> tuple[int, dict[str, object]]:
    """The status and body of a list answer for movements that stand oldest first."""
    fault = _find_fault(query)
    if fault is not None:
        return 422, {"status": "error", "message": f"{fault} is not valid"}
    numbers = {name: int(query.get(name, default)) for name, default in _NUMBERS.items()}
    rows = [row_of(movement) for movement in movements]
    rows = [row for row in _after(rows, query.get("since_id")) if _fits(row, query, numbers)]
    rows.sort(
        key=lambda row: str(row["transaction_date"]),
        reverse=query.get("transaction_date_sort", "desc") == "desc",
    )
    return 200, _page_of(rows, page=numbers["page"], per_page=numbers["per_page"])


def row_of(movement: Mapping[str, Any]) -> dict[str, Any]:
    """A movement as the list tells it: other names than the webhook's, and another id."""
    hook = movement["hook"]
    incoming = hook["transferType"] == "in"
    return {
        "id": movement["uuid"],
        "transaction_date": hook["transactionDate"],
        "account_number": hook["accountNumber"],
        "va": hook["subAccount"],
        "transfer_type": hook["transferType"],
        "amount_in": hook["transferAmount"] if incoming else 0,
        "amount_out": 0 if incoming else hook["transferAmount"],
        "accumulated": hook["accumulated"],
        "transaction_content": hook["content"],
        "reference_number": hook["referenceCode"],
        "code": hook["code"],
        "bank_brand_name": hook["gateway"],
        "bank_account_id": None,
        "va_id": None,
        "webhook_success": 1,
    }


def _find_fault(query: Mapping[str, str]) -> str | None:
    shapes = {
        **dict.fromkeys(_NUMBERS, r"[0-9]{1,13}"),
        "page": r"[1-9][0-9]{0,5}",
        "per_page": r"[1-9][0-9]?|100",
        "transaction_date_from": _MOMENT,
        "transaction_date_to": _MOMENT,
        "transaction_date_sort": r"asc|desc",
        "transfer_type": r"in|out",
    }
    for name, shape in shapes.items():
        if name in query and not re.fullmatch(shape, query[name]):
            return name
    return None


def _fits(row: Mapping[str, Any], query: Mapping[str, str], numbers: Mapping[str, int]) -> bool:
    moment = str(row["transaction_date"])
    # A day alone as the end means its last second.
    end = query.get("transaction_date_to", "9999")
    end = f"{end} 23:59:59" if len(end) == 10 else end
    return (
        query.get("transaction_date_from", "") <= moment <= end
        and numbers["amount_in_min"] <= row["amount_in"] <= numbers["amount_in_max"]
        and query.get("account") in (None, row["account_number"])
        and query.get("transfer_type") in (None, row["transfer_type"])
        and query.get("reference_number") in (None, row["reference_number"])
        and query.get("q", "").lower() in str(row["transaction_content"]).lower()
    )


def _after(rows: list[dict[str, Any]], since_id: str | None) -> list[dict[str, Any]]:
    ids = [row["id"] for row in rows]
    return rows[ids.index(since_id) + 1 :] if since_id in ids else rows


def _page_of(rows: Sequence[Mapping[str, Any]], *, page: int, per_page: int) -> dict[str, object]:
    last_page = max(1, -(-len(rows) // per_page))
    return {
        "status": "success",
        "data": list(rows[(page - 1) * per_page : page * per_page]),
        "meta": {
            "pagination": {
                "total": len(rows),
                "per_page": per_page,
                "current_page": page,
                "last_page": last_page,
                "has_more": page < last_page,
            }
        },
    }
