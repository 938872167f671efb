"""VNPay's two signatures: of a form (payment URL, IPN, return) and of an API message.

Both are HMAC-SHA512 in hexadecimal with the hash secret as UTF-8 text. A form is signed as it
stands in the URL, encoded; an API message is signed as raw values with bars between.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus

HASH = "vnp_SecureHash"
_UNSIGNED = frozenset((HASH, "vnp_SecureHashType"))

QUERY_NAMES = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef"),
    *("vnp_TransactionDate", "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
REFUND_NAMES = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TransactionType"),
    *("vnp_TxnRef", "vnp_Amount", "vnp_TransactionNo", "vnp_TransactionDate", "vnp_CreateBy"),
    *("vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
REFUND_ANSWER_NAMES = (
    *("vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode"),
    *("vnp_TxnRef", "vnp_Amount", "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo"),
    *("vnp_TransactionType", "vnp_TransactionStatus", "vnp_OrderInfo"),
)
QUERY_ANSWER_NAMES = (*REFUND_ANSWER_NAMES, "vnp_PromotionCode", "vnp_PromotionAmount")


def encode_value(text: str) -> str:
    """Form encoding as VNPay's own samples do it: UTF-8, upper-case hexadecimal, blank as plus."""
    # The tilde is the one character that Python leaves and the other side encodes.
    return quote_plus(_to_bytes(text), safe="").replace("~", "%7E")


def form_text(fields: Mapping[str, str]) -> str:
    """What is signed of a form, and what its URL carries: sorted, encoded, without empty values.

    Names without VNPay's prefix, such as what a tracker adds, are no part of it.
    """
    return "&".join(
        f"{encode_value(name)}={encode_value(value)}"
        for name, value in sorted(fields.items())
        if value and name.startswith("vnp_") and name not in _UNSIGNED
    )


def sign_form(fields: Mapping[str, str], secret: str) -> str:
    """The vnp_SecureHash of a form."""
    return _sign(form_text(fields), secret)


def is_genuine_form(fields: Mapping[str, str], secret: str) -> bool:
    """Whether a decoded query carries its own signature; without a secret nothing does."""
    return _is_signature(fields.get(HASH, ""), form_text(fields), secret)


def signed_query(fields: Mapping[str, str], secret: str) -> str:
    """A form as the query of a URL, its signature at the end."""
    return f"{form_text(fields)}&{HASH}={sign_form(fields, secret)}"


def message_text(fields: Mapping[str, str], names: Sequence[str]) -> str:
    """What is signed of an API message: raw values in their order, empty where one is missing."""
    return "|".join(fields.get(name, "") for name in names)


def sign_message(fields: Mapping[str, str], names: Sequence[str], secret: str) -> str:
    """The vnp_SecureHash of an API message."""
    return _sign(message_text(fields, names), secret)


def is_genuine_message(fields: Mapping[str, str], names: Sequence[str], secret: str) -> bool:
    """Whether an API message carries its own signature; one without any proves nothing."""
    return _is_signature(fields.get(HASH, ""), message_text(fields, names), secret)


def _is_signature(given: str, signed: str, secret: str) -> bool:
    if not secret or not re.fullmatch(r"[0-9a-fA-F]{128}", given):
        return False
    return hmac.compare_digest(given.lower().encode(), _sign(signed, secret).encode())


def _sign(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), _to_bytes(text), hashlib.sha512).hexdigest()


def _to_bytes(text: str) -> bytes:
    # JSON escapes can spell lone surrogates; a signature over them is wrong, not an exception.
    return text.encode("utf-8", "surrogatepass")
