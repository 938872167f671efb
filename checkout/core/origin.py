"""Where a request comes from: pages of this installation, or somebody else's."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import request

from checkout.core.config import config
from checkout.core.errors import forbidden
from checkout.core.refusals import Whose, note_refusal
from checkout.core.web import client_key

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_SHOWN = 200
HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


def refuse_foreign_form(whose: Whose | None = None) -> None:
    """Raise 403 `origin_not_allowed` for a form that another site's page has sent.

    Browsers say where a form comes from; what says nothing is a program, and to those a
    session's id is all the right that is needed.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    own = site in ("same-origin", "none") if site else origin is None or is_own_origin(origin)
    if not own:
        note_foreign("foreign_form", origin or "", whose)
        raise forbidden("origin_not_allowed", "The form was sent from another site.")


def refuse_foreign_socket(whose: Whose | None = None) -> None:
    """Raise 403 `origin_not_allowed` for a socket that another site's page opens."""
    origin = request.headers.get("Origin")
    if origin is not None and not is_own_origin(origin):
        note_foreign("foreign_socket", origin, whose)
        raise forbidden("origin_not_allowed", "The socket was opened by another site.")


def refuse_odd_origin() -> None:
    """Raise 403 `origin_not_allowed` for a socket opened by a page without an address."""
    origin = request.headers.get("Origin")
    if origin is not None and origin_of(origin) is None:
        note_foreign("odd_origin", origin)
        raise forbidden("origin_not_allowed", "The socket was opened by a page without an address.")


def note_foreign(kind: str, origin: str, whose: Whose | None = None) -> None:
    """Keep that a page of another site was refused: once a minute, for each address and path."""
    bucket = f"{client_key()}:{request.path[:MAX_SHOWN]}"
    note_refusal(kind, bucket, whose=whose, origin=origin[:MAX_SHOWN])


def is_own_origin(origin: str) -> bool:
    """Whether an Origin header names this installation: its public or own address, or the
    very host that the request was sent to. Compared by scheme, host and port.
    """
    parts = _parts(origin)
    if parts is None:
        return False
    own = {_parts(config().public_url), _parts(config().self_url)}
    host = {_parts(f"{scheme}://{request.host}") for scheme in DEFAULT_PORTS}
    return parts in own | host


def origin_of(url: str) -> str | None:
    """`https://host[:port]` of an address; None for what is none."""
    parts = _parts(url)
    if parts is None:
        return None
    scheme, host, port = parts
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port == DEFAULT_PORTS[scheme] else f"{scheme}://{name}:{port}"


def host_of_origin(origin: str) -> str | None:
    """`host[:port]` of an https origin; None for any other."""
    known = origin_of(origin)
    return known.removeprefix("https://") if known and known.startswith("https://") else None


def _parts(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = _host(parts.hostname or "")
    if parts.scheme not in DEFAULT_PORTS or host is None:
        return None
    return parts.scheme, host, port or DEFAULT_PORTS[parts.scheme]


def _host(name: str) -> str | None:
    """A host's name as headers carry it; what could end a header's value is no host."""
    try:
        host = name.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return host if HOST.fullmatch(host) else None
