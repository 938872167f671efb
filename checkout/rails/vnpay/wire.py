"""VNPay's own forms of amounts, times, texts and result codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

VERSION = "2.1.0"
CURRENCY = "VND"
AMOUNT_LIMIT = 9_999_999_999
"""vnp_Amount has at most twelve digits, and the last two are always zero."""
TEXT_LIMIT = 255

VIETNAM = timezone(timedelta(hours=7))
_TIME_FORMAT = "%Y%m%d%H%M%S"

PAID = "00"
UNFINISHED = "01"
FAILED = "02"
REVERSED = "04"
REFUNDING = ("05", "06")
SUSPECTED = "07"
REFUND_REFUSED = "09"

Verdict = Literal["paid", "failed", "suspected", "reversed", "open"]

FAILURES: Mapping[str, tuple[str, str]] = {
    "09": ("not_enrolled", "The card or account is not enrolled for internet banking."),
    "10": ("wrong_details", "Wrong card or account details were entered three times."),
    "11": ("expired", "The time to pay on VNPay's page was over."),
    "12": ("account_locked", "The card or account is locked."),
    "13": ("wrong_otp", "A wrong one-time password was entered."),
    "24": ("cancelled", "The payer cancelled on VNPay's page."),
    "51": ("insufficient_funds", "There is not enough money in the account."),
    "65": ("limit_exceeded", "The account's daily limit is exceeded."),
    "75": ("bank_maintenance", "The bank is under maintenance."),
    "79": ("wrong_password", "A wrong payment password was entered too often."),
    "99": ("declined", "VNPay names no reason."),
}
"""vnp_ResponseCode of a failed payment: the code that pages know, and a plain message."""


def to_wire_amount(amount: int) -> str:
    """Dong as vnp_Amount: times a hundred, digits only."""
    return str(amount * 100)


def read_wire_amount(text: str) -> int | None:
    """Dong from vnp_Amount; None for what is no whole number of dong above zero."""
    # The pattern is spelled out because int() also takes other scripts' digits.
    if not re.fullmatch(r"[0-9]{1,12}", text):
        return None
    amount, rest = divmod(int(text), 100)
    return amount if amount and not rest else None


def to_wire_time(moment: datetime) -> str:
    """Vietnam's time, fourteen digits, whatever the server's zone."""
    return moment.astimezone(VIETNAM).strftime(_TIME_FORMAT)


def read_wire_time(text: str) -> datetime | None:
    """UTC from VNPay's fourteen digits; None for what is no time."""
    if not re.fullmatch(r"2[0-9]{13}", text):
        return None
    try:
        local = datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=VIETNAM)
    except ValueError:
        return None
    return local.astimezone(UTC)


def to_plain_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Letters, digits, blanks, hyphens and dots, without marks.

    On these every encoder agrees, and VNPay asks for no others.
    """
    # NFKD leaves đ whole: its bar is not a combining mark.
    decomposed = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D"))
    without_marks = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^A-Za-z0-9.-]+", " ", without_marks).split())[:limit].strip()


def judge_codes(status: str, code: str | None) -> Verdict:
    """What vnp_TransactionStatus and vnp_ResponseCode together say of a payment.

    Paid only where both say so; `code` is None in a query's answer, where it is about the query.
    What is neither plainly paid nor plainly failed stays open: a later answer decides.
    """
    if SUSPECTED in (status, code):
        return "suspected"
    if status == REVERSED:
        return "reversed"
    if status == PAID and code in (None, PAID):
        return "paid"
    if status == FAILED or (not status and code in FAILURES):
        return "failed"
    return "open"
