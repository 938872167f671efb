"""ZaloPay's MACs: HMAC-SHA256 over fields joined by bars, in lower-case hexadecimal."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

CREATE = ("app_id", "app_trans_id", "app_user", "amount", "app_time", "embed_data", "item")
REFUND = ("app_id", "zp_trans_id", "amount", "description", "timestamp")
REFUND_WITH_FEE = (
    "app_id",
    "zp_trans_id",
    "amount",
    "refund_fee_amount",
    "description",
    "timestamp",
)
REFUND_QUERY = ("app_id", "m_refund_id", "timestamp")
BANK_LINKS = ("app_id", "bank_codes", "os_type", "order_token")
RETURN = ("appid", "apptransid", "pmcid", "bankcode", "amount", "discountamount", "status")


def join_fields(fields: Mapping[str, object], names: Sequence[str]) -> str:
    """The text that is signed: values exactly as they are sent, an absent one as empty text."""
    return "|".join(str(fields.get(name, "")) for name in names)


def join_query(app_id: object, app_trans_id: object, key1: str) -> str:
    """The signed text of a query, in which the key itself stands."""
    return f"{app_id}|{app_trans_id}|{key1}"


def refund_names(fields: Mapping[str, object]) -> tuple[str, ...]:
    """The signed fields of a refund: a fee counts only where it is sent, even when it is 0."""
    return REFUND_WITH_FEE if "refund_fee_amount" in fields else REFUND


def make_mac(key: str, text: str) -> str:
    """The MAC of a text; the key is used as the text that it is."""
    # JSON can spell lone surrogates: such a text must be refused, not crash.
    message = text.encode("utf-8", "surrogatepass")
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def is_genuine(mac: object, key: str, text: str) -> bool:
    """Whether a MAC is right, in any case of its digits. A key that is not set proves nothing."""
    if not key or not isinstance(mac, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", mac):
        return False
    return hmac.compare_digest(mac.lower().encode(), make_mac(key, text).encode())
