"""The pretend Stripe: the part of its API that the rail calls, its page, its signed events."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from checkout.rails.stripe.amounts import to_stripe
from checkout.rails.stripe.fake_events import hook_headers, list_events, make_call
from checkout.rails.stripe.fake_http import ApiError, answer, items_of, nest, read_form
from checkout.rails.stripe.fake_page import PAGES, serve_page
from checkout.rails.stripe.fake_refunds import (
    create_refund,
    end_refund,
    list_refunds,
    load_refund,
    plan_refunds,
)
from checkout.rails.stripe.fake_sessions import (
    SESSION,
    complete_session,
    create_session,
    expand_session,
    expire_session,
    fail_session,
    load_intent,
    load_session,
    new_session,
)
from checkout.rails.stripe.notices import COMPLETED, DELAYED_FAILED, EXPIRED

KEY = "idempotency"
SESSIONS = "/v1/checkout/sessions"
RESOURCES = (f"{SESSIONS}/", "/v1/payment_intents/", "/v1/refunds/", "/_refunds/")


class FakeStripe(Fake):
    """A Stripe account in a sandbox, with one webhook endpoint: ours."""

    retry_minutes = (5, 60, 180)

    def demo_settings(self, new_secret: Callable[[], str]) -> dict[str, Any]:
        return {
            "secret_key": f"sk_test_{new_secret()}",
            "webhook_secret": f"whsec_{new_secret()}",
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
        session = _find_session(attempt, memo, shelf) or _pretend_session(
            attempt, account, memo, shelf, now
        )
        if outcome == "failure":
            if session["status"] == "complete":
                # Even what contradicts itself is signed, and must not undo a success.
                session |= {"payment_status": "unpaid"}
            else:
                fail_session(session, shelf, now)
            kind = DELAYED_FAILED
        else:
            if session["status"] == "complete":
                session = _pretend_session(attempt, account, memo, shelf, now)
            paid = to_stripe(amount, attempt.currency)
            complete_session({**session, "amount_total": paid, "amount_subtotal": paid}, shelf, now)
            session = load_session(session["id"], shelf, now)
            kind = COMPLETED
        return (make_call(kind, session, account, shelf, now=now, sent_at=sent_at),)

    def renew(self, call: FakeCall, account: Account, shelf: Shelf, sent_at: datetime) -> FakeCall:
        return replace(call, headers=hook_headers(call.body, account, sent_at))

    def accepted(self, status: int, body: bytes) -> bool:
        return 200 <= status < 300

    def serve(
        self,
        request: FakeRequest,
        account: Account,
        shelf: Shelf,
        *,
        now: datetime,
        sent_at: datetime,
    ) -> FakeReply:
        number = shelf.next_number()
        try:
            if request.path.startswith(PAGES):
                return serve_page(request, account, shelf, now=now, sent_at=sent_at)
            return _serve_api(request, account, shelf, number, now=now, sent_at=sent_at)
        except ApiError as error:
            return FakeReply(answer(error.status, {"error": error.error}, number))


def _find_session(attempt: Attempt, memo: str | None, shelf: Shelf) -> dict[str, Any] | None:
    """The session that the rail opened for this attempt, unless another is to be named."""
    session_id = attempt.details.get("checkout_session") or attempt.provider_reference
    return shelf.get(SESSION, str(session_id)) if memo is None else None


def _pretend_session(
    attempt: Attempt, account: Account, memo: str | None, shelf: Shelf, now: datetime
) -> dict[str, Any]:
    """A session that nobody asked for: for a second payment, or one that names somebody else."""
    own = attempt.id if memo is None else memo
    total = to_stripe(attempt.amount, attempt.currency)
    session = new_session(account, shelf, now, currency=attempt.currency.lower(), amount=total)
    return session | {"client_reference_id": own, "metadata": {"attempt": own}}


def _serve_api(
    request: FakeRequest,
    account: Account,
    shelf: Shelf,
    number: int,
    *,
    now: datetime,
    sent_at: datetime,
) -> FakeReply:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if headers.get("authorization") != f"Bearer {account.settings.get('secret_key')}":
        raise ApiError(401, "Invalid API Key provided")
    if request.method == "GET":
        return FakeReply(answer(200, _read(request, shelf, now), number))
    if request.method != "POST":
        raise _unknown(request)
    fields = read_form(request.body)
    key = headers.get("idempotency-key", "")
    if len(key) > 255 or not key.isprintable():
        raise ApiError(400, "The idempotency key is not usable", kind="idempotency_error")
    meant = hashlib.sha256(f"{request.path}\n".encode() + request.body).hexdigest()
    first = shelf.get(KEY, key) if key else None
    if first is not None:
        return FakeReply(_replay(first, meant, key, number))
    body = _write(request, fields, account, shelf, now)
    if key:
        # Only what was carried out is remembered; what was refused may be tried again.
        shelf.put(KEY, key, {"meant": meant, "body": body})
    calls: tuple[FakeCall, ...] = ()
    if request.path.endswith("/expire"):
        calls = (make_call(EXPIRED, body, account, shelf, now=now, sent_at=sent_at),)
    return FakeReply(answer(200, body, number), calls)


def _replay(first: dict[str, Any], meant: str, key: str, number: int) -> Answer:
    if first["meant"] != meant:
        raise ApiError(
            400,
            f"Keys for idempotent requests can only be used with the same parameters ({key})",
            kind="idempotency_error",
        )
    return answer(200, first["body"], number, **{"Idempotent-Replayed": "true"})


def _read(request: FakeRequest, shelf: Shelf, now: datetime) -> dict[str, Any]:
    query = nest(request.query.items())
    kind, name = _split(request.path)
    if kind == f"{SESSIONS}/":
        session = load_session(name, shelf, now)
        return expand_session(session, items_of(query.get("expand")), shelf)
    if kind == "/v1/payment_intents/":
        intent = load_intent(name, shelf)
        charge = intent["latest_charge"]
        return {**intent, "latest_charge": charge and charge["id"]}
    if kind == "/v1/refunds/":
        return load_refund(name, shelf)
    if request.path == "/v1/refunds":
        return list_refunds(query, shelf)
    if request.path == "/v1/events":
        return list_events(query, shelf)
    if request.path == "/v1/balance":
        return {"object": "balance", "available": [], "livemode": False, "pending": []}
    raise _unknown(request)


def _write(
    request: FakeRequest, fields: dict[str, Any], account: Account, shelf: Shelf, now: datetime
) -> dict[str, Any]:
    if request.path == SESSIONS:
        return create_session(fields, account, shelf, now)
    if request.path == "/v1/refunds":
        return create_refund(fields, shelf, now)
    if request.path == "/_refunds":
        return plan_refunds(fields, shelf)
    kind, name = _split(request.path)
    if kind == f"{SESSIONS}/" and name.endswith("/expire"):
        return expire_session(name.removesuffix("/expire"), shelf, now)
    if kind == "/_refunds/":
        return end_refund(name, fields, shelf)
    raise _unknown(request)


def _split(path: str) -> tuple[str, str]:
    kind = next((one for one in RESOURCES if path.startswith(one)), "")
    return kind, path.removeprefix(kind)


def _unknown(request: FakeRequest) -> ApiError:
    return ApiError(404, f"Unrecognized request URL ({request.method}: {request.path})")


FAKE = FakeStripe()
