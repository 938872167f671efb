"""What the payments area does in the background."""

from __future__ import annotations

from checkout.core.jobs import periodic, sweeper
from checkout.payments.ask import ask_live_attempts, backfill_all
from checkout.payments.judge import BATCH, HEAD_START_SECONDS, SWEEPER, judge_batch
from checkout.payments.lapse import BATCH as LAPSE_BATCH
from checkout.payments.lapse import lapse_due
from checkout.payments.links import BATCH as LINKS_BATCH
from checkout.payments.links import SWEEPER as LINKS
from checkout.payments.links import find_links_due
from checkout.payments.renew import BATCH as RENEWALS
from checkout.payments.renew import renew_due
from checkout.payments.simulate import deliver_pretended


@sweeper(SWEEPER, every_seconds=1.0, batch=BATCH)
def judge_inbox() -> int:
    """Judge what no web process has judged."""
    return len(judge_batch(due_seconds=HEAD_START_SECONDS))


@sweeper("lapse_attempts", every_seconds=1.0, batch=LAPSE_BATCH)
def lapse_attempts() -> int:
    """End attempts whose own deadline has passed."""
    return lapse_due()


@sweeper("renew_prompts", every_seconds=1.0, batch=RENEWALS)
def renew_prompts() -> int:
    """Open prompts again that run out before their attempt does."""
    return renew_due()


@sweeper(LINKS, every_seconds=2.0, batch=LINKS_BATCH)
def find_links() -> int:
    """Ask providers for the app links of prompts that are on a page."""
    return find_links_due()


@sweeper("deliver_pretended", every_seconds=1.0, batch=50)
def deliver_pretended_notices() -> int:
    """Let the pretend providers send what is due: delayed notices and their retries."""
    return deliver_pretended()


@periodic("ask_live_attempts", every_seconds=60.0)
def ask_providers() -> int:
    """Ask the providers about attempts that still wait."""
    return ask_live_attempts()


@periodic("backfill_rails", every_seconds=300.0)
def backfill_recent() -> int:
    """List the last hour of every account, so that no missed notice loses money."""
    return backfill_all(hours=1)


@periodic("backfill_rails_daily", every_seconds=86_400.0)
def backfill_days() -> int:
    """List the last two days of every account, after a longer silence of ours."""
    return backfill_all(hours=48)
