from __future__ import annotations

import time

import pytest

from checkout.core.crypto import hash_secret
from checkout.core.db import execute, unit_of_work
from checkout.core.errors import Problem
from checkout.merchants import access
from checkout.merchants.access import (
    authenticate_access_token,
    forget_found_users,
    require_recent_password,
)
from checkout.merchants.invitations import invite_member
from checkout.merchants.purge import purge_ended
from checkout.merchants.sign_ins import (
    MAX_SIGN_INS,
    end_sign_in,
    end_sign_ins,
    list_sign_ins,
    note_password,
)
from checkout.merchants.tokens import refresh_tokens
from tests.factories.books import read, read_one
from tests.factories.people import make_user, sign_in
from tests.factories.stores import make_store


@pytest.fixture
def user(app):
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "198.18.3.1"}):
        yield make_user()


def code(call, *args) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        call(*args)
    return refused.value.status, refused.value.code


def test_an_access_token_says_who_it_is(user):
    tokens = sign_in(user)
    found = authenticate_access_token(tokens.access_token)
    assert (found.user_id, found.email, found.name) == (user.id, user.email, user.name)
    assert found.sign_in_id == list_sign_ins(user.id)[0].id


def test_tokens_have_enough_chance_in_them_and_are_only_hashed(user):
    tokens = sign_in(user)
    assert tokens.access_token.startswith("at_")
    assert tokens.refresh_token.startswith("rt_")
    assert len(tokens.access_token) == len(tokens.refresh_token) == 46
    assert read_one("SELECT hash FROM access_token").hash == hash_secret(tokens.access_token)
    assert read_one("SELECT hash FROM refresh_token").hash == hash_secret(tokens.refresh_token)


@pytest.mark.parametrize("text", ["", "at_", "at_unknown", "at_ខ្មែរ", "rt_x", "sk_test_x", "\x00"])
def test_nonsense_is_nobodys(user, text):
    assert authenticate_access_token(text) is None


def test_lives(user):
    sign_in(user)
    row = read_one(
        "SELECT extract(epoch FROM token.expires_at - now()) AS access,"
        " extract(epoch FROM refresh.expires_at - now()) AS refresh"
        " FROM access_token AS token, refresh_token AS refresh"
    )
    assert 14 * 60 < row.access <= 15 * 60 + 5
    assert 7 * 86_400 - 60 < row.refresh <= 7 * 86_400 + 5


def test_an_expired_token_is_told_so(user):
    tokens = sign_in(user)
    with unit_of_work():
        execute("UPDATE access_token SET expires_at = clock_timestamp()")
    assert code(authenticate_access_token, tokens.access_token) == (401, "access_token_expired")


def test_a_refresh_token_is_rotated(user):
    first = sign_in(user)
    second = refresh_tokens(first.refresh_token)
    third = refresh_tokens(second.refresh_token)
    for tokens in (first, second, third):
        assert authenticate_access_token(tokens.access_token).user_id == user.id
    assert len(list_sign_ins(user.id)) == 1


def test_a_reused_refresh_token_ends_the_family(user):
    other = sign_in(user)
    first = sign_in(user)
    second = refresh_tokens(first.refresh_token)

    assert code(refresh_tokens, first.refresh_token) == (401, "invalid_refresh_token")

    assert code(refresh_tokens, second.refresh_token) == (401, "invalid_refresh_token")
    for tokens in (first, second):
        assert code(authenticate_access_token, tokens.access_token)[0] == 401
    assert authenticate_access_token(other.access_token)
    event = read_one("SELECT kind, actor FROM security_event")
    assert (event.kind, event.actor) == ("refresh_token_reused", f"user:{user.id}")


def test_an_expired_or_unknown_refresh_token_ends_nothing(user):
    tokens = sign_in(user)
    with unit_of_work():
        execute("UPDATE refresh_token SET expires_at = clock_timestamp()")
    for text in (tokens.refresh_token, "rt_unknown", tokens.access_token):
        assert code(refresh_tokens, text) == (401, "invalid_refresh_token")
    assert len(list_sign_ins(user.id)) == 1
    assert read("SELECT id FROM security_event") == []


def test_an_ended_sign_in_refreshes_nothing(user):
    tokens = sign_in(user)
    with unit_of_work():
        end_sign_ins(user.id)
    assert code(refresh_tokens, tokens.refresh_token) == (401, "invalid_refresh_token")
    assert code(authenticate_access_token, tokens.access_token)[0] == 401


def test_another_process_refuses_an_ended_sign_in_within_a_second(user, monkeypatch):
    tokens = sign_in(user)
    sign_in_id = authenticate_access_token(tokens.access_token).sign_in_id
    # As another process does it: what this one has cached is not told.
    monkeypatch.setattr("checkout.merchants.sign_ins.forget_found_users", lambda: None)
    with unit_of_work():
        end_sign_in(user.id, sign_in_id)
    real = time.monotonic
    monkeypatch.setattr("checkout.core.brief_cache.time.monotonic", lambda: real() + 1.0)
    assert code(authenticate_access_token, tokens.access_token) == (401, "access_token_expired")


def test_somebody_elses_sign_in_is_missing(user):
    sign_in(user)
    theirs = list_sign_ins(user.id)[0].id
    stranger = make_user()
    with unit_of_work():
        assert code(end_sign_in, stranger.id, theirs) == (404, "resource_missing")
    assert len(list_sign_ins(user.id)) == 1


def test_the_oldest_sign_in_makes_room(user):
    first = sign_in(user)
    for _ in range(MAX_SIGN_INS):
        sign_in(user)
    assert len(list_sign_ins(user.id)) == MAX_SIGN_INS
    assert code(authenticate_access_token, first.access_token) == (401, "access_token_expired")


def test_use_is_noted_once_a_minute(user):
    tokens = sign_in(user)
    with unit_of_work():
        execute("UPDATE sign_in SET last_used_at = now() - interval '2 minutes'")
    authenticate_access_token(tokens.access_token)
    noted = read_one("SELECT last_used_at AS at FROM sign_in").at
    forget_found_users()
    authenticate_access_token(tokens.access_token)
    assert read_one("SELECT last_used_at AS at FROM sign_in").at == noted
    assert read_one("SELECT now() - last_used_at < interval '1 minute' AS fresh FROM sign_in").fresh


def test_a_password_typed_long_ago_is_asked_for_again(user):
    tokens = sign_in(user)
    require_recent_password(authenticate_access_token(tokens.access_token))
    with unit_of_work():
        execute("UPDATE sign_in SET password_at = now() - interval '11 minutes'")
    forget_found_users()
    found = authenticate_access_token(tokens.access_token)
    assert code(require_recent_password, found) == (403, "password_needed")
    with unit_of_work():
        note_password(found.sign_in_id)
    require_recent_password(authenticate_access_token(tokens.access_token))


def test_what_has_ended_is_forgotten_in_time(user):
    sign_in(user)
    kept = sign_in(user)
    with unit_of_work():
        execute(
            "UPDATE sign_in SET expires_at = now() - interval '91 days'"
            " WHERE id = (SELECT min(id) FROM sign_in)"
        )
        execute(
            "INSERT INTO user_token (hash, purpose, email, expires_at)"
            " VALUES ('a', 'reset', 'a', now() - interval '2 days'), ('b', 'reset', 'b', now())"
        )
    assert purge_ended() == 2
    assert [row.hash for row in read("SELECT hash FROM user_token")] == ["b"]
    assert len(read("SELECT hash FROM access_token")) == 1
    assert access.authenticate_access_token(kept.access_token)


def test_invitations_that_are_over_are_forgotten_in_time(app):
    store = make_store()
    emails = [f"{name}@khach.example" for name in ("past", "taken", "back", "late", "open")]
    with unit_of_work():
        for email in emails:
            invite_member(store.id, email, "viewer", actor="test", by_role="owner")
        for email, change in (
            ("past", "expires_at = now() - interval '91 days'"),
            ("taken", "accepted_at = now() - interval '91 days'"),
            ("back", "revoked_at = now() - interval '91 days'"),
            ("late", "expires_at = now() - interval '89 days'"),
        ):
            execute(
                f"UPDATE invitation SET {change} WHERE email = %(email)s",
                email=f"{email}@khach.example",
            )

    assert purge_ended() == 3
    assert [row.email for row in read("SELECT email FROM invitation ORDER BY id")] == emails[3:]
