"""What is tidied up in the background."""

from __future__ import annotations

from checkout.core.idempotency import purge_keys
from checkout.core.jobs import periodic


@periodic("purge_idempotency_keys", every_seconds=600.0)
def purge_idempotency_keys() -> object:
    """Forget keys that are older than their 24 hours."""
    return purge_keys()
