"""The pretend Bakong's tokens: asked for, verified, renewed, checked."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from checkout.rails.khqr.fake_call import ApiCall, Fault, read_text
from checkout.rails.khqr.token import token_end

TOKEN_LIFE = timedelta(days=90)
TOKEN = "token"  # noqa: S105 - the kind of a record
REGISTERED = "registered"
REQUESTED = "requested"
EMAIL = r"[^@\s]+@[^@\s]+"


def request_token(body: Any, call: ApiCall) -> tuple[str, Any]:
    """Register an address; its message has the code that would be mailed."""
    email = read_text(body, "email", EMAIL).lower()
    for name in ("organization", "project"):
        read_text(body, name, r".{1,100}")
    if _is_registered(email, call):
        raise Fault(8, "Email is already registered")
    code = secrets.token_hex(10)
    call.shelf.put(REQUESTED, code, {"email": email})
    return f"The code that would be in your mail is {code}", None


def verify(body: Any, call: ApiCall) -> tuple[str, Any]:
    """Give the first token for the mailed code."""
    requested = call.shelf.get(REQUESTED, read_text(body, "code", r"[0-9a-f]{20}"))
    if requested is None:
        raise Fault(6, "Unauthorized, not yet requested for access or code invalid")
    call.shelf.put(REGISTERED, requested["email"], requested)
    return "Token has been issued", {"token": _issue_token(call)}


def renew_token(body: Any, call: ApiCall) -> tuple[str, Any]:
    """Give another token to a registered address; the older ones stay good until their end."""
    if not _is_registered(read_text(body, "email", EMAIL).lower(), call):
        raise Fault(10, "Not registered yet")
    return "Token has been issued", {"token": _issue_token(call)}


def _is_registered(email: str, call: ApiCall) -> bool:
    own = str(call.account.settings.get("email") or "").lower()
    return email == own or call.shelf.get(REGISTERED, email) is not None


def _issue_token(call: ApiCall) -> str:
    begins = int(call.sent_at.timestamp())
    claims = {"data": {"id": secrets.token_hex(8)}, "iat": begins}
    claims["exp"] = begins + int(TOKEN_LIFE.total_seconds())
    parts = [_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims)]
    token = ".".join((*parts, secrets.token_urlsafe(32)))
    call.shelf.put(TOKEN, _digest(token), {"issued_at": call.sent_at.isoformat()})
    return token


def check_token(headers: Mapping[str, str], call: ApiCall) -> None:
    """Refuse a caller without a token of this account, or one whose token has run out."""
    sent = {name.lower(): value for name, value in headers.items()}.get("authorization", "")
    token = sent[7:] if sent.startswith("Bearer ") else ""
    own = str(call.account.settings.get("token") or "")
    known = token == own or call.shelf.get(TOKEN, _digest(token)) is not None
    ends_at = token_end(token)
    if not token or not known or (ends_at is not None and ends_at <= call.sent_at):
        raise Fault(6, "Unauthorized, not yet requested for access or code invalid", 401)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
