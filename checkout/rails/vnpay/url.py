"""VNPay's addresses, and the signed URL that takes the shopper to its payment page."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from checkout.rails.base import Account, Attempt, RailError
from checkout.rails.vnpay.signing import signed_query
from checkout.rails.vnpay.wire import (
    CURRENCY,
    TEXT_LIMIT,
    VERSION,
    to_plain_text,
    to_wire_amount,
    to_wire_time,
)

NO_ADDRESS = "127.0.0.1"

_PAGES = {
    "sandbox": "https://sandbox.vnpayment.vn/paymentv2/vpcpay.html",
    "production": "https://pay.vnpay.vn/vpcpay.html",
}
_APIS = {
    "sandbox": "https://sandbox.vnpayment.vn/merchant_webapi/api/transaction",
    "production": "https://merchant.vnpay.vn/merchant_webapi/api/transaction",
}


def page_address(settings: Mapping[str, Any]) -> str:
    """The whole address of the payment page."""
    return str(settings.get("page_address") or _PAGES[_environment(settings)])


def api_address(settings: Mapping[str, Any]) -> str:
    """The whole address of the query and refund API."""
    return str(settings.get("api_address") or _APIS[_environment(settings)])


def origin_of(address: str) -> str:
    """https://host of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def path_of(address: str) -> str:
    """What follows the host in an address."""
    return urlsplit(address).path


def make_payment_url(attempt: Attempt, account: Account) -> str:
    """The URL of the payment page for an attempt. Raises RailError without an address to return to.

    In test mode the host is the pretend VNPay and only the path is the address's own.
    """
    address = account.provider_page_url.rstrip("/") + path_of(page_address(account.settings))
    secret = str(account.settings.get("hash_secret") or "")
    return f"{address}?{signed_query(payment_fields(attempt, account.settings), secret)}"


def payment_fields(attempt: Attempt, settings: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of the payment URL before signing. Raises RailError."""
    if not attempt.return_url or not 10 <= len(attempt.return_url) <= TEXT_LIMIT:
        raise RailError(
            "rail_not_configured", "VNPay needs an address to return to", temporary=False
        )
    return {
        "vnp_Version": VERSION,
        "vnp_Command": "pay",
        "vnp_TmnCode": str(settings.get("tmn_code") or ""),
        "vnp_Amount": to_wire_amount(attempt.amount),
        "vnp_BankCode": str(settings.get("bank_code") or ""),
        "vnp_CreateDate": to_wire_time(attempt.created_at),
        "vnp_CurrCode": CURRENCY,
        "vnp_ExpireDate": to_wire_time(attempt.expires_at),
        "vnp_IpAddr": payer_address(attempt.payer_address),
        "vnp_Locale": "vn" if attempt.locale == "vi" else "en",
        "vnp_OrderInfo": to_plain_text(f"Thanh toan {attempt.memo} {attempt.description}"),
        "vnp_OrderType": str(settings.get("order_type") or "other"),
        "vnp_ReturnUrl": attempt.return_url,
        "vnp_TxnRef": attempt.memo,
    }


def payer_address(text: str | None) -> str:
    """The payer's address as VNPay takes it: IPv4 wherever one is known."""
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return NO_ADDRESS
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.IPv6Address(int(address)))
    return str(address)


def _environment(settings: Mapping[str, Any]) -> str:
    return "sandbox" if settings.get("environment") == "sandbox" else "production"
