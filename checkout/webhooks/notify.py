"""Telling a store's owners what happened to an endpoint."""

from __future__ import annotations

from typing import Any

from checkout.core.i18n import text
from checkout.core.ids import new_id
from checkout.core.mail import queue_mail
from checkout.merchants.readers import find_readers


def tell_owner(endpoint: Any, reason: str) -> None:
    """Write to whoever reads the store's mails that an endpoint was disabled."""
    for reader in find_readers(endpoint.store_id):
        _write(endpoint, reason, reader)


def _write(endpoint: Any, reason: str, reader: Any) -> None:
    values = {"store": reader.store, "url": endpoint.url}
    queue_mail(
        purpose="endpoint_disabled",
        # An endpoint may be disabled again another day, and then that is news again.
        subject_id=f"{endpoint.id}:{new_id('we')}",
        store_id=endpoint.store_id,
        livemode=endpoint.livemode,
        recipient=reader.email,
        subject=text("mail.endpoint_disabled.subject", reader.locale, **values),
        text_body=text(f"mail.endpoint_disabled.{reason}", reader.locale, **values),
        html_body="",
        locale=reader.locale,
    )
