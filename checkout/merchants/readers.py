"""Who reads a store's mails: its contact address, or else its owners."""

from __future__ import annotations

from typing import Any

from checkout.core.db import run
from checkout.core.i18n import DEFAULT_LOCALE, LOCALES


def find_readers(store_id: str) -> list[Any]:
    """Rows of `store` (its name), `email` and `locale`; none where the store wants no mails.

    A contact address is read in the store's language, an owner reads in their own.
    """
    rows = run(_READERS, id=store_id, locales=list(LOCALES), otherwise=DEFAULT_LOCALE)
    # A contact address is the choice of who reads such mail.
    return [row for row in rows if row.contact] or rows


_READERS = """
WITH wanted AS (
    SELECT * FROM store
    WHERE id = %(id)s AND coalesce((settings ->> 'notify_by_email')::boolean, true)
), reader AS (
    SELECT name AS store, settings ->> 'contact_email' AS email,
        settings ->> 'locale' AS spoken, true AS contact
    FROM wanted WHERE settings ->> 'contact_email' <> ''
    UNION ALL
    SELECT wanted.name, app_user.email, app_user.locale, false
    FROM wanted
    JOIN membership ON membership.store_id = wanted.id AND membership.role = 'owner'
    JOIN app_user ON app_user.id = membership.user_id AND app_user.deleted_at IS NULL
)
SELECT store, email, contact,
    CASE WHEN spoken = ANY(%(locales)s) THEN spoken ELSE %(otherwise)s END AS locale
FROM reader ORDER BY email
"""
