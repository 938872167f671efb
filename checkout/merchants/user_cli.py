"""`flask user …`: what an operator does for merchants who cannot do it themselves."""

from __future__ import annotations

import secrets
from typing import Any

import click

from checkout.core.audit import record_audit
from checkout.core.cli import Commands
from checkout.core.db import run, unit_of_work
from checkout.core.errors import conflict, missing
from checkout.core.i18n import DEFAULT_LOCALE, LOCALES
from checkout.core.limits import forget_failed_authentications
from checkout.core.web import network_of
from checkout.merchants.accounts import put_password, register_user
from checkout.merchants.change_email import change_email
from checkout.merchants.letters import tell_user
from checkout.merchants.lockout import forget_tries
from checkout.merchants.members import add_member, lock_team
from checkout.merchants.passwords import check_password, hash_password
from checkout.merchants.roles import ROLE_NAMES
from checkout.merchants.sign_ins import end_sign_ins
from checkout.merchants.stores import find_store
from checkout.merchants.two_factor import disable_two_factor
from checkout.merchants.users import find_user

ACTOR = "command"

group = Commands("user", help="Merchants who sign in to the dashboard.")
asks = click.option("--ask", is_flag=True, help="Type the password; without, one is made.")


@group.command("create")
@click.argument("email")
@click.option("--name", default="", help="What they are called; by default the address.")
@click.option("--locale", type=click.Choice(LOCALES), default=DEFAULT_LOCALE, show_default=True)
@click.option("--store", default=None, help="Id or slug of a store to make them a member of.")
@click.option("--role", type=click.Choice(ROLE_NAMES), default="owner", show_default=True)
@asks
def create(email: str, name: str, locale: str, store: str | None, role: str, ask: bool) -> None:
    """Make a merchant with the address EMAIL, whom no mail has to confirm."""
    password = _choose_password(ask)
    with unit_of_work():
        user = register_user(email, password, name or email.partition("@")[0], locale)
        if store is not None:
            _join(find_store(store).id, user, role)
    click.echo(f"{user.id} {user.email}")
    _say_password(password, ask)


@group.command("join")
@click.argument("email")
@click.argument("store")
@click.option("--role", type=click.Choice(ROLE_NAMES), default="owner", show_default=True)
def join(email: str, store: str, role: str) -> None:
    """Make the merchant a member of a STORE, given by its id or slug."""
    with unit_of_work():
        user = _find(email)
        _join(find_store(store).id, user, role)
    click.echo(f"{user.email} is {role} of {store}")


@group.command("list")
def list_users() -> None:
    """All merchants, with their stores."""
    rows = run(
        "SELECT who.id, who.email, who.totp_confirmed_at, coalesce((SELECT"
        " string_agg(store.slug || ':' || member.role, ' ' ORDER BY store.slug)"
        " FROM membership AS member JOIN store ON store.id = member.store_id"
        " WHERE member.user_id = who.id), '') AS stores"
        " FROM app_user AS who WHERE who.deleted_at IS NULL ORDER BY who.id"
    )
    for row in rows:
        factor = "two-factor" if row.totp_confirmed_at else "password"
        click.echo(f"{row.id} {row.email} {factor} {row.stores}".rstrip())


@group.command("set-email")
@click.argument("email")
@click.argument("new")
def set_email(email: str, new: str) -> None:
    """Let the merchant with the address EMAIL sign in with the address NEW instead.

    Every sign-in ends, and both addresses are written to. Be sure who asks, and that NEW is
    theirs: whoever reads its mail can have a new password set.
    """
    with unit_of_work():
        user = _find(email)
        changed = change_email(user.id, new, actor=ACTOR)
    click.echo(f"{user.email} is {changed.email} now")


@group.command("set-password")
@click.argument("email")
@asks
def set_password(email: str, ask: bool) -> None:
    """Give the merchant another password; every sign-in ends, a second factor stays on."""
    password = _choose_password(ask)
    check_password(password, email)
    hashed = hash_password(password)
    with unit_of_work():
        user = _find(email)
        put_password(user, hashed)
    click.echo(f"{user.email} signs in with a new password")
    _say_password(password, ask)


@group.command("reset-two-factor")
@click.argument("email")
def reset_two_factor(email: str) -> None:
    """Turn off the second factor of who has lost it; every sign-in ends, and a mail says so.

    Be sure who asks: from here on the password alone is enough.
    """
    with unit_of_work():
        user = _find(email)
        was_on = disable_two_factor(user.id)
        if was_on:
            end_sign_ins(user.id)
            tell_user("two_factor_off", user)
    click.echo(f"{user.email} had {'a' if was_on else 'no'} second factor")


@group.command("unlock")
@click.argument("email")
@click.option("--address", default=None, help="Lift the block of this network address as well.")
def unlock(email: str, address: str | None) -> None:
    """Forget the wrong passwords that were typed for EMAIL, so that they may try again."""
    with unit_of_work():
        forget_tries(email.strip().lower())
    click.echo(f"{email.strip().lower()} may try again")
    if address is not None:
        forget_failed_authentications(network_of(address))
        click.echo(f"{network_of(address)} is not blocked")


def _find(email: str) -> Any:
    user = find_user(email)
    if user is None:
        raise missing("email", "user")
    return user


def _join(store_id: str, user: Any, role: str) -> None:
    lock_team(store_id)
    if not add_member(store_id, user.id, role):
        raise conflict("already_member", "That person is in the team already.", "email")
    record_audit(store_id, ACTOR, "member.joined", target=user.id, role=role)


def _choose_password(ask: bool) -> str:
    """Typed twice, never an argument: those stand in the shell's history and in `ps`."""
    if not ask:
        return secrets.token_urlsafe(15)
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed


def _say_password(password: str, asked: bool) -> None:
    if not asked:
        click.echo(f"Password, shown this once: {password}")
