from __future__ import annotations

import unicodedata

import pytest

from checkout.core.errors import Problem
from checkout.merchants import passwords
from checkout.merchants.passwords import (
    check_password,
    hash_password,
    needs_rehash,
    verify_password,
)

EMAIL = "lan.nguyen@homestay.example"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "value_too_short"),
        ("eleven char", "value_too_short"),
        ("x" * 129, "value_too_long"),
        ("LAN.nguyen@homestay.example", "weak_password"),
    ],
)
def test_what_will_not_do(password, code):
    with pytest.raises(Problem) as refused:
        check_password(password, EMAIL, "new_password")
    assert (refused.value.status, refused.value.code) == (422, code)
    assert refused.value.param == "new_password"


@pytest.mark.parametrize("password", ["twelve chars", "x" * 128, "mật khẩu dài", "ពាក្យសម្ងាត់វែង"])
def test_length_is_all_that_is_asked(password):
    check_password(password, EMAIL)


def test_a_hash_is_argon2id_with_salt():
    first, second = hash_password("mua roi tren mai"), hash_password("mua roi tren mai")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert verify_password(first, "mua roi tren mai")
    assert not verify_password(first, "mua roi tren mai ")
    assert not needs_rehash(first)
    assert needs_rehash(first.replace("t=2", "t=1"))


def test_vietnamese_letters_are_the_same_however_they_were_typed():
    typed = "Trời mưa rả rích"
    composed = unicodedata.normalize("NFC", typed)
    decomposed = unicodedata.normalize("NFD", typed)
    assert composed != decomposed
    assert verify_password(hash_password(composed), decomposed)


def test_nobodys_password_is_never_right_but_is_looked_at(monkeypatch):
    looked = []
    real = passwords._verify
    monkeypatch.setattr(
        passwords, "_verify", lambda hashed, text: looked.append(hashed) or real(hashed, text)
    )
    assert not verify_password(None, "nobody has this password")
    assert looked[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_damaged_hash_opens_nothing():
    assert not verify_password("nonsense", "nonsense")


def test_greenlets_are_not_held_up(tmp_path):
    """Under gevent the work is done in a real thread, while others go on."""
    import subprocess
    import sys

    script = """
from gevent import monkey
monkey.patch_all()
import gevent, threading
from checkout.merchants import passwords

ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        gevent.sleep(0)

ticker = gevent.spawn(tick)
gevent.sleep(0)
before = ticks
hashed = passwords.hash_password("mua roi tren mai")
assert passwords.verify_password(hashed, "mua roi tren mai")
assert ticks > before + 1, ticks
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
