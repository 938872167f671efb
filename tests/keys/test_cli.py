from __future__ import annotations

from checkout.keys.authenticate import authenticate
from tests.factories.stores import make_store


def run(app, *words):
    return app.test_cli_runner().invoke(args=["key", *words])


def test_a_key_is_made_listed_and_revoked(app):
    store = make_store()

    plain = run(app, "create", store.slug, "--mode", "live", "--name", "till").output.strip()
    assert plain.startswith("sk_live_")

    listed = run(app, "list", store.id).output
    assert plain not in listed
    assert f"…{plain[-4:]} active till" in listed

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
