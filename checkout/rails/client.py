"""The outgoing client that rails are handed."""

from __future__ import annotations

import time
from collections.abc import Mapping

from checkout.core.config import config
from checkout.core.http import OutsideError, send
from checkout.rails.base import HttpAnswer, HttpClient, RailError

TOTAL_SECONDS = 11.5
"""All calls of one verb together: whoever waits hears within twelve seconds."""
MAX_BYTES = 524_288
"""A page of a bank's list is longer than any other answer that is read."""


def rail_client(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_seconds: float = 12.0,
) -> HttpAnswer:
    """Call a provider. A merchant may have set its address, so that is vetted like every URL of a
    merchant's; only the pretend providers are inside.

    A connection serves one call: a request that may move money is never sent again by
    itself. Raises a temporary RailError `provider_timeout` or `provider_unavailable` when
    there was no answer, or one longer than 512 KiB.
    """
    pretended = url.startswith(f"{config().self_url}/fake/")
    try:
        answer = send(
            method,
            url,
            headers=headers or {},
            body=body,
            timeout_seconds=timeout_seconds,
            vet=not pretended,
            private_targets=config().private_targets,
            max_bytes=MAX_BYTES,
        )
    except OutsideError as error:
        code = "provider_timeout" if error.kind == "timeout" else "provider_unavailable"
        raise RailError(code, error.message, temporary=True) from error
    if not answer.complete:
        raise RailError("provider_unavailable", "The provider's answer is too long", temporary=True)
    return HttpAnswer(status=answer.status, headers=answer.headers, body=answer.body)


def bounded_client(total_seconds: float = TOTAL_SECONDS) -> HttpClient:
    """A client for one verb, whose calls share one deadline however many they are."""
    ends_at = time.monotonic() + total_seconds

    def call(
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_seconds: float = 12.0,
    ) -> HttpAnswer:
        left = ends_at - time.monotonic()
        if left <= 0:
            raise RailError("provider_timeout", "The provider took too long", temporary=True)
        return rail_client(
            method, url, headers=headers, body=body, timeout_seconds=min(timeout_seconds, left)
        )

    return call
