"""Mails about what needs a person: at most one an hour for a store, and only for something new.

A mail is queued in the transaction that takes the store's news away, so that a crash neither
loses it nor writes it twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import render_template

from checkout.core.config import config
from checkout.core.db import unit_of_work
from checkout.core.i18n import text, text_count
from checkout.core.ids import new_id
from checkout.core.mail import queue_mail
from checkout.core.scope import Scope
from checkout.merchants.news import (
    count_unmatched,
    count_unrenewed,
    forget_told,
    mark_told,
    note_rails,
    take_due,
)
from checkout.merchants.readers import find_readers
from checkout.merchants.stats import read_attention

BATCH = 20


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person: as the overview calls it, how many, and the page."""

    name: str
    count: int
    url: str


def tell_stores() -> int:
    """Write to the stores that have something new to be told; returns to how many."""
    with unit_of_work():
        note_rails()
        forget_told()
    told = 0
    while True:
        with unit_of_work():
            due = take_due(BATCH)
            told += sum(_tell(store_id) for store_id in due)
        if len(due) < BATCH:
            return told


def _tell(store_id: str) -> bool:
    """Whether there was anything left to tell, and anybody to tell it to."""
    needs = find_needs(store_id)
    readers = find_readers(store_id) if needs else []
    for reader in readers:
        _write(store_id, needs, reader)
    if readers:
        mark_told(store_id)
    return bool(readers)


def find_needs(store_id: str) -> list[Need]:
    """What waits in live mode now, the most pressing first."""
    scope = Scope(store_id, livemode=True, key_id="", actor="system", settings=None)
    found = read_attention(scope)
    lines = [
        ("transfers", count_unmatched(store_id), "/transfers"),
        ("rails", len(found["rails_resting"]), "/rails"),
        ("renewals", count_unrenewed(store_id, livemode=True), "/rails"),
        ("endpoints", found["endpoints_disabled"], "/webhooks"),
        (
            "deliveries",
            found["deliveries_exhausted"],
            "/webhooks/deliveries?status=exhausted",
        ),
    ]
    return [Need(name, count, _page(store_id, path)) for name, count, path in lines if count]


def _page(store_id: str, path: str) -> str:
    return f"{config().public_url}/dashboard/{store_id}/live{path}"


def _write(store_id: str, needs: list[Need], reader: Any) -> None:
    locale = reader.locale
    lines = [
        (text_count(f"overview.needs.{need.name}", locale, need.count), need.url) for need in needs
    ]
    intro = text("mail.attention.intro", locale, store=reader.store)
    end, settings = text("mail.attention.end", locale), _page(store_id, "/settings")
    # The first line says it at once, also where only subjects are shown.
    subject = f"{reader.store}: {lines[0][0]}"
    listed = "\n\n".join(f"{line}\n{url}" for line, url in lines)
    queue_mail(
        purpose="attention",
        subject_id=f"{store_id}:{new_id('news')}",
        store_id=store_id,
        livemode=True,
        recipient=reader.email,
        subject=subject,
        text_body=f"{intro}\n\n{listed}\n\n{end}\n{settings}\n",
        html_body=render_template(
            "mail/attention.html",
            locale=locale,
            subject=subject,
            intro=intro,
            lines=lines,
            end=end,
            settings=settings,
        ),
        locale=locale,
    )
