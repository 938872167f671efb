"""Reading customers."""

from __future__ import annotations

from typing import Any

from checkout.core.clock import rfc3339
from checkout.core.db import one
from checkout.core.errors import missing
from checkout.core.ids import is_id

COLUMNS = "id, store_id, livemode, email, name, phone, reference, metadata, created_at"


def load_customer(
    store_id: str, livemode: bool, customer_id: str, param: str | None = "customer_id"
) -> Any:
    """The customer's row; raises `resource_missing`, also for another store's or mode's.

    A deleted customer is nobody any more.
    """
    row = is_id("cus", customer_id) and one(
        f"SELECT {COLUMNS} FROM customer WHERE id = %(id)s"  # noqa: S608 - a constant
        " AND store_id = %(store_id)s AND livemode = %(livemode)s AND deleted_at IS NULL",
        id=customer_id,
        store_id=store_id,
        livemode=livemode,
    )
    if not row:
        raise missing(param, "customer")
    return row


def find_customer(store_id: str, livemode: bool, word: str) -> Any | None:
    """The customer whom a person names: by id, by the shop's own reference, or by e-mail.

    Of several with one e-mail the one that has no reference, else the oldest.
    """
    return one(
        f"SELECT {COLUMNS} FROM customer WHERE store_id = %(store_id)s AND livemode = %(livemode)s"  # noqa: S608 - a constant
        " AND deleted_at IS NULL"
        " AND (id = %(word)s OR reference = %(word)s OR email = lower(%(word)s))"
        " ORDER BY id = %(word)s DESC, coalesce(reference = %(word)s, false) DESC,"
        " reference IS NOT NULL, id LIMIT 1",
        store_id=store_id,
        livemode=livemode,
        word=word.strip(),
    )


def render_customer(row: Any) -> dict[str, Any]:
    """A customer as the API shows it."""
    return {
        "id": row.id,
        "object": "customer",
        "email": row.email,
        "name": row.name,
        "phone": row.phone,
        "reference": row.reference,
        "metadata": row.metadata,
        "created_at": rfc3339(row.created_at),
        "livemode": row.livemode,
    }
