"""What is sealed opens where it was sealed and nowhere else, unchanged to the last bit."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout.core.crypto import SealBroken, seal, unseal
from checkout.core.db import execute, run, unit_of_work
from checkout.core.errors import Problem
from checkout.core.idempotency import Key, claim, keep
from checkout.ops.rotate import SEALED
from checkout.payments.raw import read_raw
from checkout.webhooks.endpoints import rotate_secret
from checkout.webhooks.lease import valid_secrets
from tests.factories.books import read, read_one
from tests.factories.people import make_user, turn_on_two_factor
from tests.factories.till import Till, make_till, memo_of
from tests.factories.webhooks import make_endpoint

HERE = {"row": "ra_1", "column": "rail_account.sealed"}


@pytest.mark.parametrize("plain", [b"", b"x", "Áo thun ភ្នំពេញ".encode(), bytes(range(256)) * 300])
def test_what_is_sealed_opens_again_and_cannot_be_read(app, plain):
    token = seal(plain, **HERE)

    assert unseal(token, **HERE) == plain
    assert len(plain) < 2 or plain not in token


def test_the_same_is_never_sealed_alike(app):
    assert len({seal(b"secret", **HERE) for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "there",
    [
        HERE | {"row": "ra_2"},
        HERE | {"row": ""},
        HERE | {"column": "rail_account.settings"},
        HERE | {"column": "endpoint.secret"},
        # The two are not one text that could be cut elsewhere.
        {"row": "edra_1", "column": "rail_account.seal"},
        {"row": HERE["column"], "column": HERE["row"]},
    ],
)
def test_it_opens_in_no_other_row_or_column(app, there):
    token = seal(b"secret", **HERE)

    with pytest.raises(SealBroken):
        unseal(token, **there)


def test_it_opens_with_no_bit_changed(app):
    token = seal(b"secret", **HERE)

    for position in range(len(token) * 8):
        changed = bytearray(token)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            unseal(bytes(changed), **HERE)


def test_it_opens_neither_shorter_nor_longer(app):
    token = seal(b"secret", **HERE)

    for changed in (*(token[:length] for length in range(len(token))), token + b"\0"):
        with pytest.raises(SealBroken):
            unseal(changed, **HERE)


def test_it_opens_with_no_other_key_of_the_same_name(app, monkeypatch):
    token = seal(b"secret", **HERE)
    config = app.extensions["checkout_config"]
    ((name, _), *_) = config.encryption_keys
    other = replace(config, encryption_keys=((name, bytes(32)),))
    monkeypatch.setitem(app.extensions, "checkout_config", other)

    with pytest.raises(SealBroken):
        unseal(token, **HERE)


@given(st.binary(max_size=200))
def test_rubbish_is_refused_in_one_way(session_app, rubbish):
    with session_app.app_context(), pytest.raises(SealBroken):
        unseal(rubbish, **HERE)


@pytest.fixture
def till(client) -> Till:
    """Two rows at least in every table that holds something sealed."""
    till = make_till(client)
    make_till(client)
    for _ in range(2):
        till.pay(memo_of(till.make_attempt()), 500_000)
        turn_on_two_factor(make_user())
        row, _ = make_endpoint(till.shop, "http://127.0.0.1:1/")
        with unit_of_work():
            rotate_secret(till.shop.scope, row.id)
    return till


def sealed_values() -> dict[tuple[str, str, str], bytes]:
    """Table, column and row → what is sealed there."""
    return {
        (table, column, row.id): bytes(row.token)
        for table, column in SEALED
        for row in read(f"SELECT id, {column} AS token FROM {table} WHERE {column} IS NOT NULL")
    }


def test_no_value_in_the_database_opens_in_the_place_of_another(till):
    values = sealed_values()
    assert {(table, column) for table, column, _ in values} == set(SEALED)

    for table, column, row in values:
        place = {"row": row, "column": f"{table}.{column}"}
        for other, token in values.items():
            if other == (table, column, row):
                assert unseal(token, **place)
            else:
                with pytest.raises(SealBroken):
                    unseal(token, **place)


def swap(table: str, column: str) -> list[Any]:
    """Exchange what is sealed in a table's two oldest rows; returns the rows."""
    with unit_of_work():
        rows = run(f"SELECT * FROM {table} ORDER BY id LIMIT 2")
        for row, other in (rows, reversed(rows)):
            execute(
                f"UPDATE {table} SET {column} = %(token)s WHERE id = %(id)s",
                token=getattr(other, column),
                id=row.id,
            )
    return rows


def test_a_notice_in_the_place_of_another_is_not_shown_as_its_own(till):
    for row in swap("inbox", "raw"):
        shown = read_raw(row.id, till.shop.scope)

        assert shown is not None
        assert shown.text == ""
        assert row.notice["provider_reference"] in shown.read


def test_a_secret_in_the_place_of_another_signs_nothing(till):
    for row in swap("endpoint", "secret"):
        moved = read_one("SELECT secret FROM endpoint WHERE id = %(id)s", id=row.id).secret
        assert valid_secrets(row.id, row.secret, None)
        assert valid_secrets(row.id, moved, None) == ()
        with pytest.raises(SealBroken, match=row.id), unit_of_work():
            rotate_secret(till.shop.scope, row.id)


def test_an_answer_in_the_place_of_another_stores_is_not_replayed(app):
    mine, theirs = (
        Key(store, True, "same key", "hash", hides=True) for store in ("sto_1", "sto_2")
    )
    with unit_of_work():
        keep(mine, 201, '{"secret":"whsec_mine"}')
        keep(theirs, 201, '{"secret":"whsec_theirs"}')
    body = read_one("SELECT body FROM idempotency_key WHERE store_id = 'sto_1'").body
    assert b"whsec" not in base64.b64decode(body.removeprefix("sealed:"))
    with unit_of_work():
        execute("UPDATE idempotency_key SET body = %(body)s", body=body)

    with unit_of_work():
        kept = claim(mine)
        with pytest.raises(Problem) as refused:
            claim(theirs)

    assert kept is not None
    assert kept.body == '{"secret":"whsec_mine"}'
    assert refused.value.code == "idempotency_key_reused"
