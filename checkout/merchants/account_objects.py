"""Merchants and sign-ins as the API shows them."""

from __future__ import annotations

from typing import Any

from checkout.core.clock import rfc3339
from checkout.merchants.access import UserAccess
from checkout.merchants.two_factor import count_recovery_codes


def show_user(row: Any) -> dict[str, Any]:
    """A merchant, for the merchant."""
    enabled = row.totp_confirmed_at is not None
    return {
        "id": row.id,
        "object": "user",
        "email": row.email,
        "name": row.name,
        "locale": row.locale,
        "two_factor": {
            "enabled": enabled,
            "recovery_codes_left": count_recovery_codes(row.id) if enabled else 0,
        },
        "created_at": rfc3339(row.created_at),
    }


def show_sign_in(row: Any, access: UserAccess) -> dict[str, Any]:
    """One sign-in, for the merchant who is signed in by `access`."""
    return {
        "id": row.id,
        "object": "sign_in",
        "kind": row.kind,
        "user_agent": row.user_agent,
        "address": row.address,
        "current": row.id == access.sign_in_id,
        "created_at": rfc3339(row.created_at),
        "last_used_at": rfc3339(row.last_used_at),
        "expires_at": rfc3339(row.expires_at),
        "ended_at": rfc3339(row.revoked_at),
    }
