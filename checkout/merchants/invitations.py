"""Places in a team that wait for somebody: offered by mail, taken once."""

from __future__ import annotations

from typing import Any

from flask import render_template

from checkout.core.audit import record_audit
from checkout.core.config import config
from checkout.core.crypto import hash_secret
from checkout.core.db import one, run
from checkout.core.errors import conflict, forbidden, invalid, missing
from checkout.core.i18n import DEFAULT_LOCALE, text
from checkout.core.ids import is_id, new_id, new_secret
from checkout.core.mail import queue_mail
from checkout.merchants.members import add_member, lock_team, refuse_owners_work

VALID_DAYS = 7
MOST_OPEN = 50
MOST_A_DAY = 200
"""Of one store, those that were taken back among them."""
MOST_TO_ONE_A_DAY = 10
"""To one address, whichever stores they are of."""
RANDOM_BYTES = 24


def invite_member(store_id: str, email: str, role: str, *, actor: str, by_role: str) -> Any:
    """Offer somebody a role by mail; returns the invitation's row.

    A second invitation of the same address replaces the first, whose link is dead from then
    on; an owner's only for an owner. Raises 403 `role_not_allowed`, 409 `already_member` and
    `too_many_invitations`.
    """
    refuse_owners_work(by_role, role)
    lock_team(store_id)
    known = one(
        "SELECT who.locale, member.role FROM app_user AS who LEFT JOIN membership AS member"
        " ON member.user_id = who.id AND member.store_id = %(store_id)s"
        " WHERE who.email = %(email)s AND who.deleted_at IS NULL",
        store_id=store_id,
        email=email,
    )
    if known is not None and known.role is not None:
        raise conflict("already_member", "That person is in the team already.", "email")
    _replace_open(store_id, email, by_role)
    _refuse_many(store_id, email)
    token = new_secret(RANDOM_BYTES)
    row = _insert(store_id, email, role, token, actor)
    _mail(row, token, known.locale if known is not None else None)
    record_audit(store_id, actor, "member.invited", target=row.id, email=email, role=role)
    return row


def list_invitations(store_id: str) -> list[Any]:
    """Those that can still be taken, newest first."""
    return run(
        "SELECT * FROM invitation WHERE store_id = %(store_id)s AND accepted_at IS NULL"
        " AND revoked_at IS NULL AND expires_at > clock_timestamp() ORDER BY id DESC",
        store_id=store_id,
    )


def revoke_invitation(store_id: str, invitation_id: str, *, actor: str, by_role: str) -> None:
    """Take an open invitation back; raises 404 and 403 `role_not_allowed`."""
    lock_team(store_id)
    row = is_id("inv", invitation_id) and one(
        "UPDATE invitation SET revoked_at = clock_timestamp() WHERE id = %(id)s"
        " AND store_id = %(store_id)s AND accepted_at IS NULL AND revoked_at IS NULL"
        " RETURNING role",
        id=invitation_id,
        store_id=store_id,
    )
    if not row:
        raise missing(what="invitation")
    refuse_owners_work(by_role, row.role)
    record_audit(store_id, actor, "member.invitation_revoked", target=invitation_id)


def read_invitation(token: str) -> Any:
    """An invitation that can be taken, with its store's name; raises `invitation_invalid`."""
    row = one(
        "SELECT invitation.*, store.name AS store_name FROM invitation"
        " JOIN store ON store.id = invitation.store_id WHERE token_hash = %(hash)s"
        " AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp()",
        hash=hash_secret(token),
    )
    if row is None:
        raise invalid("invitation_invalid", "This invitation cannot be used any more.", "token")
    return row


def accept_invitation(token: str, user: Any) -> Any:
    """Take the place, once; returns the invitation's row.

    Only the invited address may. Raises 422 `invitation_invalid` and 403
    `invitation_for_another`.
    """
    row = read_invitation(token)
    if row.email != user.email:
        raise forbidden("invitation_for_another", "This invitation is for another address.")
    lock_team(row.store_id)
    taken = one(
        "UPDATE invitation SET accepted_at = clock_timestamp() WHERE id = %(id)s"
        " AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp()"
        " RETURNING id",
        id=row.id,
    )
    if taken is None:
        raise invalid("invitation_invalid", "This invitation cannot be used any more.", "token")
    add_member(row.store_id, user.user_id, row.role)
    record_audit(
        row.store_id,
        f"user:{user.user_id}",
        "member.joined",
        target=user.user_id,
        role=row.role,
        invitation=row.id,
    )
    return row


def _replace_open(store_id: str, email: str, by_role: str) -> None:
    rows = run(
        "UPDATE invitation SET revoked_at = clock_timestamp() WHERE store_id = %(store_id)s"
        " AND email = %(email)s AND accepted_at IS NULL AND revoked_at IS NULL"
        " RETURNING role, expires_at > clock_timestamp() AS open",
        store_id=store_id,
        email=email,
    )
    refuse_owners_work(by_role, *(row.role for row in rows if row.open))


def _refuse_many(store_id: str, email: str) -> None:
    """Each is a mail to somebody who has not asked for it: taking them back makes no room."""
    if len(list_invitations(store_id)) >= MOST_OPEN:
        raise conflict("too_many_invitations", f"A store has at most {MOST_OPEN} open invitations.")
    row = one(
        "SELECT count(*) FILTER (WHERE store_id = %(store_id)s) AS of_store,"
        " count(*) FILTER (WHERE email = %(email)s) AS to_address FROM invitation"
        " WHERE created_at > clock_timestamp() - interval '1 day'"
        " AND (store_id = %(store_id)s OR email = %(email)s)",
        store_id=store_id,
        email=email,
    )
    if row is not None and (row.of_store >= MOST_A_DAY or row.to_address >= MOST_TO_ONE_A_DAY):
        raise conflict("too_many_invitations", "Too many invitations were sent today.")


def _insert(store_id: str, email: str, role: str, token: str, actor: str) -> Any:
    row = one(
        "INSERT INTO invitation (id, store_id, email, role, token_hash, invited_by, expires_at)"
        " VALUES (%(id)s, %(store_id)s, %(email)s, %(role)s, %(hash)s, %(actor)s,"
        " clock_timestamp() + make_interval(days => %(days)s)) RETURNING *",
        id=new_id("inv"),
        store_id=store_id,
        email=email,
        role=role,
        hash=hash_secret(token),
        actor=actor,
        days=VALID_DAYS,
    )
    assert row is not None  # noqa: S101 - an INSERT ... RETURNING has its row
    return row


def _mail(row: Any, token: str, locale: str | None) -> None:
    store = one(
        "SELECT name, settings ->> 'locale' AS locale FROM store WHERE id = %(id)s",
        id=row.store_id,
    )
    assert store is not None  # noqa: S101 - its row is locked
    language = locale or store.locale or DEFAULT_LOCALE
    values = {
        "store": store.name,
        "role": text(f"role.{row.role}", language),
        "days": VALID_DAYS,
        "url": f"{config().public_url}/dashboard/invitations/{token}",
    }
    queue_mail(
        purpose="invitation",
        subject_id=row.id,
        store_id=row.store_id,
        livemode=True,
        recipient=row.email,
        subject=text("mail.invitation.subject", language, store=store.name),
        text_body=text("mail.invitation.text", language, **values),
        html_body=render_template("mail/invitation.html", locale=language, **values),
        locale=language,
        secret=True,
    )
