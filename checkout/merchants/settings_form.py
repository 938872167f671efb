"""A store's settings as the dashboard's forms take them: people's words into settings' values.

Only what a form has drawn changes. Everything is checked once more by `change_store`, where the
rules stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checkout.core.errors import invalid
from checkout.core.forms import read_form
from checkout.core.money import MAXIMUM, format_money
from checkout.core.typed import read_amount, read_percent
from checkout.merchants.settings import Bounds, StoreSettings
from checkout.merchants.store_objects import UpdateStore

NEEDED = (
    "name",
    "slug",
    "code_prefix",
    "time_zone",
    "duration_minutes",
    "max_attempts",
    "underpayment",
    "late_grace_minutes",
    "notify_by_email",
)
OPTIONAL = ("locale", "contact_email")
HERE = ("VND", "KHR", "USD")
"""The currencies of the region, offered before any other."""
BOUNDS = {"bounds": ("least", "most"), "topup_bounds": ("topup_least", "topup_most")}

Form = Mapping[str, Sequence[str]]


def read_changes(form: Form, current: StoreSettings, locale: str) -> dict[str, Any]:
    """What the form changes; raises a Problem that names the form's field."""
    changes = _read_plain(form)
    changes |= _read_currencies(form)
    if "fee_percent" in form:
        changes["fee_bps"] = _typed(form, "fee_percent", read_percent)
    for setting, (least, most) in BOUNDS.items():
        drawn = [name for name in form if name.startswith((f"{least}_", f"{most}_"))]
        if drawn:
            changes[setting] = _read_bounds(form, getattr(current, setting), least, most, locale)
    return changes


def read_hosts(form: Form) -> dict[str, Any]:
    """Where the store's pages may be: its hosts, and what they may say."""
    lines = [line for text in form.get("allowed_hosts", ()) for line in re.split(r"[\s,]+", text)]
    return {
        "allowed_hosts": list(dict.fromkeys(_host_of(line) for line in lines if line)),
        "browser_amounts": bool(form.get("browser_amounts")),
    }


def shown_currencies(settings: StoreSettings) -> list[str]:
    """The currencies that the form has a line for: the store's own, or those of the region."""
    own = [*(settings.currencies or HERE), *settings.bounds, *settings.topup_bounds]
    return list(dict.fromkeys(own))


def shown_bounds(settings: StoreSettings, locale: str) -> dict[str, str]:
    """The bounds as they stand in the form's fields; nothing where there is none."""
    fields: dict[str, str] = {}
    for setting, (least, most) in BOUNDS.items():
        for currency, bounds in getattr(settings, setting).items():
            if bounds.min > 1:
                fields[f"{least}_{currency}"] = format_money(bounds.min, currency, locale)
            if bounds.max < MAXIMUM:
                fields[f"{most}_{currency}"] = format_money(bounds.max, currency, locale)
    return fields


def _read_plain(form: Form) -> dict[str, Any]:
    """Fields that are settings by name; an emptied one is taken away where it may be."""
    plain = {name: form[name] for name in (*NEEDED, *OPTIONAL) if name in form}
    for name in NEEDED:
        if name in plain and not _last(plain, name):
            raise invalid("missing_required_field", "This is needed.", name)
    given: dict[str, Any] = read_form(UpdateStore, plain).model_dump(
        include=set(plain), exclude_unset=True
    )
    return given | {name: None for name in OPTIONAL if name in plain and not _last(plain, name)}


def _read_currencies(form: Form) -> dict[str, Any]:
    """Boxes for the usual ones, and a line for others; none at all means every one."""
    if "more_currencies" not in form:
        return {}
    boxes = [text.strip() for text in form.get("currencies", ()) if text.strip()]
    more = re.split(r"[\s,;]+", _last(form, "more_currencies").upper())
    return {"currencies": list(dict.fromkeys([*boxes, *filter(None, more)]))}


def _read_bounds(
    form: Form, current: Mapping[str, Bounds], least: str, most: str, locale: str
) -> dict[str, Any]:
    """Least and most per currency. A currency that the form has no line for keeps its own."""
    found = {currency: bounds.model_dump() for currency, bounds in current.items()}
    lines = {name.rpartition("_")[2] for name in form if name.startswith((f"{least}_", f"{most}_"))}
    for currency in sorted(lines):
        low = _amount(form, f"{least}_{currency}", currency, locale) or 1
        high = _amount(form, f"{most}_{currency}", currency, locale) or MAXIMUM
        if low > high:
            raise invalid("invalid_value", "The most is less than the least.", f"{most}_{currency}")
        found.pop(currency, None)
        if (low, high) != (1, MAXIMUM):
            found[currency] = {"min": low, "max": high}
    return found


def _amount(form: Form, name: str, currency: str, locale: str) -> int | None:
    if not _last(form, name):
        return None
    return _typed(form, name, lambda text: read_amount(text, currency, locale))


def _typed(form: Form, name: str, read: Callable[[str], int]) -> int:
    try:
        return read(_last(form, name))
    except (ValueError, KeyError):
        raise invalid("invalid_value", "This cannot be read as a number.", name) from None


def _host_of(line: str) -> str:
    """The host of what was typed: people copy whole addresses."""
    return re.sub(r"^https?://", "", line.strip().lower()).partition("/")[0]


def _last(form: Form, name: str) -> str:
    values = form.get(name, ())
    return values[-1].strip() if values else ""
