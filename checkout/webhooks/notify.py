"""Telling a store's owners what happened to an endpoint."""

from __future__ import annotations

from typing import Any

from checkout.core.db import run
from checkout.core.i18n import DEFAULT_LOCALE, LOCALES, text
from checkout.core.ids import new_id
from checkout.core.mail import queue_mail


def tell_owner(endpoint: Any, reason: str) -> None:
    """Write to the store's contact address, or else to its owners, that one was disabled."""
    readers = run(_READERS, id=endpoint.store_id)
    # A contact address is the choice of who reads such mail.
    chosen = [reader for reader in readers if reader.contact] or readers
    for reader in chosen:
        _write(endpoint, reason, reader)


_READERS = """
SELECT name, settings ->> 'contact_email' AS email, settings ->> 'locale' AS locale,
    true AS contact
FROM store WHERE id = %(id)s AND settings ->> 'contact_email' <> ''
UNION ALL
SELECT store.name, app_user.email, app_user.locale, false
FROM store JOIN membership ON membership.store_id = store.id AND membership.role = 'owner'
JOIN app_user ON app_user.id = membership.user_id AND app_user.deleted_at IS NULL
WHERE store.id = %(id)s
ORDER BY email
"""


def _write(endpoint: Any, reason: str, reader: Any) -> None:
    locale = reader.locale if reader.locale in LOCALES else DEFAULT_LOCALE
    values = {"store": reader.name, "url": endpoint.url}
    queue_mail(
        purpose="endpoint_disabled",
        # An endpoint may be disabled again another day, and then that is news again.
        subject_id=f"{endpoint.id}:{new_id('we')}",
        store_id=endpoint.store_id,
        livemode=endpoint.livemode,
        recipient=reader.email,
        subject=text("mail.endpoint_disabled.subject", locale, **values),
        text_body=text(f"mail.endpoint_disabled.{reason}", locale, **values),
        html_body="",
        locale=locale,
    )
