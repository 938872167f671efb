"""Rails as a store's team sees them: what may be set, what is set, how it goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from checkout.core.body import Body
from checkout.core.clock import rfc3339
from checkout.core.config import config
from checkout.core.db import run
from checkout.core.i18n import text_or
from checkout.core.ids import first_id
from checkout.core.scope import Scope
from checkout.merchants.rail_accounts import set_secrets
from checkout.rails.base import Rail, Setting, SettingKind
from checkout.rails.registry import folders, get_rail

DAY_SECONDS = 86_400


class SettingAnswer(BaseModel):
    name: str
    kind: SettingKind
    required: bool
    default: str | int | bool | None
    pattern: str | None
    choices: list[str]
    minimum: int | None
    maximum: int | None
    help: str


class RailHealthAnswer(BaseModel):
    attempts: int = Field(description="Begun in the last 24 hours.")
    succeeded: int = Field(description="Those of them that were paid.")
    failed: int
    transfers: int = Field(description="Notices of money in the last 24 hours.")
    unmatched: int = Field(description="Those of them that settled nothing by themselves.")
    last_transfer_at: str | None = Field(description="Of those in the last 24 hours.")
    notices_refused: int = Field(description="Notices that were not genuine.")
    failures: int = Field(description="Calls without an answer, in a row, until now.")
    resting_until: str | None


class RailAnswer(BaseModel):
    id: str | None = Field(description="The rail account; null where there is none yet.")
    object: Literal["rail"]
    rail: str
    label: str
    currencies: list[str] = Field(description="Empty for every currency.")
    schema_: list[SettingAnswer] = Field(alias="schema", description="What may be set.")
    enabled: bool
    settings: dict[str, Any] = Field(description="What is set; secrets are never shown.")
    secrets_set: list[str] = Field(description="The secret settings that have a value.")
    hook_url: str | None = Field(
        description="What the provider is to be given; null for one that tells nothing by itself."
    )
    health: RailHealthAnswer | None
    created_at: str | None
    livemode: bool


class RailsAnswer(BaseModel):
    object: Literal["list"]
    data: list[RailAnswer]
    has_more: bool
    next_cursor: str | None


class ConfigureRail(Body):
    enabled: bool | None = None
    settings: Annotated[dict[str, str | int | bool | None], Field(max_length=50)] = Field(
        default={}, description="Only what is given changes; null or an empty text takes it away."
    )


class RailTestAnswer(BaseModel):
    id: str
    object: Literal["rail_test"]
    rail: str
    ok: bool
    code: str | None
    message: str
    temporary: bool
    livemode: bool


def show_rails(scope: Scope, rails: Iterable[str]) -> list[dict[str, Any]]:
    """These rails with the store's accounts in this mode and their last 24 hours."""
    accounts = {
        row.rail: row
        for row in run(
            "SELECT id, rail, enabled, settings, sealed, created_at FROM rail_account"
            " WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
            " AND superseded_at IS NULL",
            store_id=scope.store_id,
            livemode=scope.livemode,
        )
    }
    health = _read_health(scope, accounts) if accounts else {}
    return [
        _rail_object(scope, get_rail(name), accounts.get(name), health.get(name)) for name in rails
    ]


def _rail_object(
    scope: Scope, rail: Rail, account: Any | None, health: dict[str, Any] | None
) -> dict[str, Any]:
    outside = rail.name in folders() and rail.hooks
    hook = f"{config().public_url}/hooks/{rail.name}/{account.id}" if account and outside else None
    return {
        "id": account.id if account else None,
        "object": "rail",
        "rail": rail.name,
        "label": text_or(rail.label, "en", rail.label),
        "currencies": list(rail.currencies),
        "schema": [_setting_object(setting) for setting in rail.settings],
        "enabled": bool(account and account.enabled),
        "settings": account.settings if account else {},
        "secrets_set": set_secrets(account) if account else [],
        "hook_url": hook,
        "health": health,
        "created_at": rfc3339(account.created_at) if account else None,
        "livemode": scope.livemode,
    }


def _setting_object(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "kind": setting.kind,
        "required": setting.required,
        "default": setting.default,
        "pattern": setting.pattern,
        "choices": list(setting.choices),
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "help": setting.help,
    }


# Ids grow with time, so that only the newest end of an index is walked. Attempts are reached
# by the sessions of the day before, too: a session lives on.
_HEALTH = (
    (
        "SELECT attempt.rail, count(*) AS attempts,"
        " count(*) FILTER (WHERE attempt.status = 'succeeded') AS succeeded,"
        " count(*) FILTER (WHERE attempt.status = 'failed') AS failed"
        " FROM checkout_session AS session JOIN attempt ON attempt.session_id = session.id"
        " WHERE session.store_id = %(store_id)s AND session.livemode = %(livemode)s"
        " AND session.id >= %(sessions)s AND attempt.id >= %(attempts)s GROUP BY attempt.rail"
    ),
    (
        "SELECT rail, count(*) AS transfers, max(received_at) AS last_transfer_at,"
        " count(*) FILTER (WHERE disposition NOT IN ('matched', 'over', 'partial')) AS unmatched"
        " FROM transfer WHERE store_id = %(store_id)s AND livemode = %(livemode)s"
        " AND id >= %(transfers)s GROUP BY rail"
    ),
    (
        "SELECT substr(actor, 6) AS rail, count(*) AS notices_refused FROM security_event"
        " WHERE store_id = %(store_id)s AND livemode = %(livemode)s AND kind = 'hook_refused'"
        " AND created_at > now() - make_interval(secs => %(seconds)s) GROUP BY actor"
    ),
    (
        "SELECT account.rail, health.failures, health.resting_until FROM rail_account AS account"
        " JOIN rail_health AS health ON health.rail_account_id = account.id"
        " WHERE account.store_id = %(store_id)s AND account.livemode = %(livemode)s"
        " AND account.superseded_at IS NULL"
    ),
)
_NOTHING = {
    "attempts": 0,
    "succeeded": 0,
    "failed": 0,
    "transfers": 0,
    "unmatched": 0,
    "last_transfer_at": None,
    "notices_refused": 0,
    "failures": 0,
    "resting_until": None,
}
TIMES = ("last_transfer_at", "resting_until")


def _read_health(scope: Scope, accounts: Iterable[str]) -> dict[str, dict[str, Any]]:
    health: dict[str, dict[str, Any]] = {rail: dict(_NOTHING) for rail in accounts}
    for statement in _HEALTH:
        for row in run(
            statement,
            store_id=scope.store_id,
            livemode=scope.livemode,
            sessions=first_id("cs", 2 * DAY_SECONDS),
            attempts=first_id("att", DAY_SECONDS),
            transfers=first_id("trf", DAY_SECONDS),
            seconds=DAY_SECONDS,
        ):
            found = row._asdict()
            health.get(found.pop("rail"), {}).update(found)
    for one in health.values():
        one.update({name: rfc3339(one[name]) for name in TIMES})
    return health
