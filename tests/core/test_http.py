"""The outgoing client against servers that mean no good, all on this machine."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from checkout.core import http, resolve
from checkout.core.addresses import BadUrl, is_listed, is_public, literal_address, parse_target
from checkout.core.http import OutsideError, send
from tests.support.receiver import Reply, receiving

LOOPBACK = ("127.0.0.0/8", "localhost")

REFUSED_TEXT = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.171 192.0.2.5 192.31.196.1 192.52.193.1 192.88.99.1
192.168.1.1 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:a00:1 ::8.8.8.8 ::7f00:1 64:ff9b::a00:1
64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1
2001:10::1 2001:20::1 2001:db8::1 2002:a00:1:: 2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1
fd12:3456::1 fe80::1 fe80::1%lo fec0::1 ff02::1 2620:4f:8000::1 2606:4700::1111%eth0
not-an-address 1.2.3 8.8.8.8.8 0x7f000001
"""
PUBLIC_TEXT = """
1.1.1.1 8.8.8.8 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.1.1
172.15.255.255 172.32.0.1 192.0.1.1 192.167.1.1 198.17.255.255 198.20.0.1 223.255.255.254
2606:4700:4700::1111 2001:4860:4860::8888 2a00:1450::1 2400:cb00::1
"""


@pytest.mark.parametrize("address", REFUSED_TEXT.split())
def test_addresses_that_are_not_plain_public_unicast(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC_TEXT.split())
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://１２７.０.０.１/",
        "http://10.0.0.1:8080/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
def test_no_spelling_reaches_inside(url):
    with pytest.raises(OutsideError) as caught:
        send("GET", url, headers={}, timeout_seconds=5, vet=True)
    assert caught.value.kind in ("address_refused", "bad_url")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "file:///etc/passwd",
        "//shop.example/",
        "https://user@shop.example/",
        "https://user:pw@shop.example/",
        "https://shop.example\\@10.0.0.1/",
        "https://shop.example/\r\nX: y",
        "https://shop.example/ x",
        "https://:443/",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://shop.example:８０/",
        "https://[fe80::1%25eth0]/",
        "https://[1.2.3.4]/",
        "https://[v1.x]/",
        "https://-shop.example/",
        "https://shop..example/",
        "https://sh%6fp.example/",
        "https://" + "a" * 64 + ".example/",
        "https://shop.example/" + "x" * 2048,
        "https://shop.example/\u202e",
        "",
    ],
)
def test_urls_that_are_none(url):
    with pytest.raises(BadUrl):
        parse_target(url)


def test_a_url_is_taken_apart_and_encoded():
    target = parse_target("https://Bücher.example/giỏ hàng".replace(" ", "-") + "?q=ộ&a=%20#part")
    assert (target.host, target.port) == ("xn--bcher-kva.example", 443)
    assert target.path == "/gi%E1%BB%8F-h%C3%A0ng?q=%E1%BB%99&a=%20"


@pytest.mark.parametrize(
    ("entry", "url", "listed"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000/", True),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/", True),
        ("127.0.0.1:9000", "http://127.0.0.1:9001/", False),
        ("127.0.0.0/8", "http://127.9.9.9:1/", True),
        ("10.0.0.0/8", "http://127.0.0.1/", False),
        ("shop.internal", "http://shop.internal:1234/", True),
        ("SHOP.internal:80", "http://shop.internal/", True),
        ("shop.internal", "http://evil.shop.internal/", False),
        ("shop.internal", "http://shop.internal.evil.example/", False),
        ("[::1]:9000", "http://[::1]:9000/", True),
        ("::1", "http://[::1]:1/", True),
        ("fd00::/8", "http://[fd00::7]/", True),
    ],
)
def test_what_the_settings_list(entry, url, listed):
    target = parse_target(url)
    assert is_listed(target, literal_address(target.host), (entry,)) == listed


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    yield
    http.close_idle()


def answer_with(raw: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(raw)

    return answer


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that writes whatever it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    answer(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def get(url: str, timeout_seconds: float = 5.0, **options) -> http.HttpAnswer:
    return send(
        "GET",
        url,
        headers={},
        timeout_seconds=timeout_seconds,
        vet=True,
        private_targets=LOOPBACK,
        **options,
    )


def kind_of(url: str, timeout_seconds: float = 5.0, **options) -> str:
    with pytest.raises(OutsideError) as caught:
        get(url, timeout_seconds, **options)
    return caught.value.kind


def test_a_plain_answer():
    with receiving(lambda _: Reply(418, {"X-Odd": "yes"}, b"teapot")) as receiver:
        answer = send(
            "POST",
            f"{receiver.url}/p?q=1",
            headers={"X-Mine": "1"},
            body=b"{}",
            timeout_seconds=5,
            vet=True,
            private_targets=LOOPBACK,
        )
    assert (answer.status, answer.body, answer.headers["x-odd"]) == (418, b"teapot", "yes")
    (received,) = receiver.received
    assert (received.path, received.body, received.headers["x-mine"]) == ("/p?q=1", b"{}", "1")
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_a_redirect_is_an_answer_and_not_followed():
    with receiving(lambda _: Reply(302, {"Location": "http://127.0.0.1:1/"})) as receiver:
        assert get(receiver.url).status == 302
    assert len(receiver.received) == 1


def test_proxy_variables_are_ignored(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with receiving() as receiver:
        assert get(receiver.url).status == 200


def test_an_unusual_port_is_refused_unless_it_is_listed(monkeypatch):
    monkeypatch.setattr(http, "is_public", lambda _: True)
    with receiving() as receiver:
        with pytest.raises(OutsideError) as caught:
            send("GET", receiver.url, headers={}, timeout_seconds=5, vet=True)
        assert caught.value.kind == "port_refused"
        assert get(receiver.url).status == 200
    assert len(receiver.received) == 1


@pytest.mark.parametrize("pause_seconds", [0.05, 0.2])
@pytest.mark.parametrize("where", ["status", "headers", "body", "chunks"])
def test_a_server_that_drips_is_cut_off_at_the_one_deadline(where, pause_seconds):
    start = {
        "status": b"",
        "headers": b"HTTP/1.1 200 OK\r\nX-Long: ",
        "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    }[where]

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(start)
        for _ in range(100):
            connection.sendall(b"1\r\nx\r\n" if where == "chunks" else b"x")
            time.sleep(pause_seconds)

    with raw_server(drip) as url:
        before = time.monotonic()
        assert kind_of(url, timeout_seconds=0.5) == "timeout"
        # Not a measurement: without a total deadline this would take five seconds or more.
        assert time.monotonic() - before < 4


def test_a_silent_server_is_left():
    gate = threading.Event()
    with raw_server(lambda _: gate.wait(10) and None) as url:
        assert kind_of(url, timeout_seconds=0.3) == "timeout"
        gate.set()


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_decompression_bomb_is_read_up_to_the_limit(encoding, pack):
    bomb = pack(b"\0" * 50_000_000)
    headers = {"Content-Encoding": encoding}
    with receiving(lambda _: Reply(200, headers, bomb)) as receiver:
        answer = get(receiver.url, max_bytes=65_536)
    assert len(answer.body) == 65_536
    assert not answer.complete


def test_a_compressed_answer_is_read():
    with receiving(
        lambda _: Reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello"))
    ) as receiver:
        assert get(receiver.url).body == b"hello"


def test_endless_answers_and_headers_are_cut_off():
    def flood(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    def headers(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-A: " + b"x" * 30_000 + b"\r\n")

    with raw_server(flood) as url:
        answer = get(url)
        assert (len(answer.body), answer.complete) == (65_536, False)
    with raw_server(headers) as url:
        assert kind_of(url) in ("too_large", "broken_answer")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_broken_answer(raw):
    with raw_server(answer_with(raw)) as url:
        assert kind_of(url) == "broken_answer"


def test_nobody_listens():
    with receiving() as receiver:
        url = receiver.url
    assert kind_of(url) == "connect_failed"


def test_a_name_without_address():
    assert kind_of("http://nobody.invalid/") == "name_not_found"


def test_a_name_that_mixes_good_and_bad_addresses_is_refused(monkeypatch):
    monkeypatch.setattr(http, "resolve", lambda *_: ("8.8.8.8", "10.0.0.1"))
    with pytest.raises(OutsideError) as caught:
        send("GET", "http://mixed.example/", headers={}, timeout_seconds=5, vet=True)
    assert caught.value.kind == "address_refused"


def test_the_name_is_resolved_and_vetted_at_every_connection(monkeypatch):
    """A name that answers differently the second time gains nothing."""
    answers = iter([("127.0.0.1",), ("169.254.169.254",)])
    monkeypatch.setattr(http, "resolve", lambda *_: next(answers))
    with receiving(lambda _: Reply(200, {"Connection": "close"})) as receiver:
        url = f"http://rebinding.example:{receiver.port}/"
        assert get(url, reuse=True).status == 200
        assert kind_of(url, reuse=True) == "address_refused"
    assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"


def test_the_vetted_address_is_the_one_connected_to(monkeypatch):
    monkeypatch.setattr(http, "resolve", lambda *_: ("127.0.0.1",))
    with receiving() as receiver:
        assert get(f"http://anything.example:{receiver.port}/").status == 200


def test_a_resolver_that_never_answers_is_part_of_the_deadline(monkeypatch):
    gate = threading.Event()
    asked = []

    def hang(*arguments, **_):
        asked.append(arguments)
        gate.wait(10)
        raise OSError

    monkeypatch.setattr(resolve.socket, "getaddrinfo", hang)
    try:
        assert kind_of("http://silent.example/", timeout_seconds=0.2) == "timeout"
        assert kind_of("http://silent.example/", timeout_seconds=0.2) == "timeout"
        # Both waited for the one question that is out.
        assert len(asked) == 1
    finally:
        gate.set()


def test_a_second_address_is_tried_when_the_first_is_dead(monkeypatch):
    monkeypatch.setattr(http, "resolve", lambda *_: ("127.0.0.9", "127.0.0.1"))
    with receiving() as receiver:
        assert get(f"http://two.example:{receiver.port}/").status == 200


def test_connections_are_kept_only_when_asked_for():
    ports = []

    def note(connection: socket.socket) -> None:
        ports.append(connection.getpeername()[1])
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_server(note) as url:
        for _ in range(3):
            get(url, reuse=True)
        assert len(ports) == 1
    ports.clear()
    with raw_server(note) as url:
        for _ in range(3):
            get(url)
    assert len(ports) == 3


def test_a_kept_connection_that_died_is_replaced():
    rounds = []

    def once(connection: socket.socket) -> None:
        rounds.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with raw_server(once) as url:
        for _ in range(4):
            assert get(url, reuse=True).body == b"ok"
    assert len(rounds) == 4


def test_a_new_connection_that_closes_is_not_tried_twice():
    seen = []

    def slam(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))

    with raw_server(slam) as url:
        assert kind_of(url, reuse=True) == "broken_answer"
    assert len(seen) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    make_certificate(key, cert)
    return key, cert


def make_certificate(key: Path, cert: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    subprocess.run(
        [
            *command.split(),
            *("-keyout", str(key), "-out", str(cert), "-subj", "/CN=shop.test"),
            *("-addext", "subjectAltName=DNS:shop.test"),
        ],
        check=True,
        capture_output=True,
    )


@contextmanager
def tls_server(certificate: tuple[Path, Path]) -> Iterator[int]:
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with receiving() as receiver:
        receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
        yield receiver.port


def trust(monkeypatch, cert: Path) -> None:
    context = ssl.create_default_context(cafile=str(cert))
    monkeypatch.setattr(http, "tls_context", lambda: context)
    monkeypatch.setattr(http, "resolve", lambda *_: ("127.0.0.1",))


def test_tls_is_spoken_with_the_name_and_verified(monkeypatch, certificate):
    trust(monkeypatch, certificate[1])
    with tls_server(certificate) as port:
        for _ in range(2):
            assert get(f"https://shop.test:{port}/", reuse=True).status == 200


def test_a_certificate_for_another_name_is_refused(monkeypatch, certificate):
    trust(monkeypatch, certificate[1])
    with tls_server(certificate) as port:
        assert kind_of(f"https://other.test:{port}/") == "tls_failed"


def test_a_certificate_of_nobody_is_refused(monkeypatch, certificate):
    monkeypatch.setattr(http, "resolve", lambda *_: ("127.0.0.1",))
    with tls_server(certificate) as port:
        assert kind_of(f"https://shop.test:{port}/") == "tls_failed"


def test_a_server_that_speaks_no_tls():
    with receiving() as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        assert kind_of(url) == "tls_failed"


def test_a_rail_s_client_says_whether_it_was_late_or_away(app):
    from checkout.rails.base import RailError
    from checkout.rails.client import rail_client

    gate = threading.Event()
    with raw_server(lambda _: gate.wait(10) and None) as url:
        with pytest.raises(RailError) as late:
            rail_client("GET", url, timeout_seconds=0.2)
        gate.set()
    with pytest.raises(RailError) as away:
        rail_client("GET", url, timeout_seconds=1)
    assert (late.value.code, late.value.temporary) == ("provider_timeout", True)
    assert (away.value.code, away.value.temporary) == ("provider_unavailable", True)
    with receiving(lambda _: Reply(503)) as receiver:
        assert rail_client("POST", receiver.url, body=b"{}").status == 503
    huge = b"x" * 600_000
    with receiving(lambda _: Reply(200, {}, huge)) as receiver, pytest.raises(RailError):
        rail_client("GET", receiver.url)


def test_a_rail_s_client_reaches_nothing_inside_but_the_pretend_providers(app, monkeypatch):
    from checkout.core.config import config
    from checkout.rails.base import RailError
    from checkout.rails.client import rail_client

    monkeypatch.setattr(http, "resolve", lambda *_: ("10.0.0.7",))
    with pytest.raises(RailError) as refused:
        rail_client("POST", "https://bank.example/v1/check")
    assert refused.value.__cause__.kind == "address_refused"
    # Somebody else's name must not pass for our own by its beginning.
    with pytest.raises(RailError) as refused:
        rail_client("POST", f"{config().self_url}@bank.example/fake/khqr/ra_1")
    assert refused.value.__cause__.kind in ("bad_url", "address_refused")

    monkeypatch.setattr(http, "resolve", lambda *_: ("127.0.0.1",))
    with receiving() as receiver:
        own_url = f"http://127.0.0.1:{receiver.port}"
        monkeypatch.setattr("checkout.rails.client.config", lambda: _Inside(own_url))
        assert rail_client("POST", f"{own_url}/fake/khqr/ra_1/v1").status == 200
        with pytest.raises(RailError):
            rail_client("POST", f"{own_url}/other")


@dataclass
class _Inside:
    """Settings without any private address that merchants may name."""

    self_url: str
    private_targets: tuple[str, ...] = ()
