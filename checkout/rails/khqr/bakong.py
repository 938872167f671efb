"""The client of the Bakong Open API."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from checkout.rails.base import HttpAnswer, HttpClient, RailError
from checkout.rails.khqr.answers import Status, no_information, read_data, read_list, read_status
from checkout.rails.khqr.settings import JWT_FORM

LIST_LIMIT = 50
"""Bakong refuses a list of 51."""
SINGLES_LIMIT = 15
"""So many single checks fit into the time of one verb."""
CLOSED = (403, 404, 405)
"""How the list route answers where it is not open to everybody."""


@dataclass(frozen=True, slots=True)
class Bakong:
    """One account's way to the Open API. Every method raises RailError."""

    base_url: str
    token: str
    http: HttpClient

    def check_md5(self, md5: str) -> Status:
        """What became of one dynamic code."""
        return read_status(self._post("/v1/check_transaction_by_md5", {"md5": md5}))

    def check_hash(self, transaction_hash: str) -> Status:
        """The transaction with this hash of 64 characters, from a payer's receipt."""
        body = {"hash": transaction_hash}
        return read_status(self._post("/v1/check_transaction_by_hash", body))

    def check_short_hash(self, short_hash: str, amount: str, currency: str) -> Status:
        """The transaction whose hash begins so; amount (in riel or dollars) and currency agree."""
        # The document has a number here; this is the one place where a text would be refused.
        body = {"hash": short_hash, "amount": float(amount), "currency": currency}
        return read_status(self._post("/v1/check_transaction_by_short_hash", body))

    def check_md5s(self, md5s: Sequence[str]) -> Iterator[tuple[str, Status]]:
        """What became of many dynamic codes, as far as it is told, in few calls."""
        for start in range(0, len(md5s), LIST_LIMIT):
            some = md5s[start : start + LIST_LIMIT]
            if len(some) == 1:
                yield some[0], self.check_md5(some[0])
                continue
            answer = self._post("/v1/check_transaction_by_md5_list", list(some))
            if answer.status in CLOSED:
                yield from self._check_singly(some)
            else:
                yield from read_list(answer).items()

    def find_account(self, account_id: str) -> None:
        """Make sure that an account exists: RailError `account_unknown` where it does not."""
        read_data(self._post("/v1/check_bakong_account", {"accountId": account_id}))

    def make_link(self, payload: str, source: dict[str, str] | None) -> str:
        """A short link that opens a bank app with this code; another one on every call."""
        body: dict[str, object] = {"qr": payload}
        if source is not None:
            body["sourceInfo"] = source
        data = read_data(self._post("/v1/generate_deeplink_by_qr", body))
        link = data.get("shortLink") if isinstance(data, dict) else None
        if not isinstance(link, str):
            raise no_information("Bakong gave no link")
        return link

    def renew_token(self, email: str) -> str:
        """A fresh token for a registered address."""
        data = read_data(self._post("/v1/renew_token", {"email": email}))
        token = data.get("token") if isinstance(data, dict) else None
        token = token.strip() if isinstance(token, str) else ""
        if not re.fullmatch(JWT_FORM, token):
            raise RailError(
                "token_not_returned",
                "Bakong gave no token: look for it in the mail and enter it by hand",
                temporary=False,
            )
        return token

    def _check_singly(self, md5s: Sequence[str]) -> Iterator[tuple[str, Status]]:
        # Beginning anywhere: whoever does not get a turn now gets one in another round.
        start = secrets.randbelow(len(md5s))
        for md5 in [*md5s[start:], *md5s[:start]][:SINGLES_LIMIT]:
            yield md5, self.check_md5(md5)

    def _post(self, path: str, body: Any) -> HttpAnswer:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = self.base_url.rstrip("/") + path
        return self.http("POST", url, headers=headers, body=json.dumps(body).encode())
