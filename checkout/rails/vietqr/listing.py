"""SePay's list of transactions, API v2: asked page by page, no faster than it allows."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from checkout.core.retry_after import read_wait
from checkout.rails.base import HttpAnswer, HttpClient, RailError
from checkout.rails.vietqr.movement import VIETNAM

ROWS_PER_PAGE = 100
PAGES_LIMIT = 1_000
TRIES_LIMIT = 3
PAUSE_SECONDS = 0.35
"""SePay allows three requests per second."""
WAIT_LIMIT_SECONDS = 5
"""A longer Retry-After is the caller's to wait for, not a worker's."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which movements are wanted: incoming ones of one account in a time range."""

    base_url: str
    token: str
    account_number: str
    since: datetime
    until: datetime | None = None


def list_rows(query: ListQuery, http: HttpClient) -> Iterator[object]:
    """Every row of the range, oldest first. Raises RailError when the list cannot be read."""
    seen: set[str] = set()
    for page in range(1, PAGES_LIMIT + 1):
        if page > 1:
            time.sleep(PAUSE_SECONDS)
        rows, has_more = _read_page(_get_page(query, page, http), page)
        for row in rows:
            # A movement that arrives while pages are turned pushes others onto the next page.
            key = json.dumps(row, sort_keys=True)
            if key not in seen:
                seen.add(key)
                yield row
        if not has_more or not rows:
            return
    raise RailError("list_too_long", "SePay lists more pages than are read at once", temporary=True)


def _get_page(query: ListQuery, page: int, http: HttpClient) -> HttpAnswer:
    headers = {"Authorization": f"Bearer {query.token}", "Accept": "application/json"}
    url = f"{query.base_url}/v2/transactions?{urlencode(_parameters(query, page))}"
    for attempt in range(1, TRIES_LIMIT + 1):
        answer = http("GET", url, headers=headers)
        if answer.status != 429:
            break
        wait_seconds = _retry_after_seconds(answer.headers)
        if attempt == TRIES_LIMIT or wait_seconds > WAIT_LIMIT_SECONDS:
            raise RailError(
                "provider_rate_limited",
                "SePay asks to wait",
                temporary=True,
                retry_after_seconds=wait_seconds,
            )
        time.sleep(wait_seconds)
    _check_status(answer.status)
    return answer


def _parameters(query: ListQuery, page: int) -> dict[str, str]:
    parameters = {
        "page": str(page),
        "per_page": str(ROWS_PER_PAGE),
        "account": query.account_number,
        "transfer_type": "in",
        "transaction_date_from": _vietnam_text(query.since),
        "transaction_date_sort": "asc",
    }
    if query.until is not None:
        parameters["transaction_date_to"] = _vietnam_text(query.until)
    return parameters


def _check_status(status: int) -> None:
    if status == 200:
        return
    if status in (401, 403):
        raise RailError("provider_unauthorized", "SePay refuses the API token", temporary=False)
    raise RailError(
        "provider_error" if status >= 500 else "provider_refused",
        f"SePay answered the list with status {status}",
        temporary=status >= 500,
    )


def _read_page(answer: HttpAnswer, page: int) -> tuple[list[object], bool]:
    try:
        body = json.loads(answer.body, parse_float=str)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or body.get("status") not in ("success", 200, None):
        raise _garbled()
    data = body.get("data", body)
    if isinstance(data, list):
        return data, _has_more(body.get("meta"), len(data), page)
    # Copies of the documents show the rows one level deeper, with their paging beside them.
    if isinstance(data, dict) and isinstance(data.get("transactions"), list):
        return data["transactions"], _has_more(data, len(data["transactions"]), page)
    raise _garbled()


def _has_more(holder: object, row_count: int, page: int) -> bool:
    pagination = holder.get("pagination") if isinstance(holder, dict) else None
    if isinstance(pagination, dict):
        if isinstance(pagination.get("has_more"), bool):
            return bool(pagination["has_more"])
        last_page = str(pagination.get("last_page", ""))
        if re.fullmatch(r"[0-9]{1,9}", last_page):
            return page < int(last_page)
    return row_count >= ROWS_PER_PAGE


def _retry_after_seconds(headers: Mapping[str, str]) -> int:
    own = headers.get("x-sepay-userapi-retry-after") or ""
    return read_wait(headers) or read_wait({"retry-after": own}) or 1


def _garbled() -> RailError:
    return RailError("provider_garbled", "SePay's list is not in a known form", temporary=True)


def _vietnam_text(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S")
