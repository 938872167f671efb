"""Stripe's official SDK over the client that a rail is given.

Importing the SDK takes a tenth of a second and some ten megabytes, so nothing imports this
module before a Stripe account is really used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import stripe

from checkout.core.retry_after import read_wait
from checkout.rails.base import Account, HttpAnswer, HttpClient, RailError

STRIPE_VERSION = "2026-10-28.endive"
"""The API version that answers are read by; accounts and SDKs move on at their own pace."""
NETWORK_RETRIES = 1
"""Half a second later and under the same idempotency key, inside the verb's one deadline."""

# What is read of each answer. An answer that lacks it, or has it in another type, is none: a
# notice made of it would stand in the way of the true one.
SESSION = {
    "id": str,
    "status": str,
    "payment_status": str,
    "currency": str,
    "amount_total": int,
    "livemode": bool,
}
REFUND = {"id": str, "status": str}
EVENT = {"id": str, "type": str, "created": int, "livemode": bool, "data": dict}

# The SDK would otherwise write an id into the home directory and send the machine's name.
stripe.enable_telemetry = False


class SaidNo(RailError):
    """Stripe understood a call and refused it; `code` is its own."""


class StripeApi:
    """The calls that the rail makes, as plain dicts.

    All raise RailError: temporary where Stripe gave no information, SaidNo where it refused
    what was asked, permanent otherwise.
    """

    def __init__(self, account: Account, http: HttpClient) -> None:
        self._v1 = make_client(
            str(account.settings.get("secret_key") or ""), account.provider_url, http
        ).v1

    def create_session(self, params: Any, key: str) -> dict[str, Any]:
        options: Any = {"idempotency_key": key}
        call = partial(self._v1.checkout.sessions.create, params=params, options=options)
        return _shaped(_ask(call), {**SESSION, "url": str})

    def get_session(self, session_id: str) -> dict[str, Any]:
        params: Any = {"expand": ["payment_intent.latest_charge"]}
        call = partial(self._v1.checkout.sessions.retrieve, session_id, params=params)
        return _shaped(_ask(call), SESSION, session_id)

    def expire_session(self, session_id: str, key: str) -> dict[str, Any]:
        options: Any = {"idempotency_key": key}
        call = partial(self._v1.checkout.sessions.expire, session_id, options=options)
        return _shaped(_ask(call), SESSION, session_id)

    def create_refund(self, params: Any, key: str) -> dict[str, Any]:
        options: Any = {"idempotency_key": key}
        call = partial(self._v1.refunds.create, params=params, options=options)
        return _shaped(_ask(call), REFUND)

    def get_refund(self, refund_id: str) -> dict[str, Any]:
        return _shaped(_ask(partial(self._v1.refunds.retrieve, refund_id)), REFUND, refund_id)

    def list_refunds(self, params: Any) -> dict[str, Any]:
        return _listed(_ask(partial(self._v1.refunds.list, params=params)), REFUND)

    def list_events(self, params: Any) -> dict[str, Any]:
        return _listed(_ask(partial(self._v1.events.list, params=params)), EVENT)

    def get_balance(self) -> dict[str, Any]:
        return _shaped(_ask(self._v1.balance.retrieve), {"object": str, "livemode": bool})


def make_client(api_key: str, base_url: str, http: HttpClient) -> stripe.StripeClient:
    """The SDK's client for one account, whose calls travel over `http`."""
    if not api_key:
        raise RailError("rail_not_configured", "No Stripe secret key is set", temporary=False)
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": base_url.rstrip("/")},
        http_client=_Carrier(http),
        max_network_retries=NETWORK_RETRIES,
        stripe_version=STRIPE_VERSION,
    )


class _Carrier(stripe.HTTPClient):
    """Carries the SDK's calls over our client: bounded, without redirects and proxies."""

    name = "checkout"

    def __init__(self, http: HttpClient) -> None:
        super().__init__()
        self._http = http

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        body = None if post_data is None else str(post_data).encode()
        try:
            answer = self._http(method.upper(), _escape_query(url), headers=headers, body=body)
        except RailError as error:
            if error.code == "provider_timeout":
                raise
            raise _no_answer(error.message, again=True) from error
        _refuse_garbage(answer)
        return answer.body, answer.status, answer.headers

    def close(self) -> None:
        """Nothing is kept open between calls."""


def _escape_query(url: str) -> str:
    """Brackets are literal in the SDK's forms; in an address they are escaped."""
    path, mark, query = url.partition("?")
    return path + mark + query.replace("[", "%5B").replace("]", "%5D")


def _refuse_garbage(answer: HttpAnswer) -> None:
    """Let only Stripe's own words through to the SDK: an object, or its envelope of errors."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    good = 200 <= answer.status < 300
    word, kind = ("object", str) if good else ("error", dict)
    if isinstance(body, dict) and isinstance(body.get(word), kind):
        return
    if answer.status == 429:
        raise _asked_to_wait(answer.headers)
    raise _no_answer(
        f"Stripe's answer of status {answer.status} is not in a known form",
        again=good or answer.status >= 500,
    )


def _no_answer(message: str, *, again: bool) -> stripe.APIConnectionError:
    """What the SDK calls no answer; `again` lets it try once more under the same key."""
    return stripe.APIConnectionError(message, should_retry=again)  # type: ignore[no-untyped-call]


def _ask(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        answer = call().to_dict()
    except stripe.StripeError as error:
        raise _translate(error) from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        # Fields of other types than the SDK knows: whoever wrote that was not Stripe.
        raise _unavailable() from error
    if not isinstance(answer, dict):
        raise _unavailable()
    return answer


def _shaped(
    answer: dict[str, Any], fields: Mapping[str, type], wanted_id: str | None = None
) -> dict[str, Any]:
    """The answer, if it has those fields in exactly those types and speaks of that object."""
    if any(type(answer.get(name)) is not kind for name, kind in fields.items()):
        raise _unavailable()
    if wanted_id is not None and answer["id"] != wanted_id:
        raise _unavailable()
    return answer


def _listed(answer: dict[str, Any], fields: Mapping[str, type]) -> dict[str, Any]:
    for one in _shaped(answer, {"data": list})["data"]:
        if not isinstance(one, dict):
            raise _unavailable()
        _shaped(one, fields)
    return answer


def _translate(error: stripe.StripeError) -> RailError:
    status = error.http_status or 0
    if isinstance(error, stripe.RateLimitError):
        return _asked_to_wait(error.headers)
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return RailError(
            "provider_unauthorized",
            "Stripe refuses the secret key, or the key lacks a permission",
            temporary=False,
        )
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError):
        code = error.code if isinstance(error.code, str) else "provider_rejected"
        return SaidNo(code, str(error.user_message or "Stripe refused the call"), temporary=False)
    if isinstance(error, stripe.IdempotencyError):
        return RailError(
            "provider_rejected", "Stripe knows this call with other contents", temporary=False
        )
    if status == 409:
        return RailError("provider_busy", "Stripe is still at work on this call", temporary=True)
    return _unavailable()


def _asked_to_wait(headers: Mapping[str, str] | None) -> RailError:
    return RailError(
        "provider_rate_limited",
        "Stripe asks to wait",
        temporary=True,
        retry_after_seconds=read_wait(headers or {}),
    )


def _unavailable() -> RailError:
    return RailError("provider_unavailable", "Stripe gave no clear answer", temporary=True)
