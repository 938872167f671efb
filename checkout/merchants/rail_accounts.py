"""A store's accounts at payment providers: configured, superseded, opened for one call."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from checkout.core.audit import record_audit
from checkout.core.brief_cache import BriefCache
from checkout.core.config import config
from checkout.core.crypto import seal, unseal
from checkout.core.db import after_commit, execute, one, run
from checkout.core.errors import Problem, invalid, missing
from checkout.core.ids import is_id, new_id
from checkout.core.money import MAXIMUM
from checkout.merchants.members import hold_store
from checkout.merchants.settings import read_settings
from checkout.rails.base import Account, Rail, Setting
from checkout.rails.registry import get_rail, names

SEALED = "rail_account.sealed"
MAX_VALUE_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class EnabledRail:
    """A way to pay that a store offers in one mode."""

    rail: str
    rail_account_id: str


_accounts: BriefCache[str, tuple[Any, Account] | None] = BriefCache()
_enabled: BriefCache[tuple[str, bool], list[EnabledRail]] = BriefCache()


def configure_rail(
    store_id: str,
    livemode: bool,
    rail: str,
    values: Mapping[str, Any],
    *,
    enabled: bool | None,
    actor: str,
) -> str:
    """Set fields of a store's account on a rail; returns the id of the current account.

    Fields that are not given keep their value; an empty text takes one away. Changed fields
    make a new account that supersedes the old one, which open attempts keep matching.
    `enabled=None` leaves it as it is (on for a new account). Raises a Problem whose param is
    the field.
    """
    found = _find_rail(rail)
    # One at a time per store: the row of the store is the lock.
    hold_store(store_id, "UPDATE")
    row = _current_row(store_id, livemode, rail)
    before = {} if row is None else _opened(row)
    after = check_values(found, before, values)
    wanted = (row is None or row.enabled) if enabled is None else enabled
    if row is not None and after == before:
        execute("UPDATE rail_account SET enabled = %(on)s WHERE id = %(id)s", on=wanted, id=row.id)
        account_id: str = row.id
    else:
        account_id = _supersede(row, store_id, livemode, found, after, wanted)
    record_audit(
        store_id,
        actor,
        "rail.configured",
        target=account_id,
        rail=rail,
        livemode=livemode,
        enabled=wanted,
        changed=sorted(
            name for name in after.keys() | before if after.get(name) != before.get(name)
        ),
    )
    _forget(store_id, livemode, account_id)
    after_commit(partial(_forget, store_id, livemode, account_id))
    return account_id


def refresh_settings(account_id: str, changed: Mapping[str, Any], *, actor: str) -> None:
    """Keep settings that the provider itself has issued anew, such as a token.

    It stays the same account: attempts, references and hooks go on. Raises KeyError for a
    setting that the rail does not declare.
    """
    row = one(
        "SELECT id, store_id, livemode, rail, settings, sealed FROM rail_account"
        " WHERE id = %(id)s FOR UPDATE",
        id=account_id,
    )
    if row is None:
        raise missing("rail_account", "rail account")
    rail = get_rail(row.rail)
    declared = {setting.name: setting for setting in rail.settings}
    fresh = {name: read_value(declared[name], value) for name, value in changed.items()}
    plain, sealed = _put_away(rail, row.id, _opened(row) | fresh)
    execute(
        "UPDATE rail_account SET settings = %(settings)s, sealed = %(sealed)s WHERE id = %(id)s",
        id=row.id,
        settings=plain,
        sealed=sealed,
    )
    record_audit(
        row.store_id,
        actor,
        "rail.refreshed",
        target=row.id,
        rail=row.rail,
        livemode=row.livemode,
        changed=sorted(changed),
    )
    _forget(row.store_id, row.livemode, row.id)
    after_commit(partial(_forget, row.store_id, row.livemode, row.id))


def check_values(
    rail: Rail, before: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The account's fields with some changed, checked by the rail's own declarations."""
    declared = {setting.name: setting for setting in rail.settings}
    for name in values:
        if name not in declared:
            raise invalid("unknown_field", f"{rail.name} has no such setting.", name)
    after = {name: value for name, value in before.items() if name in declared}
    for name, value in values.items():
        after.pop(name, None)
        if value not in (None, ""):
            after[name] = read_value(declared[name], value)
    for setting in rail.settings:
        if setting.required and setting.name not in after and setting.default is None:
            raise invalid("missing_required_field", "This setting is needed.", setting.name)
    for name, message in rail.check_settings(_with_defaults(rail, after)):
        raise invalid("invalid_value", message, name)
    return after


def read_value(setting: Setting, value: Any) -> Any:
    """One field's value, of its declared kind; texts of numbers and yes or no are read."""
    reader = {"integer": _read_integer, "boolean": _read_boolean}.get(setting.kind, _read_text)
    return reader(setting, value)


def load_account(rail_account_id: str) -> tuple[Any, Account]:
    """The row and the account opened for one call, at most half a second old.

    Superseded ones too: their notices still count. Raises `resource_missing`.
    """
    found = _accounts.get(rail_account_id, lambda: _read_account(rail_account_id))
    if found is None:
        raise missing("rail_account", "rail account")
    return found


def load_current(store_id: str, livemode: bool, rail: str) -> Account:
    """The account that stands today for a store, mode and rail; raises a Problem for none."""
    _find_rail(rail)
    row = _current_row(store_id, livemode, rail)
    if row is None:
        raise missing("rail", "account on this rail and mode")
    return load_account(row.id)[1]


def load_successor(row: Any) -> Account | None:
    """The account that stands today where a superseded row's did; None for one that stands."""
    if row.superseded_at is None:
        return None
    current = _current_row(row.store_id, row.livemode, row.rail)
    return load_account(current.id)[1] if current is not None else None


def enabled_rails(store_id: str, livemode: bool) -> list[EnabledRail]:
    """What the store offers in that mode, at most half a second old, oldest first."""
    return _enabled.get((store_id, livemode), lambda: _read_enabled(store_id, livemode))


def rail_fits(rail: str, currency: str, amount: int) -> bool:
    """Whether a rail carries that much of that currency."""
    found = get_rail(rail)
    low, high = found.minimum.get(currency, 1), found.maximum.get(currency, MAXIMUM)
    fits_currency = not found.currencies or currency in found.currencies
    return fits_currency and low <= amount <= high


def forget_accounts() -> None:
    """Empty this process's caches of rail accounts."""
    _accounts.clear()
    _enabled.clear()


def set_secrets(row: Any) -> list[str]:
    """The names of a row's secret settings that have a value, sorted."""
    return sorted(_opened(row).keys() - row.settings.keys())


def _find_rail(rail: str) -> Rail:
    if rail not in names():
        raise invalid("unknown_rail", "There is no such rail. Known: " + ", ".join(names()), "rail")
    return get_rail(rail)


def _current_row(store_id: str, livemode: bool, rail: str) -> Any | None:
    return one(
        "SELECT id, enabled, settings, sealed FROM rail_account WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND rail = %(rail)s AND superseded_at IS NULL",
        store_id=store_id,
        livemode=livemode,
        rail=rail,
    )


def _opened(row: Any) -> dict[str, Any]:
    """All fields of a row, the sealed ones decrypted."""
    if row.sealed is None:
        return dict(row.settings)
    secrets = json.loads(unseal(row.sealed, row=row.id, column=SEALED))
    return {**row.settings, **secrets}


def _supersede(
    row: Any | None,
    store_id: str,
    livemode: bool,
    rail: Rail,
    values: dict[str, Any],
    enabled: bool,
) -> str:
    account_id = new_id("ra")
    plain, sealed = _put_away(rail, account_id, values)
    if row is not None:
        execute("UPDATE rail_account SET superseded_at = now() WHERE id = %(id)s", id=row.id)
        _accounts.forget(row.id)
    execute(
        "INSERT INTO rail_account (id, store_id, livemode, rail, enabled, settings, sealed)"
        " VALUES (%(id)s, %(store_id)s, %(livemode)s, %(rail)s, %(enabled)s, %(settings)s,"
        " %(sealed)s)",
        id=account_id,
        store_id=store_id,
        livemode=livemode,
        rail=rail.name,
        enabled=enabled,
        settings=plain,
        sealed=sealed,
    )
    return account_id


def _put_away(
    rail: Rail, account_id: str, values: Mapping[str, Any]
) -> tuple[dict[str, Any], bytes | None]:
    """A row's plain fields, and its secret ones sealed to that row."""
    secret = {setting.name for setting in rail.settings if setting.kind == "secret"}
    plain = {name: value for name, value in values.items() if name not in secret}
    hidden = {name: value for name, value in values.items() if name in secret}
    if not hidden:
        return plain, None
    return plain, seal(json.dumps(hidden).encode(), row=account_id, column=SEALED)


def _forget(store_id: str, livemode: bool, account_id: str) -> None:
    _accounts.forget(account_id)
    _enabled.forget((store_id, livemode))


def _read_account(rail_account_id: str) -> tuple[Any, Account] | None:
    if not is_id("ra", rail_account_id):
        return None
    row = one(
        "SELECT account.id, account.store_id, account.livemode, account.rail, account.enabled,"
        " account.settings, account.sealed, account.superseded_at,"
        " store.settings AS store_settings"
        " FROM rail_account AS account JOIN store ON store.id = account.store_id"
        " WHERE account.id = %(id)s",
        id=rail_account_id,
    )
    if row is None or row.rail not in names():
        return None
    rail = get_rail(row.rail)
    settings = _with_defaults(rail, _opened(row))
    pretend_url = f"{config().self_url}/fake/{row.rail}/{row.id}"
    # The shopper's browser is somewhere else than this process.
    pretend_page_url = f"{config().public_url}/fake/{row.rail}/{row.id}"
    return row, Account(
        id=row.id,
        livemode=row.livemode,
        settings=settings,
        code_prefixes=read_settings(row.store_settings).code_prefixes,
        provider_url=rail.provider_url(settings, livemode=True) if row.livemode else pretend_url,
        provider_page_url=rail.provider_page_url(settings) if row.livemode else pretend_page_url,
        hook_url=f"{config().public_url}/hooks/{row.rail}/{row.id}",
        store=row.store_id,
    )


def _with_defaults(rail: Rail, values: Mapping[str, Any]) -> dict[str, Any]:
    return {setting.name: values.get(setting.name, setting.default) for setting in rail.settings}


def _read_enabled(store_id: str, livemode: bool) -> list[EnabledRail]:
    rows = run(
        "SELECT rail, id FROM rail_account WHERE store_id = %(store_id)s"
        " AND livemode = %(livemode)s AND enabled AND superseded_at IS NULL ORDER BY id",
        store_id=store_id,
        livemode=livemode,
    )
    return [EnabledRail(row.rail, row.id) for row in rows if row.rail in names()]


def _read_text(setting: Setting, value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_VALUE_LENGTH:
        raise _wrong(setting, "a text in one line")
    text = value.strip()
    if setting.choices and text not in setting.choices:
        raise _wrong(setting, "one of " + ", ".join(setting.choices))
    if setting.pattern is not None and not re.fullmatch(setting.pattern, text):
        raise _wrong(setting, f"a text that fits {setting.pattern}")
    return text


def _read_integer(setting: Setting, value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value):
        value = int(value)
    if type(value) is not int:
        raise _wrong(setting, "a whole number")
    low, high = setting.minimum, setting.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise _wrong(setting, f"from {low} to {high}")
    return int(value)


def _read_boolean(setting: Setting, value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if isinstance(value, str):
        value = words.get(value.lower())
    if type(value) is not bool:
        raise _wrong(setting, "true or false")
    return value


def _wrong(setting: Setting, expected: str) -> Problem:
    return invalid("invalid_value", f"{setting.name} must be: {expected}.", setting.name)
