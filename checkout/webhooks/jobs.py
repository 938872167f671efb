"""Background work of webhooks."""

from __future__ import annotations

from checkout.core.jobs import periodic, sweeper
from checkout.webhooks.deliver import deliver_due, finish_deliveries
from checkout.webhooks.fanout import DELIVER
from checkout.webhooks.forget import forget_answers

sweeper(DELIVER, drain=finish_deliveries)(deliver_due)


@periodic("forget_answers", every_seconds=3_600.0)
def forget_old_answers() -> int:
    """Empty what receivers answered to deliveries long ago."""
    return forget_answers()
