"""Who reacts to what: the one table from what happened to functions of later areas.

Reactions to events run where events are dispatched, in that transaction (core/dispatch.py);
followers of facts run in the very transaction of the fact (core/facts.py).
"""

from __future__ import annotations

from checkout.core.facts import Follower, set_followers
from checkout.core.outbox import Reaction, one_by_one, set_reactions
from checkout.embed.messages import tell_customers
from checkout.merchants.news import note_unmatched
from checkout.payments.leftover import tell_leftover_parts
from checkout.rails.registry import add_rail
from checkout.sessions.remind import mail_reminder
from checkout.wallets.rail import RAIL as WALLET_RAIL
from checkout.wallets.transactions import tell_wallet_moves
from checkout.webhooks.fanout import fan_out
from checkout.webhooks.retry import shift_test_deliveries

REACTIONS: dict[str, tuple[Reaction, ...]] = {
    "*": (fan_out, tell_customers),
    "checkout.session.expired": (tell_leftover_parts,),
    "checkout.session.abandoned": (tell_leftover_parts,),
    "checkout.session.cancelled": (tell_leftover_parts,),
    "checkout.session.expiring_soon": (one_by_one(mail_reminder),),
    "transfer.unmatched": (note_unmatched,),
}
FOLLOWERS: dict[str, tuple[Follower, ...]] = {
    "test_clock_moved": (shift_test_deliveries,),
    "wallets_moved": (tell_wallet_moves,),
}

set_reactions(REACTIONS)
set_followers(FOLLOWERS)
add_rail(WALLET_RAIL)
