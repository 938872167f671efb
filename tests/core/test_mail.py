"""Mail through a real SMTP server on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from checkout.core import mail
from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.mail import queue_mail, send_waiting_mail
from tests.support.live import free_port


class Box:
    """What the mail server takes, and what it answers."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 - the library calls it so
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library calls it so
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def box(app, monkeypatch) -> Iterator[Box]:
    """A mail server that the application is configured with."""
    box = Box()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    configure(app, monkeypatch, f"smtp://127.0.0.1:{port}")
    yield box
    controller.stop()


def configure(app: Any, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    config = replace(
        app.extensions["checkout_config"], smtp_url=url, mail_from="Hoa Mai <shop@hoamai.test>"
    )
    monkeypatch.setitem(app.extensions, "checkout_config", config)


def rows() -> list[Any]:
    return run("SELECT subject_id, text_body, html_body FROM mail")


def queue(subject_id: str = "cs_1", recipient: str = "lan@khach.test", **changes: Any) -> bool:
    with unit_of_work():
        return queue_mail(
            **(
                {
                    "purpose": "reminder",
                    "subject_id": subject_id,
                    "store_id": "sto_1",
                    "livemode": False,
                    "recipient": recipient,
                    "subject": "Sắp hết hạn · ជិតផុត",
                    "text_body": "Số tiền 500.000 ₫",
                    "html_body": "<p>500.000 ₫</p>",
                    "locale": "vi",
                }
                | changes
            )
        )


def status(subject_id: str = "cs_1") -> tuple[str, int]:
    row = one("SELECT status, tries FROM mail WHERE subject_id = %(id)s", id=subject_id)
    assert row is not None
    return row.status, row.tries


def make_all_due() -> None:
    with unit_of_work():
        execute("UPDATE mail SET next_try_at = clock_timestamp()")


def test_a_mail_arrives_whole_and_once(box):
    assert queue()
    assert not queue()
    assert send_waiting_mail() == 1
    assert send_waiting_mail() == 0
    (sent,) = box.mails
    assert (sent["To"], sent["From"]) == ("lan@khach.test", "Hoa Mai <shop@hoamai.test>")
    assert sent["Subject"] == "Sắp hết hạn · ជិតផុត"
    assert sent["Auto-Submitted"] == "auto-generated"
    parts = {part.get_content_type(): part.get_content() for part in sent.iter_parts()}
    assert parts["text/plain"].strip() == "Số tiền 500.000 ₫"
    assert parts["text/html"].strip() == "<p>500.000 ₫</p>"
    assert status() == ("sent", 1)


def test_the_text_of_a_secret_mail_is_forgotten_once_sent(box):
    queue("usr_1", secret=True)
    queue("usr_2")

    send_waiting_mail()

    kept = {row.subject_id: (row.text_body, row.html_body) for row in rows()}
    assert kept["usr_1"] == ("", "")
    assert all(kept["usr_2"])
    assert len(box.mails) == 2


def test_the_text_of_a_secret_mail_is_forgotten_when_it_is_given_up(box):
    box.answers["nobody@khach.test"] = "550 no such user"
    box.answers["full@khach.test"] = "452 mailbox full"
    queue("usr_1", "nobody@khach.test", secret=True)
    queue("usr_2", "nobody@khach.test")
    queue("usr_3", "full@khach.test", secret=True)

    send_waiting_mail()

    kept = {row.subject_id: (row.text_body, row.html_body) for row in rows()}
    assert (status("usr_1"), kept["usr_1"]) == (("failed", 1), ("", ""))
    assert all(kept["usr_2"])
    assert status("usr_3") == ("waiting", 1)
    assert all(kept["usr_3"])
    box.answers.clear()
    make_all_due()
    send_waiting_mail()
    assert len(box.mails) == 1


def test_a_subject_cannot_bring_headers_of_its_own(box):
    queue(subject="Hello\r\nBcc: everybody@khach.test\n\nbody")
    send_waiting_mail()
    assert box.recipients == ["lan@khach.test"]
    assert box.mails[0]["Bcc"] is None
    assert box.mails[0]["Subject"] == "Hello Bcc: everybody@khach.test body"


def test_an_impossible_recipient_fails_for_good_and_stops_no_other(box):
    box.answers["nobody@khach.test"] = "550 no such user"
    box.answers["full@khach.test"] = "452 mailbox full"
    queue("cs_1", "nobody@khach.test")
    queue("cs_2", "full@khach.test")
    queue("cs_3", "a\nb@khach.test")
    queue("cs_4", "lan@khach.test")
    assert send_waiting_mail() == 4
    assert [status(f"cs_{number}")[0] for number in (1, 2, 3, 4)] == [
        "failed",
        "waiting",
        "failed",
        "sent",
    ]
    box.answers.clear()
    make_all_due()
    send_waiting_mail()
    assert status("cs_2") == ("sent", 2)


def test_a_server_that_is_away_delays_and_then_gives_up_visibly(app, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    configure(app, monkeypatch, f"smtp://127.0.0.1:{port}")
    queue()
    for _ in range(len(mail.RETRY_SECONDS)):
        assert send_waiting_mail() == 1
        assert status()[0] == "waiting"
        assert send_waiting_mail() == 0
        make_all_due()
    send_waiting_mail()
    assert status() == ("failed", len(mail.RETRY_SECONDS) + 1)


def test_a_server_that_speaks_ever_so_slowly_is_cut_off(app, monkeypatch):
    monkeypatch.setattr(mail, "DEADLINE_SECONDS", 0.5)
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"2")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    configure(app, monkeypatch, f"smtp://127.0.0.1:{listener.getsockname()[1]}")
    queue()
    try:
        assert send_waiting_mail() == 1
        assert status() == ("waiting", 1)
    finally:
        stop.set()
        thread.join(5)
        listener.close()


def test_a_password_never_travels_in_the_clear(app, monkeypatch, box):
    """Only a server on this machine may be told one without TLS."""
    monkeypatch.setattr(mail, "LOOPBACK", ())
    url = app.extensions["checkout_config"].smtp_url.replace("//", "//user:secret@")
    configure(app, monkeypatch, url)
    queue()
    send_waiting_mail()
    assert status() == ("waiting", 1)
    row = one("SELECT last_error FROM mail")
    assert "TLS" in row.last_error
    assert "secret" not in row.last_error


def test_without_a_server_the_row_says_so(app, monkeypatch):
    configure(app, monkeypatch, "")
    queue()
    send_waiting_mail()
    assert status() == ("skipped", 0)


def test_without_a_server_the_text_of_a_secret_mail_is_forgotten(app, monkeypatch):
    configure(app, monkeypatch, "")
    queue("usr_1", secret=True)
    queue("usr_2")

    send_waiting_mail()

    kept = {row.subject_id: (row.text_body, row.html_body) for row in rows()}
    assert kept["usr_1"] == ("", "")
    assert all(kept["usr_2"])


def test_two_workers_send_a_mail_once(app, box):
    for number in range(40):
        queue(f"cs_{number}")

    def work() -> None:
        with app.app_context():
            while send_waiting_mail():
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(box.mails) == 40
