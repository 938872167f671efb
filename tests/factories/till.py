"""A shop with VietQR, spoken to over HTTP as its merchant and its bank speak to it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from flask.testing import FlaskClient

from checkout.core.db import one, unit_of_work
from checkout.merchants.stores import advance_clock
from tests.factories.books import read_one
from tests.factories.stores import VIETQR, Shop, make_shop, make_vietqr

VIETNAM = timezone(timedelta(hours=7))
API_TOKEN = "pretend-token-for-tests"
_numbers = itertools.count(70_000_001)


@dataclass
class Till:
    """The calls that money tests make, with what they mostly say as defaults."""

    client: FlaskClient
    shop: Shop
    account: str
    """The id of the rail account."""
    rail: dict[str, Any] = field(default_factory=lambda: dict(VIETQR))

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """One API call with the shop's key; status and JSON."""
        answer = self.client.open(
            f"/api/v1{path}", method=method, json=body, headers={**self.shop.headers, **headers}
        )
        return answer.status_code, answer.get_json()

    def make_session(self, amount: int | None = 500_000, **fields: Any) -> dict[str, Any]:
        """A new session, as the API shows it."""
        given = {"currency": "VND", **fields} | ({"amount": amount} if amount else {})
        status, session = self.call("POST", "/checkout/sessions", given)
        assert status in (200, 201), session
        return session

    def start(self, session_id: str) -> dict[str, Any]:
        """A new attempt on VietQR, as the API shows it."""
        status, attempt = self.call(
            "POST", f"/checkout/sessions/{session_id}/attempts", {"rail": "vietqr"}
        )
        assert status == 201, attempt
        return attempt

    def make_attempt(self, amount: int = 500_000, **fields: Any) -> dict[str, Any]:
        """A new session's first attempt."""
        return self.start(self.make_session(amount, **fields)["id"])

    def session(self, session_id: str) -> dict[str, Any]:
        status, session = self.call("GET", f"/checkout/sessions/{session_id}")
        assert status == 200, session
        return session

    def attempt(self, attempt_id: str) -> dict[str, Any]:
        status, attempt = self.call("GET", f"/checkout/attempts/{attempt_id}")
        assert status == 200, attempt
        return attempt

    def notice(
        self,
        memo: str,
        amount: int,
        *,
        at: datetime | None = None,
        number: int | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """SePay's notice of money that came with a memo; the bank's time is now by default."""
        number = number or next(_numbers)
        moment = (at or self.now()).astimezone(VIETNAM)
        return {
            "id": number,
            "gateway": "Vietcombank",
            "transactionDate": moment.isoformat(sep=" "),
            "accountNumber": self.rail["account_number"],
            "subAccount": None,
            "code": None,
            "content": memo,
            "transferType": "in",
            "description": f"BankAPINotify {memo}",
            "transferAmount": amount,
            "accumulated": 0,
            "referenceCode": f"FT{number}",
        } | fields

    def tell(self, notice: dict[str, Any], account: str | None = None) -> Any:
        """Send a notice to the hook as SePay does; the whole HTTP answer."""
        return self.client.post(
            f"/hooks/vietqr/{account or self.account}",
            json=notice,
            headers={"Authorization": f"Apikey {self.rail['api_key']}"},
        )

    def pay(self, memo: str, amount: int, **fields: Any) -> dict[str, Any]:
        """Money comes with a memo and is told at once; the transfer that it became."""
        notice = self.notice(memo, amount, **fields)
        answer = self.tell(notice)
        assert (answer.status_code, answer.get_json()) == (200, {"success": True})
        return self.transfer(str(notice["id"]))

    def transfer(self, reference: str) -> dict[str, Any]:
        """A transfer by the provider's reference, as the API shows it."""
        row = read_one(
            "SELECT id FROM transfer WHERE rail_account_id = %(account)s"
            " AND provider_reference = %(reference)s",
            account=self.account,
            reference=reference,
        )
        status, transfer = self.call("GET", f"/transfers/{row.id}")
        assert status == 200, transfer
        return transfer

    def resolve(self, transfer_id: str, action: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        return self.call(
            "POST", f"/transfers/{transfer_id}/resolve", {"action": action, "note": "n", **fields}
        )

    def now(self) -> datetime:
        """The store's time: the database's, moved by its test clock."""
        moment: datetime = read_one(
            "SELECT clock_timestamp() + make_interval(secs => clock_offset_seconds) AS at"
            " FROM store WHERE id = %(id)s",
            id=self.shop.store.id,
        ).at
        return moment

    def advance(self, seconds: int) -> None:
        """Move the test clock and let nothing that falls due happen yet."""
        with unit_of_work():
            advance_clock(self.shop.store.id, seconds)

    def advance_and_sweep(self, seconds: int) -> None:
        """Move the test clock as the API does: what falls due happens."""
        status, answer = self.call("POST", "/test/clock/advance", {"seconds": seconds})
        assert status == 200, answer


def make_till(
    client: FlaskClient,
    *,
    livemode: bool = False,
    rail: dict[str, Any] | None = None,
    **settings: Any,
) -> Till:
    """A till of a new shop with these settings."""
    shop = make_shop(livemode, **settings)
    fields = VIETQR | {"api_token": API_TOKEN} | (rail or {})
    return Till(client, shop, make_vietqr(shop, **fields), fields)


def memo_of(attempt: dict[str, Any]) -> str:
    """What the shopper's bank app is told to write."""
    return str(attempt["transfer_memo"])


def deadline_of(session_id: str) -> datetime:
    """A session's deadline, to the microsecond."""
    with unit_of_work():
        row = one("SELECT expires_at FROM checkout_session WHERE id = %(id)s", id=session_id)
    assert row is not None
    moment: datetime = row.expires_at
    return moment
