"""Mail: a row in the transaction of its cause, sent by a sweep that a dead server only delays."""

from __future__ import annotations

import contextlib
import logging
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime
from threading import Timer
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from checkout.core import ids
from checkout.core.clock import utc_now
from checkout.core.config import config
from checkout.core.db import execute, one, run, unit_of_work
from checkout.core.jobs import periodic, ring, sweeper
from checkout.core.logs import log
from checkout.core.retention import TimedIds, empty_old

SEND = "send_mail"
BATCH = 20
STEP_SECONDS = 8.0
DEADLINE_SECONDS = 30.0
LEASE_SECONDS = 90
KEPT_DAYS = 90
RETRY_SECONDS = (10, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400)

LOOPBACK = ("localhost", "127.0.0.1", "::1")

# What opens something is of use to nobody once its mail has gone out, or never will.
_FORGET = (
    "text_body = CASE WHEN secret THEN '' ELSE text_body END,"
    " html_body = CASE WHEN secret THEN '' ELSE html_body END"
)


def queue_mail(
    *,
    purpose: str,
    subject_id: str,
    store_id: str,
    livemode: bool,
    recipient: str,
    subject: str,
    text_body: str,
    html_body: str,
    locale: str,
    secret: bool = False,
) -> bool:
    """Put a mail on its way with the current transaction.

    One purpose writes about one subject once only; returns False for a repeat. The text of a
    `secret` one, such as a link that sets a password, is forgotten once it has been sent, or
    when it is given up.
    """
    row = one(
        "INSERT INTO mail (id, store_id, livemode, purpose, subject_id, recipient, subject,"
        " text_body, html_body, locale, secret) VALUES (%(id)s, %(store_id)s, %(livemode)s,"
        " %(purpose)s, %(subject_id)s, %(recipient)s, %(subject)s, %(text_body)s, %(html_body)s,"
        " %(locale)s, %(secret)s)"
        " ON CONFLICT (purpose, subject_id) DO NOTHING RETURNING id",
        id=ids.new_id("mail"),
        store_id=store_id,
        livemode=livemode,
        purpose=purpose,
        subject_id=subject_id,
        recipient=recipient,
        # A header has one line, whatever a name in it contains.
        subject=" ".join(subject.split()),
        text_body=text_body,
        html_body=html_body,
        locale=locale,
        secret=secret,
    )
    if row is not None:
        ring(SEND)
    return row is not None


@sweeper(SEND, every_seconds=2.0, batch=BATCH)
def send_waiting_mail() -> int:
    """Send what is due over one connection; returns how many mails were looked at.

    A mail whose fate is unknown after a crash is sent again, under the same Message-ID.
    """
    if not config().smtp_url:
        return _skip_waiting()
    with unit_of_work():
        mails = run(
            "UPDATE mail SET tries = tries + 1,"
            " next_try_at = clock_timestamp() + %(lease)s * interval '1 second'"
            " WHERE id IN (SELECT id FROM mail WHERE status = 'waiting'"
            " AND next_try_at <= statement_timestamp()"
            " ORDER BY next_try_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED) RETURNING *",
            lease=LEASE_SECONDS,
            limit=BATCH,
        )
    if mails:
        _send_all(mails)
    return len(mails)


def _skip_waiting() -> int:
    """Without a mail server nothing is sent, and the row says so instead of waiting for ever."""
    with unit_of_work():
        skipped = run(
            "UPDATE mail SET status = 'skipped', last_error = 'no SMTP_URL is configured',"  # noqa: S608 - a constant
            f" {_FORGET} WHERE id IN (SELECT id FROM mail WHERE status = 'waiting' LIMIT %(limit)s"
            " FOR UPDATE SKIP LOCKED) RETURNING id",
            limit=BATCH,
        )
    return len(skipped)


def _send_all(mails: list[Any]) -> None:
    left = list(mails)
    try:
        with _deadline() as guard, _connect(urlsplit(config().smtp_url), guard) as server:
            while left:
                _send_one(server, left[0])
                left.pop(0)
    except (OSError, smtplib.SMTPException) as error:
        # The server failed at the first of these; the others wait with it.
        for mail in left:
            _record_failure(mail, f"{type(error).__name__}: {error}", for_good=False)


def _send_one(server: smtplib.SMTP, mail: Any) -> None:
    """Send one mail. Raises what concerns the server and not just this mail."""
    try:
        server.send_message(_message(mail), to_addrs=[mail.recipient])
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        _record_failure(mail, f"{code} {reason!r}", for_good=code >= 500)
    except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
        _record_failure(mail, f"{error.smtp_code}", for_good=error.smtp_code >= 500)
    except (ValueError, smtplib.SMTPNotSupportedError) as error:
        _record_failure(mail, f"{type(error).__name__}: {error}", for_good=True)
    else:
        with unit_of_work():
            execute(
                "UPDATE mail SET status = 'sent', sent_at = clock_timestamp(), last_error = NULL,"  # noqa: S608 - a constant
                f" {_FORGET} WHERE id = %(id)s",
                id=mail.id,
            )


def _record_failure(mail: Any, reason: str, *, for_good: bool) -> None:
    for_good = for_good or mail.tries > len(RETRY_SECONDS)
    wait_seconds = RETRY_SECONDS[min(mail.tries, len(RETRY_SECONDS)) - 1]
    log("mail_failed", logging.WARNING, mail=mail.id, tries=mail.tries, for_good=for_good)
    with unit_of_work():
        execute(
            "UPDATE mail SET status = %(status)s, last_error = %(reason)s,"  # noqa: S608 - a constant
            f" {_FORGET + ',' if for_good else ''}"
            " next_try_at = clock_timestamp() + %(wait)s * interval '1 second'"
            " WHERE id = %(id)s AND status = 'waiting'",
            id=mail.id,
            status="failed" if for_good else "waiting",
            reason=reason[:500].replace("\0", ""),
            wait=wait_seconds,
        )


@periodic("forget_mails", every_seconds=3600)
def forget_mails() -> int:
    """Empty old mails, to whom they went included; returns how many were looked at.

    Their rows stay: a mail that was written about something is not written again.
    """
    return empty_old(TimedIds("mail", "mail"), kept_days=KEPT_DAYS, empty=_empty)


def _empty(ids: Sequence[str]) -> None:
    execute(
        "UPDATE mail SET recipient = '', subject = '', text_body = '', html_body = ''"
        " WHERE id = ANY(%(ids)s) AND recipient <> '' AND status <> 'waiting'",
        ids=list(ids),
    )


def _message(mail: Any) -> EmailMessage:
    message = EmailMessage()
    sender = config().mail_from or f"no-reply@{urlsplit(config().public_url).hostname}"
    message["From"] = sender
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(utc_now())
    message["Message-ID"] = f"<{mail.id}@{urlsplit(config().public_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = mail.locale
    message.set_content(mail.text_body)
    if mail.html_body:
        message.add_alternative(mail.html_body, subtype="html")
    return message


class _Guard:
    """Cuts the connection to the server that reported to it, when told to."""

    def __init__(self) -> None:
        self.server: smtplib.SMTP | None = None

    def cut(self) -> None:
        connection = self.server.sock if self.server else None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _PlainServer(smtplib.SMTP):
    """Reports to its guard before it waits for the first word of the other side."""

    def __init__(self, host: str, port: int, guard: _Guard) -> None:
        guard.server = self
        self.sock = None
        super().__init__(host, port, timeout=STEP_SECONDS)


class _TlsServer(smtplib.SMTP_SSL):
    def __init__(self, host: str, port: int, guard: _Guard) -> None:
        guard.server = self
        self.sock = None
        context = ssl.create_default_context()
        super().__init__(host, port, timeout=STEP_SECONDS, context=context)


@contextmanager
def _deadline() -> Iterator[_Guard]:
    """End the whole exchange in time, also with a server that speaks ever so slowly."""
    guard = _Guard()
    timer = Timer(DEADLINE_SECONDS, guard.cut)
    timer.daemon = True
    timer.start()
    try:
        yield guard
    finally:
        timer.cancel()


@contextmanager
def _connect(address: SplitResult, guard: _Guard) -> Iterator[smtplib.SMTP]:
    """A server that is ready for mail; TLS wherever it is offered, passwords never without."""
    host = address.hostname or "localhost"
    if address.scheme == "smtps":
        server: smtplib.SMTP = _TlsServer(host, address.port or 465, guard)
    else:
        server = _PlainServer(host, address.port or 587, guard)
    try:
        server.ehlo_or_helo_if_needed()
        if address.scheme != "smtps" and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        elif address.scheme != "smtps" and address.username and host not in LOOPBACK:
            raise smtplib.SMTPException("the mail server offers no TLS for the password")
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        yield server
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.quit()
    finally:
        server.close()
