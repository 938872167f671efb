"""Our ids at ZaloPay. They begin with the date in Vietnam, UTC+7 all year."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from checkout.rails.base import Attempt, Refund

VIETNAM = timezone(timedelta(hours=7))
TRANS_ID_LIMIT = 40
REFUND_ID_LIMIT = 45


def vietnam_date(moment: datetime) -> str:
    """The day in Vietnam as yymmdd."""
    return moment.astimezone(VIETNAM).strftime("%y%m%d")


def trans_id_of(attempt: Attempt) -> str:
    """The app_trans_id of an attempt: its day and its payment code, unique for ever."""
    return f"{vietnam_date(attempt.created_at)}_{attempt.memo}"[:TRANS_ID_LIMIT]


def refund_id_of(refund: Refund, app_id: object) -> str:
    """The m_refund_id of a refund: the same on every try, so that nothing is given back twice."""
    beginning = f"{vietnam_date(refund.created_at)}_{app_id}_"
    own = re.sub(r"[^0-9A-Za-z]", "", refund.id.removeprefix("re_"))
    # An id's random part stands at its end.
    return beginning + own[-(REFUND_ID_LIMIT - len(beginning)) :]


def to_milliseconds(moment: datetime) -> int:
    """Unix time in milliseconds."""
    return int(moment.timestamp() * 1000)
