from __future__ import annotations

import secrets

import pytest

from checkout.core.crypto import hash_secret
from checkout.core.db import one
from checkout.core.db import run as select
from checkout.keys.authenticate import authenticate
from checkout.keys.import_key import _refuse_weak
from checkout.merchants.roles import KEY_ACTIONS
from tests.factories.stores import make_store


def run(app, *words, typed=None):
    return app.test_cli_runner().invoke(args=["key", *words], input=typed)


def random_key(head="sk_live_", random_bytes=32):
    return head + secrets.token_urlsafe(random_bytes)


def test_a_key_is_made_listed_and_revoked(app):
    store = make_store()

    plain = run(app, "create", store.slug, "--mode", "live", "--name", "till").output.strip()
    assert plain.startswith("sk_live_")

    listed = run(app, "list", store.id).output
    assert plain not in listed
    assert f"…{plain[-4:]} active all till" in listed

    key_id = listed.split()[0]
    assert run(app, "revoke", key_id).exit_code == 0
    assert authenticate(plain) is None
    assert "revoked" in run(app, "list", store.id).output


def test_an_unknown_store_is_said_in_one_line(app):
    result = run(app, "create", "nowhere")

    assert result.exit_code == 1
    assert result.output == "Error: store: There is no such store.\n"


def test_an_unknown_key_is_said_in_one_line(app):
    result = run(app, "revoke", "key_x")

    assert result.exit_code == 1
    assert result.output == "Error: key: There is no such key.\n"


def test_a_key_is_restricted_to_actions(app):
    store = make_store()
    scopes = ("--scope", "sessions.write", "--scope", "sessions.read")

    plain = run(app, "create", store.slug, *scopes).output.strip()

    assert authenticate(plain).allowed == {"sessions.read", "sessions.write"}
    assert "active sessions.read,sessions.write" in run(app, "list", store.slug).output
    assert authenticate(run(app, "create", store.slug).output.strip()).allowed is None


def test_actions_that_no_key_has_are_refused_and_the_others_named(app):
    store = make_store()

    refused = run(app, "create", store.slug, "--scope", "keys.write")
    public = run(app, "create", store.slug, "--kind", "publishable", "--scope", "sessions.read")

    assert refused.exit_code == 2
    assert all(action in refused.output for action in KEY_ACTIONS)
    assert (public.exit_code, public.output) == (
        1,
        "Error: scopes: Only secret keys are restricted.\n",
    )
    assert one("SELECT count(*) AS keys FROM api_key").keys == 0


@pytest.mark.parametrize(
    ("head", "kind", "livemode"),
    [
        ("sk_live_", "secret", True),
        ("sk_test_", "secret", False),
        ("pk_live_", "publishable", True),
        ("pk_test_", "publishable", False),
    ],
)
def test_a_known_key_is_imported_once(app, head, kind, livemode):
    store, plain = make_store(), random_key(head)

    first = run(app, "import", store.slug, "--name", "set-up", typed=f"{plain}\n")
    again = run(app, "import", store.id, "--name", "set-up", typed=plain)

    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    assert first.output == again.output
    (row,) = select("SELECT * FROM api_key")
    assert (row.id, row.name) == (first.output.strip(), "set-up")
    assert (row.kind, row.livemode, row.last4) == (kind, livemode, plain[-4:])
    assert row.hash == hash_secret(plain)
    assert plain not in str(row)
    scope = authenticate(plain, kind)
    assert (scope.store_id, scope.livemode, scope.allowed) == (store.id, livemode, None)
    (entry,) = select("SELECT * FROM audit_entry WHERE action = 'key.created'")
    assert (entry.target, entry.details["imported"]) == (row.id, True)
    assert plain not in str(entry)


def test_an_imported_key_may_be_restricted(app):
    store, plain = make_store(), random_key()
    words = ("import", store.slug, "--scope", "sessions.write")

    assert run(app, *words, typed=plain).exit_code == 0
    assert run(app, *words, typed=plain).exit_code == 0

    assert authenticate(plain).allowed == {"sessions.write"}
    other = run(app, "import", store.slug, typed=plain)
    assert other.output == "Error: key: This key is kept already, with other actions.\n"


def test_a_key_of_another_store_or_one_that_ended_is_not_imported(app):
    store, other, plain = make_store(), make_store(), random_key()
    key_id = run(app, "import", store.slug, typed=plain).output.strip()

    assert "Another store" in run(app, "import", other.slug, typed=plain).output
    run(app, "revoke", key_id)

    assert "was revoked" in run(app, "import", store.slug, typed=plain).output
    assert authenticate(plain) is None


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "hunter2",
        "sk_live_short",
        "sk_live_" + "é" * 40,
        "whsec_" + "A1b2" * 10,
        "sk_prod_T5IVx0uFCrbMUjEsMtdw1fOKTUWJDLu5",
        "sk_live_" + "a" * 40,
        "sk_live_" + "0123456789abcdef" * 3,
        "sk_live_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl",
        "sk_live_" + "9f86d081884c7d65" * 2,
        "sk_live_my-very-secret-key-of-my-own-shop-in-hanoi",
    ],
)
def test_what_is_no_key_or_could_be_guessed_is_refused(app, plain):
    store = make_store()

    result = run(app, "import", store.slug, typed=f"{plain}\n")

    assert result.exit_code == 1
    assert result.output.startswith("Error: key: ")
    assert result.output.count("\n") == 1
    assert plain[8:] == "" or plain not in result.output
    assert one("SELECT count(*) AS keys FROM api_key").keys == 0


def test_random_keys_are_never_taken_for_weak_ones():
    for _ in range(500):
        _refuse_weak("sk_live_" + secrets.token_hex(16))
        _refuse_weak("sk_live_" + secrets.token_urlsafe(24))
