from __future__ import annotations

import pytest

from checkout.core.db import execute, unit_of_work
from checkout.core.ids import new_id
from tests.factories.stores import make_shop


def insert(shop, count=1, created_at="2026-01-01T00:00:00.5Z"):
    ids = [new_id("cus") for _ in range(count)]
    with unit_of_work():
        for one_id in ids:
            execute(
                "INSERT INTO customer (id, store_id, livemode, created_at)"
                " VALUES (%(id)s, %(store)s, %(live)s, %(at)s)",
                id=one_id,
                store=shop.store.id,
                live=shop.livemode,
                at=created_at,
            )
    return sorted(ids, reverse=True)


@pytest.fixture
def listing(api, api_app):
    def get(shop, query=""):
        return api.get(f"/api/v1/things?{query}", headers=shop.headers)

    with api_app.app_context():
        yield get


def test_pages_run_from_the_newest_to_the_oldest_without_gaps(listing, shop):
    ids = insert(shop, 5)

    seen, query = [], "limit=2"
    while True:
        page = listing(shop, query).get_json()
        assert page["object"] == "list"
        seen += [item["id"] for item in page["data"]]
        if not page["has_more"]:
            break
        query = f"limit=2&cursor={page['next_cursor']}"

    assert seen == ids
    assert page["next_cursor"] is None
    assert "total_count" not in page


def test_an_exact_page_has_no_more(listing, shop):
    insert(shop, 2)

    page = listing(shop, "limit=2").get_json()

    assert (len(page["data"]), page["has_more"], page["next_cursor"]) == (2, False, None)


def test_the_total_is_counted_on_request_and_not_from_the_cursor(listing, shop):
    insert(shop, 3)
    first = listing(shop, "limit=1&include=total_count").get_json()

    second = listing(shop, f"limit=1&include=total_count&cursor={first['next_cursor']}").get_json()

    assert first["total_count"] == second["total_count"] == 3


def test_another_store_and_the_other_mode_are_not_seen(listing, shop):
    insert(shop)

    assert listing(make_shop()).get_json()["data"] == []
    assert listing(make_shop(livemode=True, store=shop.store)).get_json()["data"] == []


def test_a_foreign_cursor_is_missing(listing, shop):
    insert(shop, 2)
    cursor = listing(shop, "limit=1").get_json()["next_cursor"]

    for stranger in (make_shop(), make_shop(livemode=True, store=shop.store)):
        response = listing(stranger, f"cursor={cursor}")
        assert response.status_code == 404
        assert response.get_json()["error"]["code"] == "resource_missing"
        assert response.get_json()["error"]["param"] == "cursor"


@pytest.mark.parametrize("cursor", ["x", "%C3%A9", "====", "Y3VzX%00", "Y3VzXw==", "%ff", "_-_-"])
def test_a_damaged_cursor(listing, shop, cursor):
    response = listing(shop, f"cursor={cursor}")

    assert response.status_code in (400, 422)
    assert response.get_json()["error"]["param"] == "cursor"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("created_at[gte]=2026-01-01T00:00:00Z", 1),
        ("created_at[gt]=2026-01-01T00:00:00Z", 0),
        ("created_at[lte]=2026-01-01T00:00:00Z", 1),
        ("created_at[lt]=2026-01-01T00:00:00Z", 0),
        ("created_at[lt]=2026-01-01T07:00:01%2B07:00", 1),
        ("created_at[lt]=2026-01-01T07:00:01+07:00", 1),
        ("created_at[gte]=2025-01-01T00:00:00Z&created_at[lt]=2025-02-01T00:00:00Z", 0),
    ],
)
def test_times_are_compared_as_they_are_shown(listing, shop, query, found):
    insert(shop)

    assert len(listing(shop, query).get_json()["data"]) == found
