"""What the merchants area does in the background."""

from __future__ import annotations

from checkout.core.jobs import periodic, sweeper
from checkout.merchants.attention import tell_stores
from checkout.merchants.letters import BATCH, WRITE, write_letters
from checkout.merchants.purge import purge_ended


@sweeper(WRITE, every_seconds=1.0, batch=BATCH)
def write_waiting_letters() -> int:
    """Write the mails about accounts that were asked for."""
    return write_letters()


@periodic("purge_sign_ins", every_seconds=3600)
def purge_sign_ins() -> int:
    """Delete what has ended and nobody asks for any more."""
    return purge_ended()


@periodic("mail_attention", every_seconds=60)
def mail_attention() -> int:
    """Tell stores by mail what needs a person."""
    return tell_stores()
