"""What stands before every form of the shopper's page."""

from __future__ import annotations

from functools import partial

from checkout.core import ids
from checkout.core.db import one
from checkout.core.limits import limit_calls
from checkout.core.origin import refuse_foreign_form
from checkout.core.web import NOBODY, Caller

FORMS_PER_MINUTE = 30


def guard_form(session_id: str) -> None:
    """Raise 403 for a form that another site has sent, and 429 for the one too many."""
    whose = partial(store_of_session, session_id)
    refuse_foreign_form(whose)
    limit_calls(f"pay:{session_id[:60]}", FORMS_PER_MINUTE, whose=whose)


def store_of_session(session_id: str) -> Caller:
    """At whose page something was refused; nobody's for a session that is not there."""
    row = ids.is_id("cs", session_id) and one(
        "SELECT store_id, livemode FROM checkout_session WHERE id = %(id)s", id=session_id
    )
    return Caller("", row.store_id, row.livemode) if row else NOBODY
