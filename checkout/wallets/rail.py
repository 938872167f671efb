"""The wallet as a way to pay: the one without a provider outside.

A store switches it on like any other (`flask rail configure STORE wallet`). Nothing is opened
and nobody is asked: choosing it pays, in the transaction that chooses (payments/instant.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from checkout.ledger.post import WALLET
from checkout.rails.base import Account, Attempt, HttpClient, Notice, Rail, Setting


class WalletRail(Rail):
    """Pays from the balance that a proven customer has in the session's currency."""

    name: ClassVar[str] = WALLET
    label: ClassVar[str] = "rail.wallet"
    currencies: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[tuple[Setting, ...]] = ()
    instant: ClassVar[bool] = True

    def provider_url(self, settings: Mapping[str, Any], livemode: bool) -> str:
        """Nowhere: there is no provider."""
        return ""

    def can_ask(self, account: Account) -> bool:
        return False

    def accounts_of(self, account: Account) -> frozenset[str]:
        return frozenset()

    def check(
        self, attempts: Sequence[Attempt], account: Account, http: HttpClient, now: datetime
    ) -> Sequence[Notice]:
        """Nothing can be missed: a wallet's money is booked when its attempt is made."""
        return ()

    def probe(self, account: Account, http: HttpClient, now: datetime) -> str:
        return "Wallets are this installation's own; there is nobody to call."


RAIL = WalletRail()
