"""A rail's declared settings as a form: what is drawn, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checkout.core.i18n import Translator
from checkout.rails.base import Rail, Setting, SettingKind
from checkout.rails.registry import get_rail

DRAWN = "drawn"
"""Names the boxes that a form has: one that is not ticked sends nothing by itself."""
DROP = "drop_"
MOST_STEPS = 9

Form = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class RailField:
    """One setting as the form draws it."""

    name: str
    kind: SettingKind
    label: str
    help: str
    value: Any
    """What is set, or the default; never a secret."""
    options: Sequence[tuple[str, str]]
    required: bool
    is_set: bool
    """Whether a secret has a value."""


def rail_fields(rail: Rail, shown: Mapping[str, Any], t: Translator) -> list[RailField]:
    """The rail's settings in the merchant's language; `shown` is the rail as the API shows it."""
    return [_field(rail, setting, shown, t) for setting in rail.settings]


def read_rail_form(rail: Rail, form: Form, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the form changes, for `configure_rail`.

    An empty secret keeps what is set. A default that nobody has touched is not written down:
    values that are the same leave the account, and its hook address, as they are.
    """
    changed: dict[str, Any] = {}
    drawn = form.get(DRAWN, ())
    for setting in rail.settings:
        name = setting.name
        if setting.kind == "boolean":
            if name in drawn:
                changed[name] = bool(_last(form, name))
        elif setting.kind == "secret":
            if _last(form, name):
                changed[name] = _last(form, name)
            elif _last(form, DROP + name):
                changed[name] = ""
        elif name in form:
            changed[name] = _last(form, name)
    return {
        name: value for name, value in changed.items() if not _untouched(rail, name, value, before)
    }


def rail_label(rail: str, *, t: Translator) -> str:
    """The rail's name for merchants, who call some of them otherwise than shoppers do."""
    label = get_rail(rail).label
    return t.or_same(f"rails.label.{rail}", t.or_same(label, label))


def rail_steps(rail: str, t: Translator, *, prefix: str) -> list[str]:
    """What to do at the provider, one step after the other; `prefix` is of the store's codes."""
    keys = [f"rails.steps.{rail}.{number}" for number in range(1, MOST_STEPS + 1)]
    return [t(key, prefix=prefix) for key in keys if t.or_same(key, "")]


def _field(rail: Rail, setting: Setting, shown: Mapping[str, Any], t: Translator) -> RailField:
    name = setting.name
    plain = name.replace("_", " ").capitalize()
    secret = setting.kind == "secret"
    value = "" if secret else shown["settings"].get(name, setting.default)
    return RailField(
        name=name,
        kind=setting.kind,
        label=_own(t, "rails.set.", rail.name, name, plain),
        help=_own(t, "rails.help.", rail.name, name, setting.help),
        value="" if value is None else value,
        options=[
            (choice, t.or_same(f"rails.choice.{name}.{choice}", choice))
            for choice in setting.choices
        ],
        required=setting.required,
        is_set=secret and name in shown["secrets_set"],
    )


def _own(t: Translator, beginning: str, rail: str, name: str, otherwise: str) -> str:
    """The rail's own text for a setting, or what several rails share, or the declaration's."""
    shared = t.or_same(f"{beginning}{name}", otherwise)
    return t.or_same(f"{beginning}{rail}.{name}", shared)


def _untouched(rail: Rail, name: str, value: Any, before: Mapping[str, Any]) -> bool:
    setting = next(found for found in rail.settings if found.name == name)
    if name in before or setting.kind == "secret":
        return False
    default = setting.default
    if setting.kind == "boolean":
        return bool(value) == bool(default)
    return bool(value == ("" if default is None else str(default)))


def _last(form: Form, name: str) -> str:
    values = form.get(name, ())
    return values[-1].strip() if values else ""
