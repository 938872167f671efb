"""Why an attempt failed, in the merchant's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout.core.i18n import Translator


def tell_failure(failure: Mapping[str, Any] | None, t: Translator) -> str:
    """Our own words for a code of ours, else the provider's; empty where nothing failed."""
    if not failure:
        return ""
    code = str(failure.get("code") or "")
    return t.or_same(f"why.{code}", str(failure.get("message") or code))
