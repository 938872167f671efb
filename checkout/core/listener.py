"""One Redis subscription of a process, in a thread of its own, taken up again for ever.

Works with threads and, patched by gevent, with greenlets.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from threading import Event, Thread

from checkout.core.logs import log
from checkout.core.redis import connect

RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0)
LISTEN_SECONDS = 5.0

Hear = Callable[[str, bytes], None]
"""(what follows the prefix in the channel's name, the message)."""


class Listener:
    """Hears every message on channels that begin with a prefix.

    `began` is called whenever listening begins (again): what was said before went unheard.
    """

    def __init__(
        self, redis_url: str, prefix: str, hear: Hear, began: Callable[[], None] | None = None
    ) -> None:
        self.redis_url = redis_url
        self.prefix = prefix
        self.hear = hear
        self.began = began
        self.subscribed = Event()
        self.stopped = False

    def start(self) -> None:
        """Start listening; the thread ends with the process."""
        Thread(target=self._listen_for_ever, name=f"listen:{self.prefix}", daemon=True).start()

    def stop(self) -> None:
        """End the thread soon."""
        self.stopped = True

    def _listen_for_ever(self) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 - only who listens pays for it

        failures = 0
        while not self.stopped:
            try:
                self._listen()
                failures = 0
            except (RedisError, OSError) as error:
                if self.subscribed.is_set():
                    failures = 0
                    log("push_redis_lost", logging.WARNING, error=type(error).__name__)
                self.subscribed.clear()
                time.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    def _listen(self) -> None:
        client = connect(self.redis_url)
        with contextlib.closing(client), client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.psubscribe(f"{self.prefix}*")
            while not self.stopped:
                message = subscription.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    subscription.ping()
                elif message["type"] == "psubscribe":
                    self.subscribed.set()
                    if self.began is not None:
                        self.began()
                elif message["type"] == "pmessage":
                    name = message["channel"].decode()[len(self.prefix) :]
                    self.hear(name, message["data"])
