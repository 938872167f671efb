"""A session's whole story: every record of it as one line in plain words, in order of time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from checkout.core.crypto import SealBroken, unseal
from checkout.core.i18n import Translator
from checkout.core.ids import made_at
from checkout.merchants.trail import name_actor
from checkout.sessions.story_rows import Records
from checkout.sessions.ways import label_of
from checkout.sessions.why import tell_failure

SECRET_WORDS = ("secret", "token", "password", "authorization", "api_key", "apikey")
"""A field whose name holds one of these is not shown, whoever sent it."""
HIDDEN = "•••"
MOST_RAW = 20_000
"""Characters of one raw record."""

ENDED = ("succeeded", "failed", "expired", "superseded", "cancelled")
GOOD = ("matched", "succeeded", "paid", "accepted")
BAD = ("failed", "attempt_failed", "unreadable")
LATE = (
    *("partial", "over", "late", "duplicate", "unknown_code", "wrong_currency", "wrong_account"),
    *("timed_out", "expired_by_merchant", "abandoned", "cancelled", "expired"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    at: datetime
    """By the store's clock."""
    kind: str
    """session, attempt, notice, money, books, event, delivery or audit."""
    words: str
    tone: str = "calm"
    who: str = ""
    raw: str = ""
    """The record itself, to be looked at; without secrets."""
    path: str = ""
    """The page about it, below the store's."""


ORDER = ("notice", "money", "books", "attempt", "session", "event", "delivery", "audit")
"""Of things of one moment: causes before what follows of them."""


def tell_story(records: Records, t: Translator) -> list[Line]:
    """Every line, oldest first."""
    clock = _StoreClock(records)
    lines = [
        *_session_lines(records, t),
        *_attempt_lines(records, t),
        *_notice_lines(records, t, clock),
        *_money_lines(records, t),
        *_book_lines(records, t),
        *_event_lines(records, t),
        *_delivery_lines(records, t, clock),
        *_audit_lines(records, t, clock),
    ]
    return sorted(lines, key=lambda line: (line.at, ORDER.index(line.kind)))


def rail_label(name: str, t: Translator) -> str:
    """What a way to pay is called; one that is gone keeps its bare name."""
    label = label_of(name)
    return t.or_same(label, label)


def _session_lines(records: Records, t: Translator) -> Iterator[Line]:
    for row in records.history:
        yield Line(
            row.at,
            "session",
            t(f"story.session.{row.event}"),
            _tone(row.event),
            _who(row.actor, records, t),
            _raw(
                {
                    "event": row.event,
                    "from": row.from_status,
                    "to": row.to_status,
                    "reason": row.reason,
                    "seq": row.seq,
                }
            ),
        )


def _attempt_lines(records: Records, t: Translator) -> Iterator[Line]:
    for row in records.attempts:
        shown = {
            "number": row.number,
            "rail": rail_label(row.rail, t),
            "code": row.code,
        }
        facts = {
            "id": row.id,
            "rail": row.rail,
            "status": row.status,
            "code": row.code,
            "provider_reference": row.provider_reference,
            "failure": row.failure,
            "expires_at": row.expires_at.isoformat(),
        }
        yield Line(row.created_at, "attempt", t("story.attempt.started", **shown), raw=_raw(facts))
        if row.ended_at is not None and row.status in ENDED:
            words = t(f"story.attempt.{row.status}", **shown)
            why = tell_failure(row.failure, t)
            yield Line(row.ended_at, "attempt", words, _tone(row.status), raw=_raw(facts), who=why)


def _notice_lines(records: Records, t: Translator, clock: _StoreClock) -> Iterator[Line]:
    settled = {row.inbox_id: row.received_at for row in records.transfers if row.inbox_id}
    for row in records.notices:
        moment = settled.get(row.id) or clock.at(row.received_at)
        words = t("story.notice", rail=rail_label(row.rail, t), reference=row.provider_reference)
        yield Line(moment, "notice", words, raw=_opened(row, t))


def _money_lines(records: Records, t: Translator) -> Iterator[Line]:
    for row in records.transfers:
        amount = t.money(row.amount, row.currency) if row.amount is not None else "?"
        facts = {
            "id": row.id,
            "provider_reference": row.provider_reference,
            "memo": row.memo,
            "occurred_at": row.occurred_at.isoformat(),
            "payer": row.payer,
            "details": row.details,
        }
        yield Line(
            row.received_at,
            "money",
            t(f"story.money.{row.disposition}", amount=amount, rail=rail_label(row.rail, t)),
            _tone(row.disposition),
            raw=_raw(facts),
            path=f"/transfers/{row.id}",
        )
        yield from _resolved_lines(row, records, t)


def _resolved_lines(row: Any, records: Records, t: Translator) -> Iterator[Line]:
    """Each decision on held money, the earlier ones too."""
    step = row.resolution
    while step:
        action = str(step.get("action"))
        yield Line(
            datetime.fromisoformat(str(step["at"])),
            "money",
            t.or_same(f"story.resolved.{action}", action),
            "ok",
            _who(str(step.get("by", "")), records, t),
            _raw({name: value for name, value in step.items() if name != "earlier"}),
            f"/transfers/{row.id}",
        )
        step = step.get("earlier")


def _book_lines(records: Records, t: Translator) -> Iterator[Line]:
    journals: dict[str, list[Any]] = {}
    for entry in records.entries:
        journals.setdefault(entry.id, []).append(entry)
    for journal_id, entries in journals.items():
        source = ", ".join(_side(entry, t) for entry in entries if entry.amount < 0)
        target = ", ".join(_side(entry, t) for entry in entries if entry.amount > 0)
        facts = {
            "journal": journal_id,
            "kind": entries[0].kind,
            "entries": [{"account": one.account, "amount": one.amount} for one in entries],
        }
        yield Line(
            entries[0].created_at,
            "books",
            t("story.books", source=source, target=target),
            raw=_raw(facts),
        )


def _side(entry: Any, t: Translator) -> str:
    kind, _, rail = entry.account.partition(":")
    name = t(f"story.account.{kind}", rail=rail_label(rail, t))
    return f"{name} {t.money(abs(entry.amount), entry.currency)}"


def _event_lines(records: Records, t: Translator) -> Iterator[Line]:
    for row in records.events:
        yield Line(
            row.created_at,
            "event",
            t("story.event", type=row.type),
            raw=_pretty(row.body),
            path=f"/webhooks/events/{row.id}",
        )


def _delivery_lines(records: Records, t: Translator, clock: _StoreClock) -> Iterator[Line]:
    for row in records.deliveries:
        host = urlsplit(row.url).netloc
        shown = {"type": row.type, "host": host}
        if row.at is None:
            words, tone = t(f"story.delivery.{row.status}", **shown), "calm"
        elif row.error is None and row.response_status and row.response_status < 300:
            words, tone = t("story.delivery.taken", number=row.number, **shown), "ok"
        else:
            words, tone = t("story.delivery.refused", number=row.number, **shown), "bad"
        facts = {
            "delivery": row.id,
            "url": row.url,
            "status": row.response_status,
            "error": row.error,
            "duration_ms": row.duration_ms,
            "answer": row.response_body,
        }
        moment = clock.at(row.at) if row.at is not None else clock.at(row.created_at)
        yield Line(
            moment, "delivery", words, tone, raw=_raw(facts), path=f"/webhooks/deliveries/{row.id}"
        )


def _audit_lines(records: Records, t: Translator, clock: _StoreClock) -> Iterator[Line]:
    for row in records.audit:
        yield Line(
            clock.at(row.created_at),
            "audit",
            t("story.audit", action=_did(row.action, t)),
            who=_who(row.actor, records, t),
            raw=_raw(row.details),
        )


def _did(action: str, t: Translator) -> str:
    """What was done, as the audit page says it, without the details that follow there."""
    return t.or_same(f"audit.did.{action}", action).rstrip(":៖")


class _StoreClock:
    """Real times as the store's: in test mode its clock may have been moved in between.

    Whatever has a time of the store's and an id, which is made by the real clock, tells how far
    apart the two were at that moment.
    """

    def __init__(self, records: Records) -> None:
        rows = [records.session, *records.attempts, *records.events]
        self.known = sorted(
            (made_at(row.id), row.created_at.timestamp() - made_at(row.id)) for row in rows
        )
        self.live = records.session.livemode

    def at(self, real: datetime) -> datetime:
        """A real time by the store's clock of then."""
        if self.live:
            return real
        ahead = self.known[0][1]
        for made, offset in self.known:
            if made > real.timestamp():
                break
            ahead = offset
        # Less than this is the way between two clocks, not a moved one.
        return real + timedelta(seconds=ahead) if abs(ahead) >= 1 else real


def _who(actor: str, records: Records, t: Translator) -> str:
    kind, _, rest = name_actor(actor).partition(":")
    name = records.names.get(actor, rest)
    if kind in ("user", "key", "rail"):
        shown = rail_label(rest, t) if kind == "rail" else name
        return t(f"story.who.{kind}", name=shown)
    return t.or_same(f"story.who.{kind}", actor)


def _tone(word: str) -> str:
    if word in GOOD:
        return "ok"
    if word in BAD:
        return "bad"
    return "warn" if word in LATE else "calm"


def _opened(row: Any, t: Translator) -> str:
    """A notice as it came; where it does not open, or is no longer kept, what was read of it."""
    if not row.raw:
        return f"{t('story.raw_gone')}\n{_raw(row.notice)}"
    try:
        raw = unseal(row.raw, row=row.id, column="inbox.raw").decode("utf-8", "replace")
    except SealBroken:
        return _raw(row.notice)
    return _pretty(raw) if raw else _raw(row.notice)


def _pretty(text: str) -> str:
    """A text on several lines where it is JSON, or a query; as it is where it is neither."""
    try:
        # Half of a character, which JSON can name, cannot be written on a page.
        return _raw(json.loads(text)).encode("utf-8", "replace").decode()
    except (ValueError, RecursionError):
        pass
    if "=" in text and "\n" not in text and " " not in text:
        return _cut("\n".join(_hide_pair(pair) for pair in text.split("&")))
    return _cut(text)


def _hide_pair(pair: str) -> str:
    name, mark, _ = pair.partition("=")
    return f"{name}{mark}{HIDDEN}" if _is_secret(name) else pair


def _raw(value: Any) -> str:
    return _cut(json.dumps(_without_secrets(value), ensure_ascii=False, indent=2, default=str))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if _is_secret(str(name)) and item else _without_secrets(item)
            for name, item in value.items()
        }
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [_without_secrets(item) for item in value]
    return value


def _is_secret(name: str) -> bool:
    return any(word in name.lower().replace("-", "_") for word in SECRET_WORDS)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_RAW else f"{text[:MOST_RAW]}…"
