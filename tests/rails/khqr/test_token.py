from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.rails.khqr.token import runs_out, token_end
from tests.rails.khqr.sample import make_token
from tests.rails.kit import NOW


def test_a_token_says_when_it_runs_out() -> None:
    assert token_end(make_token(NOW, data={"id": "x"})) == NOW


@pytest.mark.parametrize(("days", "due"), [(90, False), (6, False), (5, True), (-1, True)])
def test_a_token_is_renewed_five_days_before_its_end(days: int, due: bool) -> None:
    assert runs_out(make_token(NOW + timedelta(days=days)), NOW) == due


@pytest.mark.parametrize(
    "token",
    [
        "",
        "secret",
        "a.b.c",
        "a.!.c",
        "..",
        "a.W10.c",
        "a.bnVsbA.c",
        "a.eyJleHAiOiAidG9tb3Jyb3cifQ.c",
        "a.eyJleHAiOiB0cnVlfQ.c",
        "a.eyJleHAiOiAtMX0.c",
        "a.eyJleHAiOiAxZTk5fQ.c",
        "é.é.é",
    ],
)
def test_a_token_that_does_not_say_never_runs_out_by_itself(token: str) -> None:
    assert token_end(token) is None
    assert not runs_out(token, NOW)


@given(st.text(max_size=60))
def test_any_token_is_read(text: str) -> None:
    for token in (text, f"a.{text}.c"):
        found = token_end(token)
        assert found is None or found > datetime(1969, 1, 1, tzinfo=UTC)
