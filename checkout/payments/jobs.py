"""What the payments area does in the background."""

from __future__ import annotations

from checkout.core.jobs import periodic, sweeper
from checkout.payments.backfill import ask_live_attempts, backfill_all, backfill_due
from checkout.payments.close import BATCH as CLOSE_BATCH
from checkout.payments.close import close_ended
from checkout.payments.forget import forget_pretended, forget_raw
from checkout.payments.judge import BATCH, HEAD_START_SECONDS, SWEEPER, judge_batch
from checkout.payments.lapse import BATCH as LAPSE_BATCH
from checkout.payments.lapse import lapse_due
from checkout.payments.links import BATCH as LINKS_BATCH
from checkout.payments.links import SWEEPER as LINKS
from checkout.payments.links import find_links_due
from checkout.payments.monitor import ask_due, finish_asking
from checkout.payments.renew import BATCH as RENEWALS
from checkout.payments.renew import renew_due
from checkout.payments.shoppers import forget_shoppers
from checkout.payments.simulate import deliver_pretended
from checkout.payments.tokens import renew_all
from checkout.payments.watch import SWEEPER as ASK


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


# What has been begun rings when it ends: one look at a time is enough.
@sweeper(ASK, every_seconds=1.0, batch=1_000, drain=finish_asking)
def ask_providers() -> int:
    """Ask providers about the references that are due."""
    return ask_due()


@sweeper("close_references", every_seconds=2.0, batch=CLOSE_BATCH)
def close_references() -> int:
    """Tell providers which attempts nobody shall pay any more."""
    return close_ended()


@sweeper("backfill_rails", every_seconds=15.0, batch=1_000)
def backfill_rails() -> int:
    """List what we may have missed: soon after the start of a worker, then every five minutes."""
    return backfill_due()


@periodic("ask_live_attempts", every_seconds=60.0)
def list_live_accounts() -> int:
    """List the accounts on which somebody may be paying now."""
    return ask_live_attempts()


@periodic("renew_rail_settings", every_seconds=3_600.0)
def renew_rail_settings() -> int:
    """Let providers renew tokens before they run out."""
    return renew_all()


@periodic("backfill_rails_daily", every_seconds=86_400.0)
def backfill_days() -> int:
    """List the last two days of every account once more: banks write some movements late."""
    return backfill_all(hours=48)


@periodic("forget_shoppers", every_seconds=3_600.0)
def forget_old_shoppers() -> int:
    """Delete where shoppers were, once nobody needs to know any more."""
    return forget_shoppers()


@periodic("forget_raw_notices", every_seconds=3_600.0)
def forget_old_notices() -> int:
    """Empty the raw bytes of notices that are older than RAW_RETENTION_DAYS."""
    return forget_raw()


@periodic("forget_pretended_notices", every_seconds=3_600.0)
def forget_pretended_notices() -> int:
    """Delete what pretend providers have delivered long ago."""
    return forget_pretended()
