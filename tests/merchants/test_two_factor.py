from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from checkout.core import clock
from checkout.core.db import execute, unit_of_work
from checkout.core.errors import Problem
from checkout.merchants.log_in import log_in
from checkout.merchants.two_factor import (
    begin_two_factor,
    confirm_two_factor,
    count_recovery_codes,
    disable_two_factor,
    read_setup,
    renew_recovery_codes,
    take_second_factor,
)
from checkout.merchants.users import load_user
from tests.factories.books import read_one
from tests.factories.people import PASSWORD, make_user


@pytest.fixture
def user(app):
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "198.18.2.1"}):
        yield make_user()


@pytest.fixture
def at(monkeypatch):
    """`at(30)` is half a minute from now, for this product's codes and for the phone."""
    real = clock.now

    def move(seconds: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=seconds))

    return move


def code_of(secret: str, steps: int = 0) -> str:
    moment = clock.now() + timedelta(seconds=30 * steps)
    return pyotp.TOTP(secret).at(moment)


def turn_on(user) -> tuple[str, list[str]]:
    """The secret and the recovery codes."""
    with unit_of_work():
        setup = begin_two_factor(user.id)
        return setup.secret, confirm_two_factor(user.id, code_of(setup.secret))


def take(user, **given) -> bool:
    with unit_of_work():
        return take_second_factor(
            load_user(user.id), **({"totp": None, "recovery_code": None} | given)
        )


def code(call, *args, **kwargs) -> str:
    with pytest.raises(Problem) as refused, unit_of_work():
        call(*args, **kwargs)
    return refused.value.code


def test_the_app_is_told_a_secret_that_the_database_does_not_show(user):
    with unit_of_work():
        setup = begin_two_factor(user.id)
    assert setup.url.startswith("otpauth://totp/Checkout:lan")
    assert f"secret={setup.secret}" in setup.url
    assert setup.secret.encode() not in bytes(load_user(user.id).totp_sealed)
    assert read_setup(user.id) == setup


def test_it_counts_once_a_code_was_given(user):
    with unit_of_work():
        setup = begin_two_factor(user.id)
    assert log_in(user.email, PASSWORD)
    assert code(confirm_two_factor, user.id, "000000") == "invalid_code"

    with unit_of_work():
        codes = confirm_two_factor(user.id, code_of(setup.secret))

    assert len(set(codes)) == 10
    assert count_recovery_codes(user.id) == 10
    assert read_setup(user.id) is None
    assert code(log_in, user.email, PASSWORD) == "totp_required"
    assert code(begin_two_factor, user.id) == "two_factor_enabled"
    assert code(confirm_two_factor, user.id, "1") == "two_factor_enabled"


def test_what_was_not_begun_is_not_confirmed(user):
    assert code(confirm_two_factor, user.id, "123456") == "two_factor_not_started"
    assert code(renew_recovery_codes, user.id) == "two_factor_not_started"


def test_a_code_is_good_once(user, at):
    secret, _ = turn_on(user)
    assert not take(user, totp=code_of(secret))

    at(30)
    present = code_of(secret)
    assert take(user, totp=f"{present[:3]} {present[3:]}")
    assert not take(user, totp=present)
    assert not take(user, totp=code_of(secret, -1))


@pytest.mark.parametrize(
    ("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_phones_clock_may_be_a_step_off(user, at, steps, taken):
    secret, _ = turn_on(user)
    at(600)
    assert take(user, totp=code_of(secret, steps)) is taken


@pytest.mark.parametrize("given", ["", "12345", "abcdef", "១២៣៤៥៦", "000000\x00"])
def test_nonsense_is_no_code(user, given):
    turn_on(user)
    assert not take(user, totp=given)
    assert not take(user, recovery_code=given.replace("\x00", ""))


def test_a_recovery_code_is_good_once_however_it_is_written(user):
    _, (first, second, *_) = turn_on(user)
    assert take(user, recovery_code=first.upper().replace("-", " "))
    assert not take(user, recovery_code=first)
    assert take(user, recovery_code=second)
    assert count_recovery_codes(user.id) == 8


def test_somebody_elses_recovery_code_is_none(user):
    _, codes = turn_on(user)
    other = make_user()
    turn_on(other)
    assert not take(other, recovery_code=codes[0])


def test_new_recovery_codes_end_the_old_ones(user):
    _, old = turn_on(user)
    with unit_of_work():
        new = renew_recovery_codes(user.id)
    assert not set(old) & set(new)
    assert not take(user, recovery_code=old[0])
    assert take(user, recovery_code=new[0])


def test_recovery_codes_are_long_and_only_hashed(user):
    _, codes = turn_on(user)
    assert all(len(shown.replace("-", "")) == 16 for shown in codes)
    assert len(read_one("SELECT hash FROM recovery_code LIMIT 1").hash) == 64


def test_off_is_off(user):
    turn_on(user)
    with unit_of_work():
        assert disable_two_factor(user.id)
        assert not disable_two_factor(user.id)
    assert log_in(user.email, PASSWORD)
    assert count_recovery_codes(user.id) == 0


def test_logging_in_with_a_second_factor(user, at):
    secret, codes = turn_on(user)
    at(60)
    assert code(log_in, user.email, PASSWORD, totp="000000") == "invalid_totp"
    assert log_in(user.email, PASSWORD, totp=code_of(secret)).id == user.id
    assert log_in(user.email, PASSWORD, recovery_code=codes[3]).id == user.id
    assert code(log_in, user.email, "a wrong password", totp=code_of(secret)) == (
        "invalid_credentials"
    )


def test_wrong_codes_count_and_asking_for_one_does_not(user):
    turn_on(user)
    for _ in range(3):
        assert code(log_in, user.email, PASSWORD) == "totp_required"
    assert read_one("SELECT failed_count AS n FROM sign_in_failure").n == 0
    for _ in range(2):
        assert code(log_in, user.email, PASSWORD, totp="000000") == "invalid_totp"
        assert code(log_in, user.email, PASSWORD) == "totp_required"
    assert read_one("SELECT failed_count AS n FROM sign_in_failure").n == 2


def test_codes_are_found_by_the_seal_rotation(user):
    from checkout.ops.rotate import SEALED

    turn_on(user)
    assert ("app_user", "totp_sealed") in SEALED
    with unit_of_work():
        execute("UPDATE app_user SET totp_sealed = totp_sealed || 'x'::bytea")
    with pytest.raises(Exception, match="does not open"):
        take(user, totp="000000")
