"""A store's logo: drawn anew, small, kept under its hash, and gone when it is taken away."""

from __future__ import annotations

import base64
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from checkout.core.db import run, unit_of_work
from checkout.core.errors import Problem
from checkout.merchants import logos
from checkout.merchants.logo_drawing import MOST_KEPT_BYTES, SIDE, draw_logo
from checkout.merchants.logos import MAX_BYTES, set_logo
from tests.factories.checkouts import make_checkout
from tests.factories.stores import make_shop, make_store, make_vietqr
from tests.factories.teams import make_member


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 200), mode: str = "RGB") -> bytes:
    made = BytesIO()
    Image.new(mode, size, 0 if mode in ("L", "P", "1") else (200, 30, 90)).save(made, kind)
    return made.getvalue()


def sent(content: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(content).decode()}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(300, 200), (1, 1), (40, 900), (4000, 10)])
def test_any_usual_picture_becomes_a_small_one(kind, size):
    made = Image.open(BytesIO(draw_logo(picture(kind, size))))

    assert made.format == "WEBP"
    assert max(made.size) <= SIDE


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA"])
def test_whatever_the_pixels_are(mode):
    content = BytesIO()
    Image.new(mode, (64, 64)).save(content, "PNG")

    assert Image.open(BytesIO(draw_logo(content.getvalue()))).size == (64, 64)


def test_it_is_drawn_beside_the_loop(app, monkeypatch):
    store, drawn = make_store(), []
    monkeypatch.setattr(
        "checkout.merchants.logos.run_aside", lambda work: drawn.append(work()) or drawn[0]
    )

    with unit_of_work():
        set_logo(store.id, picture(), actor="test")

    assert [bytes(row.body) for row in run("SELECT body FROM store_logo")] == drawn


def test_noise_stays_small_as_well():
    noise = Image.effect_noise((240, 240), 200).convert("RGB")
    made = BytesIO()
    noise.save(made, "PNG")

    assert len(draw_logo(made.getvalue())) <= MOST_KEPT_BYTES


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(100),
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"\x89PNG\r\n\x1a\n",
        picture()[:60],
        picture(size=(4001, 5)),
        picture() + bytes(MAX_BYTES),
    ],
    ids=["nothing", "gif", "svg", "head", "half", "wide", "heavy"],
)
def test_other_things_are_refused(content):
    with pytest.raises(Problem, match="invalid_image"):
        draw_logo(content)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(("PNG", "JPEG", "WEBP")),
    at=st.integers(0, 400),
    put=st.binary(min_size=1, max_size=8),
)
def test_a_broken_picture_is_never_a_crash(kind, at, put):
    content = bytearray(picture(kind))
    content[at : at + len(put)] = put
    with suppress(Problem):
        assert draw_logo(bytes(content))


def test_what_hides_in_a_picture_is_left_behind(app):
    made = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "<script>secret place</script>"
    Image.new("RGB", (50, 50)).save(made, "JPEG", exif=exif)

    assert b"secret place" not in draw_logo(made.getvalue())


def test_one_picture_is_drawn_at_a_time(client, monkeypatch):
    """Each may take hundreds of megabytes, however few bytes have come."""
    me = make_member()
    monkeypatch.setattr(logos, "WAIT_SECONDS", 0.01)

    with logos._alone():
        answer = client.put(f"{me.path}/logo", json=sent(picture()), headers=me.headers())

    assert (answer.status_code, answer.json["error"]["code"]) == (429, "rate_limited")
    assert answer.headers["Retry-After"] == "1"
    answer = client.put(f"{me.path}/logo", json=sent(picture()), headers=me.headers())
    assert answer.status_code == 200


def test_the_logo_is_set_shown_and_removed(client):
    me = make_member()

    answer = client.put(f"{me.path}/logo", json=sent(picture()), headers=me.headers())

    assert answer.status_code == 200, answer.text
    path = answer.json["logo_url"].partition("://")[2].partition("/")[2]
    shown = client.get(f"/{path}")
    assert shown.content_type == "image/webp"
    assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    gone = client.delete(f"{me.path}/logo", headers=me.headers())
    assert gone.json["logo_url"] is None
    assert client.get(f"/{path}").status_code == 404
    assert client.delete(f"{me.path}/logo", headers=me.headers()).status_code == 404
    actions = [
        row.action
        for row in run(
            "SELECT action FROM audit_entry WHERE store_id = %(id)s AND action LIKE 'store.logo%%'"
            " ORDER BY seq",
            id=me.store_id,
        )
    ]
    assert actions == ["store.logo_set", "store.logo_removed"]


@pytest.mark.parametrize("image", ["====", "not base64!", base64.b64encode(b"x" * 50).decode()])
def test_an_image_that_is_none_is_refused_over_the_api(client, image):
    me = make_member()

    answer = client.put(f"{me.path}/logo", json={"image": image}, headers=me.headers())

    assert (answer.status_code, answer.json["error"]["param"]) == (422, "image")


@pytest.mark.parametrize("path", ["/logos/sto_x/abc.webp", "/logos/x/..%2f.webp"])
def test_no_logo_is_simply_not_there(client, path):
    assert client.get(path).status_code == 404


def test_another_stores_logo_has_another_address(client):
    first, second = make_store(), make_store()
    with unit_of_work():
        found = set_logo(first.id, picture(), actor="test")

    assert client.get(f"/logos/{first.id}/{found}.webp").status_code == 200
    assert client.get(f"/logos/{second.id}/{found}.webp").status_code == 404


def test_the_shoppers_page_shows_it_in_place_of_the_initial(client):
    shop = make_shop()
    make_vietqr(shop)
    page = f"/pay/{make_checkout(shop)}"
    assert 'class="initial"' in client.get(page).text

    with unit_of_work():
        found = set_logo(shop.store.id, picture(), actor="test")

    text = client.get(page).text
    assert f'src="/logos/{shop.store.id}/{found}.webp"' in text
    assert 'class="initial"' not in text
