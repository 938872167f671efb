"""Teams: who belongs to a store, in which role."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from checkout.core.audit import record_audit
from checkout.core.brief_cache import BriefCache
from checkout.core.db import after_commit, execute, one, run
from checkout.core.errors import Problem, conflict, forbidden, missing
from checkout.core.ids import is_id
from checkout.core.scope import Scope
from checkout.merchants.roles import actions_of, may
from checkout.merchants.settings import StoreSettings, read_settings

DELETED_SLUG = "replace(lower(id), '_', '-')"
"""SQL: the short name that a deleted store has, and no other."""

Found = tuple[str, StoreSettings]
_found: BriefCache[tuple[str, str], Found | None] = BriefCache()


def member_role(user_id: str, store_id: str) -> str | None:
    """The user's role in the store, at most half a second old; None for a stranger."""
    found = _find(user_id, store_id)
    return found[0] if found else None


def enter_store(
    user: Any, store_id: str, livemode: bool, *, to_change: bool = False
) -> Scope | None:
    """What a signed-in user may touch in a store; None for a stranger and for no store at all.

    At most half a second old, for who only looks. `to_change` asks the database: a key or an
    invitation that somebody makes who has just been taken out would last.
    """
    if to_change:
        _found.forget((user.user_id, store_id))
    found = _find(user.user_id, store_id)
    if found is None:
        return None
    role, settings = found
    return Scope(
        store_id=store_id,
        livemode=livemode,
        key_id=user.user_id,
        actor=f"user:{user.user_id}",
        settings=settings,
        secret=True,
        allowed=actions_of(role),
        user=user,
        role=role,
    )


def list_members(store_id: str) -> list[Any]:
    """Members with their names, in the order in which they came."""
    return run(
        "SELECT member.user_id, member.role, member.created_at, who.email, who.name"
        " FROM membership AS member JOIN app_user AS who ON who.id = member.user_id"
        " WHERE member.store_id = %(store_id)s ORDER BY member.created_at, member.user_id",
        store_id=store_id,
    )


def load_member(store_id: str, user_id: str) -> Any:
    """One member; raises 404 `resource_missing`."""
    for row in list_members(store_id) if is_id("usr", user_id) else ():
        if row.user_id == user_id:
            return row
    raise missing(what="member")


def add_member(store_id: str, user_id: str, role: str) -> bool:
    """Make a user a member; False for one who is one already. Says nothing to the audit trail."""
    row = one(
        "INSERT INTO membership (store_id, user_id, role)"
        " VALUES (%(store_id)s, %(user_id)s, %(role)s) ON CONFLICT DO NOTHING RETURNING role",
        store_id=store_id,
        user_id=user_id,
        role=role,
    )
    forget_member(store_id, user_id)
    return row is not None


def change_role(store_id: str, user_id: str, role: str, *, actor: str, by_role: str) -> None:
    """Give a member another role; raises 404, 403 `role_not_allowed`, 409 `last_owner`."""
    before = lock_team(store_id, user_id)
    refuse_owners_work(by_role, before, role)
    if before == "owner" and role != "owner":
        _refuse_last_owner(store_id)
    execute(
        "UPDATE membership SET role = %(role)s"
        " WHERE store_id = %(store_id)s AND user_id = %(user_id)s",
        role=role,
        store_id=store_id,
        user_id=user_id,
    )
    _end_invitations(store_id, user_id, role)
    forget_member(store_id, user_id)
    record_audit(store_id, actor, "member.changed", target=user_id, before=before, after=role)


def remove_member(store_id: str, user_id: str, *, actor: str, by_role: str) -> None:
    """Take a member out of the team; raises 404, 403 `role_not_allowed`, 409 `last_owner`."""
    before = lock_team(store_id, user_id)
    refuse_owners_work(by_role, before)
    if before == "owner":
        _refuse_last_owner(store_id)
    execute(
        "DELETE FROM membership WHERE store_id = %(store_id)s AND user_id = %(user_id)s",
        store_id=store_id,
        user_id=user_id,
    )
    _end_invitations(store_id, user_id, None)
    forget_member(store_id, user_id)
    record_audit(store_id, actor, "member.removed", target=user_id, role=before)


def leave_store(store_id: str, user_id: str, *, actor: str) -> None:
    """A member goes by themselves; raises 409 `last_owner`."""
    remove_member(store_id, user_id, actor=actor, by_role="owner")


def stores_owned_alone(user_id: str) -> list[str]:
    """The names of the stores that would have no owner without this user."""
    rows = run(
        "SELECT store.name FROM membership AS member JOIN store ON store.id = member.store_id"
        " WHERE member.user_id = %(user_id)s AND member.role = 'owner' AND NOT EXISTS ("
        "SELECT 1 FROM membership AS other WHERE other.store_id = member.store_id"
        " AND other.role = 'owner' AND other.user_id <> member.user_id) ORDER BY store.id",
        user_id=user_id,
    )
    return [row.name for row in rows]


def lock_team(store_id: str, user_id: str | None = None) -> str:
    """Nobody else changes the team until the transaction ends; gives that member's role.

    The store's row is the lock. Raises 404 for a store or a member that there is not.
    """
    hold_store(store_id, "NO KEY UPDATE")
    if user_id is None:
        return ""
    row = one(
        "SELECT role FROM membership WHERE store_id = %(store_id)s AND user_id = %(user_id)s",
        store_id=store_id,
        user_id=user_id,
    )
    if row is None:
        raise missing(what="member")
    role: str = row.role
    return role


def hold_store(store_id: str, lock: Literal["SHARE", "NO KEY UPDATE", "UPDATE"] = "SHARE") -> None:
    """Nobody deletes the store until the transaction ends. Raises 404 for one that is deleted.

    What is made in a store that is being deleted, such as a key, would outlive it unseen.
    """
    row = one(
        f"SELECT slug = {DELETED_SLUG} AS deleted FROM store WHERE id = %(id)s FOR {lock}",  # noqa: S608 - constants
        id=store_id,
    )
    if row is None or row.deleted:
        raise missing("store", "store")


def refuse_owners_work(by_role: str, *roles: str) -> None:
    """Only an owner makes an owner, and unmakes one."""
    if "owner" in roles and by_role != "owner":
        raise forbidden("role_not_allowed", "Only an owner decides about owners.")


def forget_member(store_id: str, user_id: str) -> None:
    """What this process has changed it sees at once."""
    _found.forget((user_id, store_id))
    after_commit(partial(_found.forget, (user_id, store_id)))


def _refuse_last_owner(store_id: str) -> None:
    row = one(
        "SELECT count(*) AS owners FROM membership WHERE store_id = %(id)s AND role = 'owner'",
        id=store_id,
    )
    if row is None or row.owners < 2:
        raise last_owner()


def _end_invitations(store_id: str, user_id: str, role: str | None) -> None:
    """Places that somebody has offered who may not offer them any more cannot be taken.

    Else whoever is removed could come back by an invitation of their own.
    """
    if role == "owner":
        return
    invites = role is not None and may(role, "members.write")
    execute(
        "UPDATE invitation SET revoked_at = clock_timestamp() WHERE store_id = %(store_id)s"
        " AND invited_by = %(actor)s AND accepted_at IS NULL AND revoked_at IS NULL"
        " AND (NOT %(invites)s OR role = 'owner')",
        store_id=store_id,
        actor=f"user:{user_id}",
        invites=invites,
    )


def last_owner() -> Problem:
    return conflict("last_owner", "A store keeps at least one owner: make another one first.")


def _find(user_id: str, store_id: str) -> Found | None:
    if not is_id("sto", store_id):
        return None
    return _found.get((user_id, store_id), lambda: _read(user_id, store_id))


def _read(user_id: str, store_id: str) -> Found | None:
    row = one(
        "SELECT member.role, store.settings FROM membership AS member"
        " JOIN store ON store.id = member.store_id"
        " WHERE member.store_id = %(store_id)s AND member.user_id = %(user_id)s",
        store_id=store_id,
        user_id=user_id,
    )
    return (row.role, read_settings(row.settings)) if row else None
