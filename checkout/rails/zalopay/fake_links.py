"""The pretend ZaloPay's bank-app links: every one leads to the order's own page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from checkout.rails.base import Account
from checkout.rails.zalopay.fake_orders import failure, key_of, success
from checkout.rails.zalopay.mac import BANK_LINKS, is_genuine, join_fields

BANKS = {
    "BIDV": ("BIDV", "Ngân hàng TMCP Đầu tư và Phát triển Việt Nam"),
    "VTB": ("VietinBank", "Ngân hàng TMCP Công thương Việt Nam"),
    "VCB": ("Vietcombank", "Ngân hàng TMCP Ngoại thương Việt Nam"),
}
FILLING = "BIDV"
APART = "VCB"
"""The bank whose address is another one on each kind of phone."""


def answer_links(fields: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """The links of some banks, or of all."""
    text = join_fields(fields, BANK_LINKS)
    if not is_genuine(fields.get("mac"), key_of(account, "key1"), text):
        return failure(2, "the mac is not right", -6103)
    phone = fields.get("os_type")
    if phone not in ("ios", "android"):
        return failure(2, "os_type is not valid", -6102)
    wanted = str(fields.get("bank_codes") or "").split(",")
    codes = list(BANKS) if wanted == [""] else wanted
    if any(code not in BANKS for code in codes):
        return failure(2, "bank_codes is not valid", -6105)
    token = str(fields.get("order_token") or "")
    return success() | {"data": [_row(code, phone, token, account) for code in codes]}


def _row(code: str, phone: str, token: str, account: Account) -> dict[str, Any]:
    short_name, full_name = BANKS[code]
    query = {"order": token.removeprefix("TOKEN-"), "bank": code}
    if code == APART:
        query["phone"] = phone
    return {
        "bank_code": code,
        "short_name": short_name,
        "full_name": full_name,
        "logo_url": "",
        "deep_link": f"{account.provider_page_url}/gateway?{urlencode(query)}",
        "is_auto_fill": code == FILLING,
    }
