"""The end of a store: nothing opens any more, and what it earned stays on record.

Tables of later areas are named in SQL, never imported.
"""

from __future__ import annotations

from checkout.core.audit import record_audit
from checkout.core.db import execute, one, run
from checkout.core.errors import conflict
from checkout.merchants.members import DELETED_SLUG, forget_member, lock_team

_IN_USE = (
    "SELECT (SELECT count(*) FROM checkout_session WHERE store_id = %(id)s AND livemode"
    " AND status IN ('open', 'processing', 'awaiting_action')) AS sessions,"
    " (SELECT count(*) FROM transfer WHERE store_id = %(id)s AND livemode"
    " AND resolved_at IS NULL AND (held > 0 OR amount IS NULL)) AS transfers,"
    " (SELECT count(*) FROM account WHERE store_id = %(id)s AND livemode AND kind = 'wallet'"
    " AND balance <> 0) AS wallets"
)
_CLOSED = (
    (
        "UPDATE api_key SET revoked_at = clock_timestamp()"
        " WHERE store_id = %(id)s AND revoked_at IS NULL"
    ),
    "UPDATE rail_account SET enabled = false WHERE store_id = %(id)s AND enabled",
    (
        "UPDATE endpoint SET enabled = false, disabled_reason = 'merchant'"
        " WHERE store_id = %(id)s AND enabled"
    ),
    (
        "UPDATE invitation SET revoked_at = clock_timestamp()"
        " WHERE store_id = %(id)s AND accepted_at IS NULL AND revoked_at IS NULL"
    ),
    "DELETE FROM store_logo WHERE store_id = %(id)s",
    # Its short name is free for somebody else, and nobody is written to about it any more.
    (
        f"UPDATE store SET slug = {DELETED_SLUG}, settings = settings"  # noqa: S608 - a constant
        " - 'contact_email' || jsonb_build_object('notify_by_email', false) WHERE id = %(id)s"
    ),
)


def delete_store(store_id: str, *, actor: str) -> None:
    """Take a store away from its whole team: keys, ways to pay and webhooks end with it.

    Sessions, payments, transfers, journals and the audit trail stay; money that still comes is
    recorded as held, for whoever runs the installation. Raises 404, and 409 `store_in_use`
    while live sessions are open, live money waits for a home or customers' wallets hold some.
    """
    lock_team(store_id)
    in_use = one(_IN_USE, id=store_id)
    if in_use is not None and any(in_use):
        raise conflict(
            "store_in_use",
            f"Live mode still has {in_use.sessions} open sessions, {in_use.transfers} transfers"
            f" that wait and {in_use.wallets} wallets with money.",
        )
    record_audit(store_id, actor, "store.deleted", target=store_id)
    for statement in _CLOSED:
        execute(statement, id=store_id)
    for row in run("DELETE FROM membership WHERE store_id = %(id)s RETURNING user_id", id=store_id):
        forget_member(store_id, row.user_id)
