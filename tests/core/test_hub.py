"""Open pages: the newest state, quickly, to those who read."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest
from flask import Flask, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed

from checkout.core import hub as hub_module
from checkout.core import push, sockets
from checkout.core.hub import Drawing, Hub, Page, open_hub
from checkout.core.presence import on_screen
from checkout.core.redis import init_redis
from checkout.core.sockets import init_sockets
from tests.support.settings import make_config
from tests.support.sockets import open_socket, threaded_server, wait_for


class Board:
    """What sessions show in this test, and how often it was drawn."""

    def __init__(self) -> None:
        self.shown: dict[str, Drawing] = {}
        self.drawn: list[tuple[str, str]] = []
        self.failures = 0

    def set(self, topic: str, seq: int, html: str) -> None:
        self.shown[topic] = Drawing((seq,), f"{seq}.{html}", html)

    def draw(self, topic: str, variant: str) -> Drawing:
        self.drawn.append((topic, variant))
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the database is away")
        drawing = self.shown[topic]
        return Drawing(drawing.order, drawing.version, f"{drawing.html}:{variant}")


@pytest.fixture
def board() -> Board:
    board = Board()
    board.set("cs_1", 1, "waiting")
    return board


@pytest.fixture
def own_app(redis_server, board) -> Iterator[Flask]:
    """An application with nothing but a hub."""
    settings = make_config(database_url="postgresql://nowhere/none", redis_url=redis_server.url)
    app = Flask("pages")
    app.extensions["checkout_config"] = settings
    init_redis(app, settings)
    init_sockets(app)
    own = Sock(app)

    @own.route("/live/<topic>")
    def follow(socket, topic):
        open_hub(app, board.draw).serve(
            socket,
            topic=topic,
            variant=request.args.get("lang", "vi"),
            address=request.args.get("address", "127.0.0.1"),
            seen=request.args.get("seen", ""),
        )

    yield app
    if "checkout_hub" in app.extensions:
        app.extensions["checkout_hub"].stop()


@pytest.fixture
def server(own_app, board) -> Iterator[str]:
    # Listening from the start, so that no page is drawn a second time when it begins.
    assert open_hub(own_app, board.draw).subscribed.wait(10)
    with threaded_server(own_app) as address:
        yield address


def hub_of(app: Flask) -> Hub:
    return app.extensions["checkout_hub"]


def announce(app: Flask, *topics: str) -> None:
    with app.app_context():
        push.announce(topics)


def test_a_page_gets_its_state_at_once(server):
    with open_socket(server, "/live/cs_1?lang=km") as page:
        assert page.receive(5) == "waiting:km"


def test_open_pages_are_known_to_be_on_a_screen(own_app, board, monkeypatch):
    monkeypatch.setattr(hub_module, "SHOW_SECONDS", 0.05)
    with threaded_server(own_app) as address, open_socket(address, "/live/cs_1") as page:
        assert page.receive(5) == "waiting:vi"
        with own_app.app_context():
            wait_for(lambda: on_screen(["cs_1", "cs_2"]) == {"cs_1"})


def test_a_page_that_shows_it_already_is_sent_the_next_state_only(own_app, server, board):
    with open_socket(server, "/live/cs_1?seen=1.waiting") as page:
        wait_for(lambda: board.drawn)
        board.set("cs_1", 2, "paid")
        announce(own_app, "cs_1")
        assert page.receive(5) == "paid:vi"


def test_a_change_reaches_every_page_of_the_session_in_its_language(own_app, server, board):
    with (
        open_socket(server, "/live/cs_1?lang=vi") as one,
        open_socket(server, "/live/cs_1?lang=vi") as two,
        open_socket(server, "/live/cs_1?lang=en") as three,
    ):
        assert [page.receive(5) for page in (one, two, three)]
        board.drawn.clear()
        board.set("cs_1", 2, "paid")
        announce(own_app, "cs_1")
        got = [page.receive(5) for page in (one, two, three)]
        assert got == ["paid:vi", "paid:vi", "paid:en"]
        # One drawing a language, however many look at it.
        assert sorted(board.drawn) == [("cs_1", "en"), ("cs_1", "vi")]


def test_other_sessions_hear_nothing(own_app, server, board):
    board.set("cs_2", 1, "other")
    with open_socket(server, "/live/cs_2") as page:
        page.receive(5)
        board.set("cs_1", 2, "paid")
        announce(own_app, "cs_1")
        assert page.receive(0.3) is None


def test_another_process_is_heard_over_redis(own_app, server, board, redis_server):
    settings = make_config(database_url="postgresql://nowhere/none", redis_url=redis_server.url)
    other = Flask("another process")
    other.extensions["checkout_config"] = settings
    init_redis(other, settings)
    with open_socket(server, "/live/cs_1") as page:
        page.receive(5)
        assert hub_of(own_app).subscribed.wait(5)
        board.set("cs_1", 2, "paid")
        announce(other, "cs_1")
        assert page.receive(5) == "paid:vi"


def test_an_older_state_never_replaces_a_newer(own_app, server, board):
    with open_socket(server, "/live/cs_1") as page:
        page.receive(5)
        board.set("cs_1", 5, "paid")
        announce(own_app, "cs_1")
        assert page.receive(5) == "paid:vi"
        board.set("cs_1", 4, "waiting")
        announce(own_app, "cs_1")
        assert page.receive(0.3) is None


def test_only_the_newest_waits():
    class Wake:
        def set(self) -> None:
            pass

    page = Page("cs_1", "vi", Wake())
    for seq in range(1, 1000):
        page.offer(Drawing((seq,), str(seq), "x" * 1000))
    page.offer(Drawing((3,), "3", "old"))
    page.offer(Drawing((998, 7), "998", "old"))
    assert page.take().order == (999,)
    assert page.take() is None


def test_a_failed_drawing_is_tried_again(own_app, server, board, monkeypatch):
    monkeypatch.setattr(hub_module, "REDRAW_SECONDS", 0.05)
    with open_socket(server, "/live/cs_1") as page:
        page.receive(5)
        board.set("cs_1", 2, "paid")
        board.failures = 3
        announce(own_app, "cs_1")
        assert page.receive(5) == "paid:vi"


def test_an_idle_page_hears_that_the_socket_lives(server, monkeypatch):
    monkeypatch.setattr(hub_module, "ALIVE_SECONDS", 0.1)
    with open_socket(server, "/live/cs_1") as page:
        assert page.receive(5) == "waiting:vi"
        # Data without content: htmx swaps nothing.
        assert json.loads(page.receive(5)) == {}


def test_a_page_that_is_closed_is_forgotten(own_app, server):
    with open_socket(server, "/live/cs_1") as page:
        page.receive(5)
        assert hub_of(own_app).count() == 1
    wait_for(lambda: hub_of(own_app).count() == 0)
    assert hub_of(own_app).pages == {}


def test_on_a_stop_pages_are_told_to_come_back(own_app, server):
    with open_socket(server, "/live/cs_1") as page:
        page.receive(5)
        push.close_all()
        with pytest.raises(ConnectionClosed) as closed:
            page.receive(5)
        assert closed.value.reason == 1012
    wait_for(lambda: hub_of(own_app).count() == 0)


def talk_for_ever(page) -> None:
    for _ in range(2000):
        page.send("hello")
        time.sleep(0.001)


def test_a_page_that_talks_too_much_is_dropped(own_app, server):
    with open_socket(server, "/live/cs_1") as page:
        page.receive(5)
        with pytest.raises((ConnectionClosed, OSError)):
            talk_for_ever(page)
    wait_for(lambda: hub_of(own_app).count() == 0)


def test_a_large_message_closes_the_socket(server):
    with open_socket(server, "/live/cs_1") as page:
        page.receive(5)
        page.send("x" * 5000)
        with pytest.raises(ConnectionClosed) as closed:
            page.receive(5)
        assert closed.value.reason == 1009


def test_who_does_not_read_is_dropped_and_holds_up_nobody(own_app, server, board, monkeypatch):
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.5)
    host, port = server.split(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((host, int(port)))
        deaf.sendall(
            b"GET /live/cs_1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        wait_for(lambda: "checkout_hub" in own_app.extensions and hub_of(own_app).count() == 1)
        with open_socket(server, "/live/cs_1") as reader:
            reader.receive(5)
            for seq in range(2, 12):
                board.set("cs_1", seq, f"{seq}" + "x" * 2_000_000)
                announce(own_app, "cs_1")
                assert reader.receive(5).startswith(str(seq))
            wait_for(lambda: hub_of(own_app).count() == 1, seconds=10)


def test_redis_may_go_and_come_back(run_stack, board):
    """Pages are right again by themselves once Redis is back; nobody is disconnected."""
    redis = run_stack.start_redis("hub")
    settings = make_config(database_url="postgresql://nowhere/none", redis_url=redis.url)
    app = Flask("pages")
    app.extensions["checkout_config"] = settings
    init_redis(app, settings)
    init_sockets(app)
    own = Sock(app)

    @own.route("/live/<topic>")
    def follow(socket, topic):
        open_hub(app, board.draw).serve(
            socket, topic=topic, variant="vi", address="127.0.0.1", seen=""
        )

    with threaded_server(app) as address, open_socket(address, "/live/cs_1") as page:
        page.receive(5)
        assert hub_of(app).subscribed.wait(5)
        redis.stop()
        wait_for(lambda: not hub_of(app).subscribed.is_set(), seconds=10)
        # Announced while nobody could hear it: no error, and no message either.
        board.set("cs_1", 2, "paid")
        redis.start()
        assert page.receive(10) == "paid:vi"
        redis.stop()
        # With Redis away, the pages of this process still hear of it.
        board.set("cs_1", 3, "refunded")
        announce(app, "cs_1")
        assert page.receive(5) == "refunded:vi"
        hub_of(app).stop()
