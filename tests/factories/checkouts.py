"""Checkout sessions as shoppers meet them: made as the API makes them, moved by the real verbs."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient

from checkout.core.db import run, unit_of_work
from checkout.core.i18n import LOCAL_TIME
from checkout.payments.start import start_attempt
from checkout.sessions.create import create_session
from checkout.sessions.schemas import CreateSession
from tests.factories.stores import VIETQR, Shop, make_shop, make_vietqr

_numbers = itertools.count(1)


def make_checkout(shop: Shop | None = None, **fields: Any) -> str:
    """A committed session of a shop with VietQR; returns its id."""
    if shop is None:
        shop = make_shop()
        make_vietqr(shop)
    given = CreateSession(**({"amount": 500_000, "currency": "VND"} | fields)).model_dump()
    with unit_of_work():
        session, _ = create_session(
            given,
            store_id=shop.store.id,
            livemode=shop.livemode,
            settings=shop.store.settings,
            actor="test",
        )
    return str(session["id"])


def show_code(session_id: str, rail: str = "vietqr") -> Any:
    """Start an attempt as the page's form does; returns its row."""
    return start_attempt(session_id, rail, actor="shopper", reuse_live=True)


def transfer(client: FlaskClient, attempt: Any, amount: int, **fields: Any) -> None:
    """The bank's notice of a transfer for an attempt, as SePay sends it."""
    number = next(_numbers)
    moment = fields.pop("at", datetime.now(UTC)).astimezone(LOCAL_TIME)
    body = {
        "id": 900_000 + number,
        "gateway": "Vietcombank",
        "transactionDate": moment.strftime("%Y-%m-%d %H:%M:%S"),
        "accountNumber": VIETQR["account_number"],
        "code": None,
        "content": attempt.code.replace("-", ""),
        "transferType": "in",
        "transferAmount": amount,
        "referenceCode": f"FT{number:012d}",
    }
    answer = client.post(
        f"/hooks/vietqr/{attempt.rail_account_id}",
        json=body | fields,
        headers={"Authorization": f"Apikey {VIETQR['api_key']}"},
    )
    assert answer.status_code == 200, answer.text


def pass_time(session_id: str, **span: Any) -> None:
    """Let a session and its attempts be so much older than they are."""
    with unit_of_work():
        seconds = timedelta(**span).total_seconds()
        run(
            "UPDATE checkout_session SET expires_at = expires_at - make_interval(secs => %(secs)s)"
            " WHERE id = %(id)s",
            secs=seconds,
            id=session_id,
        )
        run(
            "UPDATE attempt SET expires_at = expires_at - make_interval(secs => %(secs)s),"
            " created_at = created_at - make_interval(secs => %(secs)s)"
            " WHERE session_id = %(id)s",
            secs=seconds,
            id=session_id,
        )
