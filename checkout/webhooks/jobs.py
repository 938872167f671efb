"""Background work of webhooks."""

from __future__ import annotations

from checkout.core.jobs import sweeper
from checkout.webhooks.deliver import deliver_due, finish_deliveries
from checkout.webhooks.fanout import DELIVER

sweeper(DELIVER, drain=finish_deliveries)(deliver_due)
