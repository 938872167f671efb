"""What the client makes of bytes; it opens no connection here."""

from __future__ import annotations

import pytest

from bench.load import Answers, answer_length, request


def test_a_request_as_it_travels() -> None:
    made = request("POST", "/bare", body=b"{}", headers={"Authorization": "Bearer k"})

    assert made == (
        b"POST /bare HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer k\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_a_get_has_no_length() -> None:
    assert request("GET", "/") == b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("name", [b"Content-Length", b"content-length"])
def test_an_answer_is_header_and_body(name: bytes) -> None:
    answer = bytearray(b"HTTP/1.1 200 OK\r\n" + name + b": 5\r\n\r\nhello")

    assert answer_length(answer) == len(answer)
    assert answer_length(answer[:-5]) == len(answer)


def test_an_unfinished_header_has_no_length_yet() -> None:
    assert answer_length(bytearray(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n")) == 0


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="without a length"):
        answer_length(bytearray(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"))


def test_unexpected_answers_are_faults() -> None:
    answers = Answers()
    answers.statuses.update([201, 201, 500])
    answers.broken = 1

    assert answers.faults("create", 201) == [
        "create: 1 answers with status 500",
        "create: 1 connections broke",
    ]


def test_rates_count_answers_over_their_time() -> None:
    answers = Answers(seconds=2.0, client_cpu_seconds=0.02)
    answers.latencies_ms.extend([1.0, 2.0, 3.0, 4.0])

    assert answers.rate == 2.0
    assert answers.ms(50) == 2.0
    assert answers.client_cpu_ms == 5.0
