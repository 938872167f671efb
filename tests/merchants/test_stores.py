from __future__ import annotations

from datetime import timedelta

import pytest

from checkout.core import clock
from checkout.core.db import one, unit_of_work
from checkout.core.errors import Problem
from checkout.merchants.stores import (
    advance_clock,
    change_store,
    create_store,
    find_store,
    load_store,
)
from tests.factories.stores import make_store


def test_a_store_is_found_by_id_and_slug(app):
    store = make_store()

    assert load_store(store.id) == find_store(store.slug) == find_store(store.id) == store


def test_an_unknown_store_is_missing(app):
    for look in (load_store, find_store):
        with pytest.raises(Problem, match="resource_missing"):
            look("sto_x")


def test_a_slug_is_taken_once(app):
    store = make_store()

    with pytest.raises(Problem, match="slug_taken"), unit_of_work():
        create_store("Other", store.slug, actor="test")


@pytest.mark.parametrize(
    ("name", "slug", "param"),
    [("", "a", "name"), ("a\x00", "a", "name"), ("A", "A", "slug"), ("A", "a b", "slug")],
)
def test_names_and_slugs_are_checked(app, name, slug, param):
    with pytest.raises(Problem) as raised, unit_of_work():
        create_store(name, slug, actor="test")

    assert raised.value.param == param


def test_a_change_is_seen_at_once_here_and_audited(app):
    store = make_store()
    load_store(store.id)

    with unit_of_work():
        change_store(store.id, {"max_attempts": 7}, actor="user:x")

    assert load_store(store.id).settings.max_attempts == 7
    entry = one("SELECT * FROM audit_entry WHERE store_id = %(id)s ORDER BY id DESC", id=store.id)
    assert entry is not None
    assert (entry.actor, entry.action) == ("user:x", "store.changed")
    assert entry.details == {
        "changed": ["max_attempts"],
        "before": {"max_attempts": 3},
        "after": {"max_attempts": 7},
    }


def test_the_test_clock_moves_forward_only(app):
    store = make_store()
    with unit_of_work():
        advance_clock(store.id, 3600)

    ahead = clock.now(store.id, livemode=False) - clock.now(store.id, livemode=True)
    assert timedelta(minutes=59) < ahead < timedelta(minutes=61)
    for seconds in (-1, 10**12):
        with pytest.raises(Problem, match="invalid_value"), unit_of_work():
            advance_clock(store.id, seconds)
