"""The pretend ZaloPay: orders, questions, refunds, callbacks and the gateway's page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from checkout.rails.base import (
    Account,
    Answer,
    Attempt,
    Fake,
    FakeCall,
    FakeReply,
    FakeRequest,
    Shelf,
)
from checkout.rails.zalopay.client import app_id_of
from checkout.rails.zalopay.fake_links import answer_links
from checkout.rails.zalopay.fake_orders import (
    DECLINED,
    ORDER,
    answer_create,
    answer_query,
    fail_order,
    failure,
    pay_order,
)
from checkout.rails.zalopay.fake_page import PAGE, serve_gateway
from checkout.rails.zalopay.fake_refunds import answer_refund, answer_refund_query
from checkout.rails.zalopay.ids import to_milliseconds, trans_id_of
from checkout.rails.zalopay.links import LINKS_PATH
from checkout.rails.zalopay.orders import CREATE_PATH
from checkout.rails.zalopay.query import QUERY_PATH
from checkout.rails.zalopay.refunds import QUERY_PATH as REFUND_QUERY_PATH
from checkout.rails.zalopay.refunds import REFUND_PATH


class FakeZaloPay(Fake):
    """A gateway that takes any order that is signed, and pretend money for it."""

    retry_minutes = (1, 5, 15)

    def demo_settings(self, new_secret: Callable[[], str]) -> dict[str, Any]:
        return {
            "app_id": 2553,
            "key1": new_secret(),
            "key2": new_secret(),
            "environment": "sandbox",
            "bank_links": True,
        }

    def pay(
        self,
        attempt: Attempt,
        account: Account,
        shelf: Shelf,
        *,
        amount: int,
        memo: str | None,
        outcome: Literal["success", "failure"],
        now: datetime,
        sent_at: datetime,
    ) -> Sequence[FakeCall]:
        trans_id = memo or attempt.provider_reference or trans_id_of(attempt)
        order = shelf.get(ORDER, trans_id) or _make_order(trans_id, attempt, account)
        if outcome == "failure":
            # ZaloPay calls nobody about a failure: it has to be asked.
            fail_order(order, shelf, DECLINED)
            return ()
        return (pay_order(order, account, shelf, amount=amount, now=now),)

    def renew(self, call: FakeCall, account: Account, shelf: Shelf, sent_at: datetime) -> FakeCall:
        # A MAC carries no time: the same callback is sent again.
        return call

    def accepted(self, status: int, body: bytes) -> bool:
        """Whether ZaloPay is done: 0, and whatever it cannot read, is called again."""
        answer = _read_object(body)
        code = answer.get("return_code") if answer is not None else None
        return status == 200 and type(code) is int and code != 0

    def serve(
        self,
        request: FakeRequest,
        account: Account,
        shelf: Shelf,
        *,
        now: datetime,
        sent_at: datetime,
    ) -> FakeReply:
        if request.path == PAGE:
            return serve_gateway(request, account, shelf, now)
        fields = _read_object(request.body)
        if request.method != "POST" or fields is None:
            return FakeReply(_answer(failure(-401, "the request is not valid")))
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            CREATE_PATH: lambda: answer_create(fields, account, shelf, now=now, sent_at=sent_at),
            QUERY_PATH: lambda: answer_query(fields, account, shelf, now),
            REFUND_PATH: lambda: answer_refund(fields, account, shelf, now=now, sent_at=sent_at),
            REFUND_QUERY_PATH: lambda: answer_refund_query(fields, account, shelf),
            LINKS_PATH: lambda: answer_links(fields, account),
        }
        answer = answers.get(request.path)
        if answer is None:
            return FakeReply(Answer(404, b"Not found", "text/plain"))
        return FakeReply(_answer(answer()))


def _make_order(trans_id: str, attempt: Attempt, account: Account) -> dict[str, Any]:
    """An order that ZaloPay has without our having been told: its answer was lost, say."""
    return {
        "app_id": app_id_of(account),
        "app_trans_id": trans_id,
        "app_user": attempt.session,
        "amount": attempt.amount,
        "app_time": to_milliseconds(attempt.created_at),
        "embed_data": json.dumps({"redirecturl": attempt.return_url or ""}),
        "item": "[]",
        "expires_at": attempt.expires_at.isoformat(),
    }


def _read_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _answer(fields: Mapping[str, Any]) -> Answer:
    return Answer(status=200, body=json.dumps(fields, ensure_ascii=False).encode())


FAKE = FakeZaloPay()
