"""Names to addresses, in time: the system's resolver has no deadline of its own."""

from __future__ import annotations

import socket
from concurrent.futures import Future
from threading import Lock, Thread

from checkout.core.addresses import literal_address

_asking: dict[str, Future[tuple[str, ...]]] = {}
_lock = Lock()


def resolve(host: str, timeout_seconds: float) -> tuple[str, ...]:
    """Every address of a host. Raises OSError when there is none, TimeoutError when late.

    Callers that ask for the same name at the same time share one question, so a name whose
    servers are silent keeps one thread waiting and not all of them.
    """
    literal = literal_address(host)
    if literal is not None:
        return (literal,)
    with _lock:
        answer = _asking.get(host)
        if answer is None:
            answer = _asking[host] = Future()
            Thread(target=_ask, args=(host, answer), name="resolve", daemon=True).start()
    return answer.result(timeout_seconds)


def _ask(host: str, answer: Future[tuple[str, ...]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        answer.set_result(tuple(dict.fromkeys(str(item[4][0]) for item in found)))
    except BaseException as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
        answer.set_exception(error)
    finally:
        with _lock:
            _asking.pop(host, None)
