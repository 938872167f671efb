"""Calls to the outside: one deadline for everything, a limit for what is read, safe addresses.

No redirects, no proxies, TLS always verified. Where a URL comes from a merchant its name is
resolved and every address vetted at each connection, and the connection goes to the vetted
address; the name only serves TLS and the Host header.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, RemoteDisconnected
from threading import Lock
from typing import Any, Literal

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from checkout.core.addresses import (
    USUAL_PORTS,
    BadUrl,
    Target,
    is_listed,
    is_public,
    parse_target,
)
from checkout.core.resolve import resolve

MAX_BYTES = 65_536
HEADER_BYTES = 65_536
USER_AGENT = "Checkout/1"
IDLE_SECONDS = 15.0
IDLE_PER_TARGET = 32
IDLE_TOTAL = 256

Kind = Literal[
    "bad_url",
    "port_refused",
    "address_refused",
    "name_not_found",
    "connect_failed",
    "tls_failed",
    "timeout",
    "too_large",
    "broken_answer",
]


class OutsideError(Exception):
    """There was no answer. `kind` is for programs, the message for people, without secrets."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Decompressed; at most `max_bytes`."""
    complete: bool = True
    """False when there was more than `max_bytes`."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request, checked and ready."""

    method: str
    target: Target
    headers: Mapping[str, str]
    body: bytes | None
    vet: bool
    private_targets: tuple[str, ...]
    max_bytes: int
    deadline: float
    """In seconds of the monotonic clock."""


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    timeout_seconds: float,
    vet: bool,
    private_targets: Sequence[str] = (),
    max_bytes: int = MAX_BYTES,
    reuse: bool = False,
) -> HttpAnswer:
    """Send one request; any status is an answer. Raises OutsideError when there was none.

    `vet` refuses unusual ports and every address that is not public and not listed in
    `private_targets`. `reuse` keeps the connection for the next request to the same target,
    and then sends once more when the kept one turns out to be dead: only for requests that
    bear repeating.
    """
    deadline = time.monotonic() + timeout_seconds
    try:
        target = parse_target(url)
    except BadUrl as error:
        raise OutsideError("bad_url", f"The URL cannot be used: {error}") from None
    call = Outgoing(
        method=method,
        target=target,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers},
        body=body,
        vet=vet,
        private_targets=tuple(private_targets),
        max_bytes=max_bytes,
        deadline=deadline,
    )
    kept = _idle.take(call) if reuse else None
    if kept is not None:
        try:
            return _exchange(kept, call, keep=True)
        except _Stale:
            pass  # It died while it was idle; the answer can only come over a new one.
    try:
        return _exchange(_connection(call), call, keep=reuse)
    except _Stale:
        raise OutsideError("broken_answer", "The connection was closed without an answer") from None


class _Stale(Exception):
    """The other side had closed before a single byte of an answer."""


class _TooLarge(Exception):
    """More bytes on the wire than any answer within the limit could take."""


class _Late(Exception):
    """The deadline has passed."""


def _remaining(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise _Late
    return left


class _TimedReader(io.RawIOBase):
    """Reads from a socket with what is left of the time and of the bytes."""

    def __init__(self, owner: _TimedSocket) -> None:
        self._owner = owner
        self._raw = owner.plain.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._owner.plain.settimeout(_remaining(self._owner.deadline))
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            raise _Late from None
        self._owner.bytes_left -= count or 0
        if self._owner.bytes_left < 0:
            raise _TooLarge
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedSocket:
    """What `http.client` needs of a socket, under one deadline.

    A time-out of the socket itself starts anew with every read, so a server that drips
    would never be late.
    """

    def __init__(self, plain: socket.socket) -> None:
        self.plain = plain
        self.deadline = 0.0
        self.bytes_left = 0

    def makefile(self, _mode: str, *_arguments: Any, **_options: Any) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self))

    def sendall(self, data: bytes) -> None:
        self.plain.settimeout(_remaining(self.deadline))
        self.plain.sendall(data)

    def settimeout(self, seconds: float | None) -> None:
        """urllib3 sets its own time-out here; ours is set at every step."""

    def fileno(self) -> int:
        return self.plain.fileno()

    def close(self) -> None:
        self.plain.close()


class _Connection(HTTPConnection):
    """A connection to a vetted address."""

    def __init__(self, call: Outgoing) -> None:
        super().__init__(call.target.host, call.target.port)
        self.call = call
        self.idle_since = 0.0

    def connect(self) -> None:
        call = self.call
        plain = _open_socket(call, _vetted_addresses(call))
        if call.target.scheme == "https":
            plain = _start_tls(plain, call)
        timed = _TimedSocket(plain)
        timed.deadline = call.deadline
        timed.bytes_left = HEADER_BYTES + call.max_bytes
        self.sock = timed


class _TlsConnection(_Connection):
    default_port = 443  # type: ignore[misc]  # typed as an instance variable, used as a class one


def _connection(call: Outgoing) -> _Connection:
    return _TlsConnection(call) if call.target.scheme == "https" else _Connection(call)


def _vetted_addresses(call: Outgoing) -> tuple[str, ...]:
    target = call.target
    try:
        addresses = resolve(target.host, _remaining(call.deadline))
    except TimeoutError:
        raise _Late from None
    except (OSError, UnicodeError):
        raise OutsideError("name_not_found", f"{target.host} has no address") from None
    if not call.vet:
        return addresses
    for address in addresses:
        if is_listed(target, address, call.private_targets):
            continue
        # One bad address condemns the name: mixed answers are how vetting is tricked.
        if not is_public(address):
            raise OutsideError("address_refused", f"{target.host} is not a public address")
        if target.port not in USUAL_PORTS:
            raise OutsideError("port_refused", f"Port {target.port} is not allowed")
    return addresses


def _open_socket(call: Outgoing, addresses: Sequence[str]) -> socket.socket:
    failure: OSError | None = None
    for number, address in enumerate(addresses):
        left = _remaining(call.deadline)
        others = len(addresses) - number - 1
        try:
            # A silent address leaves half of the time to the ones after it.
            plain = socket.create_connection(
                (address, call.target.port), timeout=left / 2 if others else left
            )
        except OSError as error:
            failure = error
            continue
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain
    if isinstance(failure, TimeoutError):
        raise _Late
    reason = failure.strerror if failure and failure.strerror else "no connection"
    raise OutsideError("connect_failed", f"No connection to {call.target.host}: {reason}")


@cache
def tls_context() -> ssl.SSLContext:
    """Verifies certificates and names; loaded once, when the first https call is made."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _start_tls(plain: socket.socket, call: Outgoing) -> socket.socket:
    try:
        plain.settimeout(_remaining(call.deadline))
        return tls_context().wrap_socket(plain, server_hostname=call.target.host)
    except TimeoutError:
        plain.close()
        raise _Late from None
    except (OSError, ValueError) as error:
        plain.close()
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or "refused"
        raise OutsideError("tls_failed", f"No TLS with {call.target.host}: {reason}") from None


def _exchange(connection: _Connection, call: Outgoing, *, keep: bool) -> HttpAnswer:
    """One request and its answer; the connection is kept or closed."""
    kept = False
    try:
        answer, clean = _converse(connection, call)
        if keep and clean:
            _idle.put(connection)
            kept = True
        return answer
    except (_Late, TimeoutError):
        raise OutsideError("timeout", f"No answer from {call.target.host} in time") from None
    except _TooLarge:
        raise OutsideError("too_large", f"{call.target.host} sends too much") from None
    except (OutsideError, _Stale):
        raise
    except (HTTPException, HTTPError, OSError, ValueError) as error:
        raise OutsideError(
            "broken_answer", f"{call.target.host} does not answer properly: {type(error).__name__}"
        ) from None
    finally:
        if not kept:
            connection.close()


def _converse(connection: _Connection, call: Outgoing) -> tuple[HttpAnswer, bool]:
    """The answer, and whether the connection can carry another request."""
    try:
        connection.request(
            call.method,
            call.target.path,
            body=call.body,
            headers=call.headers,
            preload_content=False,
        )
        response = connection.getresponse()
    except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        raise _Stale from None
    body = response.read(call.max_bytes + 1, decode_content=True)
    complete = len(body) <= call.max_bytes
    original = response._original_response  # noqa: SLF001 - only it knows that all was read
    ended = original is None or original.isclosed()
    if not ended:
        response.close()
    answer = HttpAnswer(
        status=response.status,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=body[: call.max_bytes],
        complete=complete,
    )
    return answer, complete and ended and connection.sock is not None


class _Idle:
    """Connections between two requests, the latest used first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lists: dict[object, list[_Connection]] = {}
        self._count = 0

    def take(self, call: Outgoing) -> _Connection | None:
        """A connection that was vetted for the same target under the same rules."""
        while True:
            with self._lock:
                kept = self._lists.get(_kind_of(call))
                if not kept:
                    return None
                connection = kept.pop()
                self._count -= 1
            fresh = time.monotonic() - connection.idle_since < IDLE_SECONDS
            if fresh and connection.is_connected:
                connection.call = call
                timed: Any = connection.sock
                timed.deadline = call.deadline
                timed.bytes_left = HEADER_BYTES + call.max_bytes
                return connection
            connection.close()

    def put(self, connection: _Connection) -> None:
        connection.idle_since = time.monotonic()
        doomed: list[_Connection] = []
        with self._lock:
            if self._count >= IDLE_TOTAL:
                doomed = self._forget_all()
            kept = self._lists.setdefault(_kind_of(connection.call), [])
            if len(kept) >= IDLE_PER_TARGET:
                doomed.append(kept.pop(0))
                self._count -= 1
            kept.append(connection)
            self._count += 1
        for old in doomed:
            old.close()

    def close_all(self) -> None:
        with self._lock:
            doomed = self._forget_all()
        for connection in doomed:
            connection.close()

    def _forget_all(self) -> list[_Connection]:
        everything = [item for kept in self._lists.values() for item in kept]
        self._lists.clear()
        self._count = 0
        return everything


def _kind_of(call: Outgoing) -> object:
    target = call.target
    return (target.scheme, target.host, target.port, call.vet, call.private_targets)


_idle = _Idle()


def close_idle() -> None:
    """Close the connections that are kept for a next request."""
    _idle.close_all()
