"""Which attempts a proven notice may speak of."""

from __future__ import annotations

from typing import Any

from checkout.merchants.rail_accounts import load_account
from checkout.payments.arrival import Arrival
from checkout.payments.notices import OUTDATED_PROOF
from checkout.rails.registry import get_rail


def account_fits(arrival: Arrival, attempt: Any | None) -> bool:
    """Whether a notice came to an account on which this attempt may be paid.

    A secret that the merchant has replaced, perhaps because it was stolen, still proves money
    for the attempts that began before, and for none that began on a later account.
    """
    outdated = arrival.notice.details.get(OUTDATED_PROOF)
    if outdated and attempt is not None and attempt.rail_account_id > arrival.rail_account_id:
        return False
    if arrival.notice.account is None:
        return True
    accounts = {arrival.rail_account_id}
    if attempt is not None:
        if attempt.rail != arrival.rail:
            return False
        accounts = {attempt.rail_account_id}
    rail = get_rail(arrival.rail)
    return any(
        arrival.notice.account in rail.accounts_of(load_account(account_id)[1])
        for account_id in accounts
    )
