"""Telling a store's owner what happened to an endpoint."""

from __future__ import annotations

from typing import Any

from checkout.core.db import one
from checkout.core.i18n import DEFAULT_LOCALE, LOCALES, text
from checkout.core.ids import new_id
from checkout.core.mail import queue_mail


def tell_owner(endpoint: Any, reason: str) -> None:
    """Write to the store's contact address, where it has one, that an endpoint was disabled."""
    store = one(
        "SELECT name, settings ->> 'contact_email' AS email, settings ->> 'locale' AS locale"
        " FROM store WHERE id = %(id)s",
        id=endpoint.store_id,
    )
    if store is None or not store.email:
        return
    locale = store.locale if store.locale in LOCALES else DEFAULT_LOCALE
    values = {"store": store.name, "url": endpoint.url}
    queue_mail(
        purpose="endpoint_disabled",
        # An endpoint may be disabled again another day, and then that is news again.
        subject_id=f"{endpoint.id}:{new_id('we')}",
        store_id=endpoint.store_id,
        livemode=endpoint.livemode,
        recipient=store.email,
        subject=text("mail.endpoint_disabled.subject", locale, **values),
        text_body=text(f"mail.endpoint_disabled.{reason}", locale, **values),
        html_body="",
        locale=locale,
    )
