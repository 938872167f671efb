from __future__ import annotations

import pytest

from checkout.core.db import one, unit_of_work
from checkout.core.errors import Problem
from checkout.keys.authenticate import authenticate, forget_found_keys
from checkout.keys.create import create_key
from checkout.keys.revoke import revoke_key
from tests.factories.stores import make_shop, make_store


@pytest.mark.parametrize(
    ("livemode", "kind", "head"),
    [
        (False, "secret", "sk_test_"),
        (True, "secret", "sk_live_"),
        (False, "publishable", "pk_test_"),
        (True, "publishable", "pk_live_"),
    ],
)
def test_a_key_says_its_kind_and_mode_and_is_kept_as_a_hash(app, livemode, kind, head):
    store = make_store()
    with unit_of_work():
        row, plain = create_key(store.id, livemode, kind, "shop's server")

    assert plain.startswith(head)
    assert len(plain) >= len(head) + 22  # 128 bits in base 64
    kept = one("SELECT * FROM api_key WHERE id = %(id)s", id=row.id)
    assert kept is not None
    assert plain not in str(kept)
    assert kept.last4 == plain[-4:]


def test_a_secret_key_gives_its_scope(app):
    shop = make_shop(max_attempts=5)

    scope = authenticate(shop.key)

    assert scope is not None
    assert (scope.store_id, scope.livemode, scope.key_id) == (shop.store.id, False, shop.key_id)
    assert scope.actor == f"key:{shop.key_id}"
    assert scope.settings.max_attempts == 5


@pytest.mark.parametrize(
    "plain", ["", "sk_test_", "sk_test_x", "sk_test_é", "x" * 300, "pk", "\x00"]
)
def test_what_is_no_key_gives_none(app, plain):
    assert authenticate(plain) is None


def test_the_key_of_another_mode_does_not_open_by_changing_its_name(app):
    shop = make_shop()

    assert authenticate(shop.key.replace("sk_test_", "sk_live_")) is None


def test_a_publishable_key_is_refused(app):
    with pytest.raises(Problem, match="secret_key_required"):
        authenticate("pk_test_x")


def test_a_revoked_key_ends_at_once_here(app):
    shop = make_shop()
    assert authenticate(shop.key) is not None

    with unit_of_work():
        revoke_key(shop.store.id, shop.key_id)

    assert authenticate(shop.key) is None


def test_another_stores_key_cannot_be_revoked(app):
    shop, stranger = make_shop(), make_shop()

    with pytest.raises(Problem, match="resource_missing"), unit_of_work():
        revoke_key(stranger.store.id, shop.key_id)


def test_use_is_noted_at_most_once_a_minute(app):
    shop = make_shop()

    def used_at():
        forget_found_keys()
        authenticate(shop.key)
        row = one("SELECT last_used_at FROM api_key WHERE id = %(id)s", id=shop.key_id)
        assert row is not None
        return row.last_used_at

    first = used_at()
    assert first is not None
    assert used_at() == first
