"""Lists of the dashboard as files."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request

from checkout.core.limits import limit_calls
from checkout.core.sheets import Batches, send_table
from checkout.merchants.screens import Desk

EXPORTS_PER_MINUTE = 10
"""Of one store: a table of a million rows is minutes of work."""


def download(desk: Desk, name: str, columns: Sequence[str], batches: Batches) -> Response:
    """What a list shows as CSV, or as XLSX where the address says so."""
    limit_calls(f"export:{desk.scope.store_id}", EXPORTS_PER_MINUTE)
    chosen = "xlsx" if request.args.get("format") == "xlsx" else "csv"
    return send_table(name, chosen, columns, batches)  # type: ignore[arg-type]  # one of the two
