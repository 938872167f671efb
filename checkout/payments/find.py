"""Payments by what a merchant typed or chose above their list."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import StringConstraints

from checkout.core.scope import Scope
from checkout.core.search import Searchable
from checkout.sessions.find import Days, Found, filter_sql, find_page

PAYMENTS = Searchable(
    "payment",
    "pay",
    {"rail": "text", "currency": "text", "status": "text", "late": "boolean"},
)


Status = Literal["succeeded", "partially_refunded", "refunded"]
STATUSES: tuple[Status, ...] = get_args(Status)


class PaymentSearch(Days):
    status: Status | None = None
    rail: Annotated[str, StringConstraints(max_length=50)] | None = None
    late: bool | None = None

    @property
    def chosen(self) -> dict[str, Any]:
        """What was chosen of the columns with few values."""
        return {"status": self.status, "rail": self.rail, "late": self.late}


def find_payments(scope: Scope, filters: PaymentSearch) -> Found:
    """A page of payments. Raises `invalid_cursor`."""
    return find_page(PAYMENTS, scope, filters, filters.chosen)


def payments_sql(scope: Scope, filters: PaymentSearch) -> tuple[str, dict[str, Any]]:
    """All that the list shows with these filters, as SQL with its parameters."""
    return filter_sql(PAYMENTS, scope, filters, filters.chosen)
