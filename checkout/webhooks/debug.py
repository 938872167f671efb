"""Why a webhook's signature does not verify: what differs from what was signed, and what to do.

A receiver's secret, headers and body are tried with one part after another exchanged for what
it may have been; the fewest exchanges after which a signature fits are the mistakes. Nothing
of it is stored, logged or shown again.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from checkout.core.clock import utc_now
from checkout.core.crypto import SealBroken, same, unseal
from checkout.core.db import one, run
from checkout.core.ids import is_id
from checkout.core.scope import Scope
from checkout.webhooks.debug_body import read_body_id, tell_body_difference, undo_changes
from checkout.webhooks.debug_headers import (
    HEADER,
    Scheme,
    Signed,
    read_headers,
    read_signatures,
    shown_name,
)
from checkout.webhooks.sign import secret_bytes

TOLERANCE_SECONDS = 300
HASHED_MOST_BYTES = 64_000_000
"""What is tried in search of a cause, so that a long body does not hold a process up."""
HOLDERS_MOST = 200

Level = Literal["ok", "warn", "bad"]
State = Literal["valid", "invalid", "missing"]

HELP = {
    "fine": "compare",
    "secret_missing": "find_secret",
    "secret_api_key": "find_secret",
    "secret_malformed": "find_secret",
    "secret_quoted": "trim_secret",
    "secret_old": "take_new_secret",
    "secret_new": "keep_both",
    "secret_other_endpoint": "take_right_secret",
    "secret_other_mode": "take_right_secret",
    "secret_unknown": "rotate",
    "headers_unreadable": "paste_headers",
    "header_missing": "pass_headers",
    "id_changed": "pass_headers",
    "timestamp_malformed": "pass_headers",
    "timestamp_milliseconds": "seconds",
    "timestamp_changed": "pass_headers",
    "timestamp_old": "clock",
    "timestamp_future": "clock",
    "scheme_wrong": "read_scheme",
    "signature_malformed": "pass_headers",
    "body_missing": "raw_body",
    "body_newline": "raw_body",
    "body_spaces": "raw_body",
    "body_bom": "raw_body",
    "body_wrapped": "raw_body",
    "body_quoted": "raw_body",
    "body_escaped": "raw_body",
    "body_encoding": "utf8",
    "body_reserialised": "raw_body",
    "body_cut": "limit",
    "body_other_event": "same_request",
    "body_changed": "raw_body",
    "nothing_fits": "test_event",
}
"""Every mistake, and the advice that goes with it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about the request, in the words of `debug.is.<code>`."""

    code: str
    level: Level = "bad"
    values: dict[str, str] = field(default_factory=dict)

    @property
    def advice(self) -> str:
        return HELP[self.code]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How each of the two signatures fares, and why."""

    states: dict[str, State]
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Holder:
    """An endpoint of the store with the secrets that it has and had."""

    url: str
    livemode: bool
    current: str
    old: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that may have signed: the pasted one, or one of an endpoint."""

    raw: bytes
    code: str = ""
    holder: Holder | None = None
    old: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """What had to be exchanged until a signature fitted."""

    key: Key
    id: str
    stamp: str
    body: str
    """What became of the body; empty where it is as it was sent."""


def debug_signature(scope: Scope, secret: str, headers: str, body: bytes) -> Verdict:
    """Say which part of a received request differs from what this store signed."""
    sent = _load_sent(scope, read_headers(headers), body)
    return find_mistakes(secret, headers, body, load_holders(scope), sent, utc_now())


def _load_sent(scope: Scope, given: dict[str, str], body: bytes) -> bytes | None:
    """The event that headers or body name, as it was sent; None where it is not this store's."""
    names = (given.get("webhook-id"), given.get("x-webhook-id"), read_body_id(body))
    for name in names:
        if is_id("evt", name):
            row = one(
                "SELECT body FROM outbox WHERE id = %(id)s AND store_id = %(store_id)s",
                id=name,
                store_id=scope.store_id,
            )
            if row is not None:
                return str(row.body).encode()
    return None


def find_mistakes(
    secret: str,
    headers: str,
    body: bytes,
    holders: Sequence[Holder],
    sent: bytes | None,
    now: datetime,
) -> Verdict:
    """The same, with all that is known; `sent` is the event's body where it is this store's."""
    given = read_headers(headers)
    findings = [Finding(code) for code in _check_texts(secret, given, body)]
    own_id = read_body_id(body)
    schemes: tuple[Scheme, ...] = ("standard", "plain")
    signatures = [read_signatures(given, scheme, own_id) for scheme in schemes]
    findings += [
        Finding(code, values=values) for signed in signatures for code, values in signed.wrong
    ]
    findings += _check_stamp(given.get("webhook-timestamp"), now)
    keys = _list_keys(secret, holders)
    bodies = _list_bodies(body, sent)
    states: dict[str, State] = {}
    for signed in signatures:
        fit = _search(signed, keys, bodies) if signed.macs and body else None
        states[signed.scheme] = _state_of(signed, fit)
        findings += _explain(fit, secret, holders, sent, body)
        if signed.macs and body and fit is None:
            name = shown_name(HEADER[signed.scheme])
            findings += [*_explain_body(body, sent), Finding("nothing_fits", values={"name": name})]
    if not any(signed.macs for signed in signatures):
        findings += _explain_body(body, sent)
    findings = _once(findings)
    if "valid" in states.values() and not any(found.level == "bad" for found in findings):
        findings.insert(0, Finding("fine", "ok"))
    return Verdict(states, findings)


def load_holders(scope: Scope) -> list[Holder]:
    """The store's endpoints of both modes, removed ones too, with their secrets unsealed."""
    rows = run(
        "SELECT id, url, livemode, secret, old_secret FROM endpoint"
        " WHERE store_id = %(store_id)s ORDER BY id DESC LIMIT %(most)s",
        store_id=scope.store_id,
        most=HOLDERS_MOST,
    )
    return [holder for row in rows if (holder := _unseal(row)) is not None]


def _unseal(row: Any) -> Holder | None:
    try:
        current = unseal(row.secret, row=row.id, column="endpoint.secret").decode()
        old = None
        if row.old_secret is not None:
            old = unseal(row.old_secret, row=row.id, column="endpoint.old_secret").decode()
    except SealBroken:
        return None
    return Holder(row.url, row.livemode, current, old)


def _check_texts(secret: str, given: dict[str, str], body: bytes) -> Iterator[str]:
    """What can be seen without any signature."""
    if not secret.strip():
        yield "secret_missing"
    elif secret.strip().startswith(("sk_", "pk_", "at_")):
        yield "secret_api_key"
    elif _key_of(_trimmed(secret)) is None:
        yield "secret_malformed"
    if not given:
        yield "headers_unreadable"
    if not body:
        yield "body_missing"


def _check_stamp(stamp: str | None, now: datetime) -> list[Finding]:
    if stamp is None:
        return []
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 16):
        return [Finding("timestamp_malformed")]
    if len(stamp) >= 13:
        return [Finding("timestamp_milliseconds")]
    late = int(now.timestamp()) - int(stamp)
    if abs(late) <= TOLERANCE_SECONDS:
        return []
    code = "timestamp_old" if late > 0 else "timestamp_future"
    return [Finding(code, "warn", {"minutes": str(round(abs(late) / 60))})]


# The search


def _list_keys(secret: str, holders: Sequence[Holder]) -> list[Key]:
    """The pasted secret first; then every other that may have signed."""
    keys = []
    plain = _key_of(secret.strip())
    trimmed = _key_of(_trimmed(secret))
    if plain is not None:
        keys.append(Key(plain))
    elif trimmed is not None:
        keys.append(Key(trimmed, "secret_quoted"))
    for holder in holders:
        for text, old in ((holder.current, False), (holder.old, True)):
            raw = _key_of(text or "")
            if raw is not None and all(not same(raw, key.raw) for key in keys):
                keys.append(Key(raw, "secret", holder, old))
    return keys


def _key_of(secret: str) -> bytes | None:
    try:
        return secret_bytes(secret) or None
    except ValueError:
        return None


def _trimmed(secret: str) -> str:
    return secret.strip().strip("\"'`").strip()


def _list_bodies(body: bytes, sent: bytes | None) -> list[tuple[str, bytes]]:
    found = [("", body), *undo_changes(body)]
    if sent is not None and all(sent != other for _, other in found):
        found.append((tell_body_difference(body, sent)[0], sent))
    return found


def _search(signed: Signed, keys: Sequence[Key], bodies: Sequence[tuple[str, bytes]]) -> Fit | None:
    """The fewest exchanges after which one of the signatures fits."""
    choices = itertools.product(
        enumerate(keys), enumerate(signed.ids), enumerate(signed.stamps), enumerate(bodies)
    )
    hashed = 0
    for (_, key), (own_id, name), (own_stamp, stamp), (_, body) in sorted(choices, key=_exchanges):
        hashed += len(body[1])
        if hashed > HASHED_MOST_BYTES:
            return None
        mac = hmac.digest(key.raw, signed.prefix(name, stamp) + body[1], hashlib.sha256)
        if any(same(mac, known) for known in signed.macs):
            # What did not come at all is told of as a missing header.
            other_id = name if own_id and signed.ids[0] else ""
            return Fit(key, other_id, _stamp_code(signed, stamp) if own_stamp else "", body[0])
    return None


def _exchanges(choice: tuple[tuple[int, Any], ...]) -> int:
    """How many parts are not as they came; the order among equals stays."""
    (key_number, key), *others = choice
    return (bool(key.holder) if key_number else 0) + sum(bool(number) for number, _ in others)


def _stamp_code(signed: Signed, stamp: str) -> str:
    given = signed.stamps[0]
    if not given:
        return ""
    return "timestamp_milliseconds" if given[: len(stamp)] == stamp else "timestamp_changed"


# Words for what was found


def _state_of(signed: Signed, fit: Fit | None) -> State:
    if not signed.present:
        return "missing"
    exact = fit is not None and not (fit.key.code or fit.id or fit.stamp or fit.body)
    return "valid" if exact and not signed.wrong else "invalid"


def _explain(
    fit: Fit | None, secret: str, holders: Sequence[Holder], sent: bytes | None, body: bytes
) -> list[Finding]:
    if fit is None:
        return []
    found = []
    if fit.id:
        found.append(Finding("id_changed", values={"id": fit.id}))
    if fit.stamp:
        found.append(Finding(fit.stamp))
    if fit.body:
        values = tell_body_difference(body, sent)[1] if sent is not None else {}
        found.append(Finding(fit.body, values=values))
    if fit.key.holder is not None:
        found.append(_explain_key(fit.key, _trimmed(secret), holders))
    elif fit.key.code:
        found.append(Finding(fit.key.code))
    return found


def _explain_key(key: Key, secret: str, holders: Sequence[Holder]) -> Finding:
    """Whose the right secret is, and whose the pasted one."""
    right = key.holder
    assert right is not None  # noqa: S101 - the pasted secret is explained by its own code
    if _holds(right, secret):
        return Finding("secret_new" if key.old else "secret_old", values={"right": right.url})
    owner = next((holder for holder in holders if _holds(holder, secret)), None)
    if owner is None:
        return Finding("secret_unknown", values={"right": right.url})
    code = "secret_other_endpoint" if owner.livemode == right.livemode else "secret_other_mode"
    return Finding(code, values={"right": right.url, "yours": owner.url})


def _holds(holder: Holder, secret: str) -> bool:
    raw = _key_of(secret)
    known = (_key_of(holder.current), _key_of(holder.old or ""))
    return raw is not None and any(found is not None and same(raw, found) for found in known)


def _explain_body(body: bytes, sent: bytes | None) -> list[Finding]:
    """No signature tells of it: what can be said of the body alone."""
    if sent is None or not body or sent == body:
        return []
    code, values = tell_body_difference(body, sent)
    return [Finding(code, values=values)]


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Both signatures tell of the same mistake."""
    seen: dict[tuple[str, str], Finding] = {}
    for found in findings:
        seen.setdefault((found.code, found.values.get("name", "")), found)
    return list(seen.values())
