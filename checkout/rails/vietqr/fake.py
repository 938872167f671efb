"""The pretend SePay: its webhook with both proofs, its list API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
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
from checkout.rails.vietqr.auth import auth_headers
from checkout.rails.vietqr.banks import find_bank
from checkout.rails.vietqr.fake_list import list_movements, row_of
from checkout.rails.vietqr.memo import read_codes
from checkout.rails.vietqr.movement import VIETNAM
from checkout.rails.vietqr.prompt import make_memo

MOVEMENT = "movement"


class FakeSePay(Fake):
    """A bank account that anybody may pay into, and the service that watches it."""

    retry_minutes = (1, 1, 2, 3, 5, 8, 13)

    def demo_settings(self, new_secret: Callable[[], str]) -> dict[str, Any]:
        return {
            "bank": "970423",
            "account_number": "9488688688",
            "account_name": "HOMESTAY MAY",
            "auth": "apikey",
            "api_key": new_secret(),
            "api_token": new_secret(),
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
        if outcome == "failure":
            # A transfer that fails moves nothing, and SePay tells of movements only.
            return ()
        number = shelf.next_number()
        content = memo
        if content is None:
            content = _as_a_bank_writes(make_memo(attempt, account.settings), number, now)
        movement = _make_movement(number, content, amount, account, now)
        shelf.put(MOVEMENT, str(number), movement)
        body = json.dumps(movement["hook"], ensure_ascii=False, separators=(",", ":")).encode()
        return (
            FakeCall(
                method="POST",
                path=f"/hooks/vietqr/{account.id}",
                headers=_hook_headers(body, account, sent_at),
                body=body,
                retry_key=str(number),
            ),
        )

    def renew(self, call: FakeCall, account: Account, shelf: Shelf, sent_at: datetime) -> FakeCall:
        return replace(call, headers=_hook_headers(call.body, account, sent_at))

    def accepted(self, status: int, body: bytes) -> bool:
        if status not in (200, 201):
            return False
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return False
        return isinstance(answer, dict) and answer.get("success") is True

    def serve(
        self,
        request: FakeRequest,
        account: Account,
        shelf: Shelf,
        *,
        now: datetime,
        sent_at: datetime,
    ) -> FakeReply:
        return FakeReply(self._serve(request, account, shelf))

    def _serve(self, request: FakeRequest, account: Account, shelf: Shelf) -> Answer:
        token = account.settings.get("api_token")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not token or headers.get("authorization") != f"Bearer {token}":
            return _answer(401, {"status": "error", "message": "Unauthorized"})
        if request.method != "GET" or not request.path.startswith("/v2/transactions"):
            return _answer(404, {"status": "error", "message": "Not found"})
        return _serve_transactions(request, shelf)


def _serve_transactions(request: FakeRequest, shelf: Shelf) -> Answer:
    movements = shelf.list(MOVEMENT)
    if request.path == "/v2/transactions":
        return _answer(*list_movements(movements, request.query))
    wanted = request.path.removeprefix("/v2/transactions/")
    for movement in movements:
        if movement["uuid"] == wanted:
            return _answer(200, {"status": "success", "data": row_of(movement)})
    return _answer(404, {"status": "error", "message": "Not found"})


def _make_movement(
    number: int, content: str, amount: int, account: Account, now: datetime
) -> dict[str, Any]:
    settings = account.settings
    bank = find_bank(str(settings.get("bank") or ""))
    local = now.astimezone(VIETNAM)
    hook = {
        "id": number,
        "gateway": bank.short_name if bank else "",
        "transactionDate": local.strftime("%Y-%m-%d %H:%M:%S"),
        "accountNumber": settings.get("account_number"),
        "subAccount": settings.get("virtual_account") or None,
        "code": _recognised_code(content, number, account),
        "content": content,
        "transferType": "in",
        "description": f"BankAPINotify {content}",
        "transferAmount": amount,
        "accumulated": 0,
        "referenceCode": f"FT{local:%y%j}{number:09d}",
    }
    return {"uuid": str(uuid.uuid4()), "hook": hook}


def _recognised_code(content: str, number: int, account: Account) -> str | None:
    # SePay names the code only where the merchant declared its structure; the pretend one does
    # so every other time, so that both ways are walked.
    if number % 2:
        return None
    prefixes = account.code_prefixes
    found = read_codes(code=None, content=content, description="", prefixes=prefixes)
    return next((match.value for match in found if match.value in content.upper()), None)


def _as_a_bank_writes(memo: str, number: int, now: datetime) -> str:
    local = now.astimezone(VIETNAM)
    forms = (
        memo,
        f"MBVCB.{3_278_900_000 + number}.{memo}.CT tu 0123456789 NGUYEN VAN A",
        f"{memo}-{local:%d%m%y}-{local:%H:%M:%S} {number}",
        f"NGUYEN VAN A chuyen tien {memo.lower()}",
    )
    return forms[number % len(forms)]


def _hook_headers(body: bytes, account: Account, sent_at: datetime) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "SePay-Webhook",
        **auth_headers(body, account.settings, sent_at),
    }


def _answer(status: int, body: Mapping[str, object]) -> Answer:
    return Answer(status=status, body=json.dumps(body, ensure_ascii=False).encode())


FAKE = FakeSePay()
