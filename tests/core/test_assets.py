"""Static files: known for ever by their hash, compressed, and exactly those we know of."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re

import pytest

from checkout.core.assets import FOLDER, all_assets, bundles, static_url
from tests.support.source import TEMPLATES

SCRIPTS = {
    "vendor/htmx-4.0.1.min.js",
    "vendor/hx-ws-4.0.1.min.js",
    "js/back.js",
    "js/copy.js",
    "js/countdown.js",
    "js/live.js",
    "js/newest.js",
    "js/print.js",
    "js/renewed.js",
    "js/share.js",
}
"""Every script that runs on a shopper's page. A new one is a decision: write it here too."""

PAGES = ("base", "components", "pay", "errors")
EVAL = re.compile(r"\beval\(|new Function|setTimeout\(\s*[\"'`]|innerHTML|document\.write")


def test_the_scripts_of_the_page_are_those_on_the_list():
    named = {
        name
        for folder in PAGES
        for path in (TEMPLATES / folder).rglob("*.html")
        for name in re.findall(r"static_url\('([^']+\.js)'\)", path.read_text())
    }
    joined = {name for name in named if name in bundles()}
    assert named - joined | {part for name in joined for part in bundles()[name]} == SCRIPTS


def test_a_joined_file_is_its_parts(client):
    for name, parts in bundles().items():
        assert not (FOLDER / name).exists()
        body = client.get(static_url(name)).data
        assert body == b"\n".join((FOLDER / part).read_bytes() for part in parts)


def test_every_style_sheet_belongs_to_a_page():
    used = {part for parts in bundles().values() for part in parts}
    for path in TEMPLATES.rglob("*.html"):
        used |= set(re.findall(r"static_url\(['\"]([^'\"]+\.css)['\"]\)", path.read_text()))
    assert {f"css/{path.name}" for path in (FOLDER / "css").glob("*.css")} <= used


@pytest.mark.parametrize("name", sorted(name for name in SCRIPTS if name.startswith("js/")))
def test_own_scripts_make_no_code_or_markup_out_of_text(name):
    assert not EVAL.search((FOLDER / name).read_text())


def test_vendored_files_are_what_their_list_says():
    listed = dict(
        re.findall(
            r"^\| `([^`]+)` \|.*\| `sha384-([^`]+)` \|$",
            (FOLDER / "vendor" / "README.md").read_text(),
            re.MULTILINE,
        )
    )
    found = {
        path.name: base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
        for path in (FOLDER / "vendor").iterdir()
        if path.suffix in (".js", ".woff2")
    }
    assert listed == found
    for name in found:
        package = re.match(r"(.+?-[\d.]+\d)", name)[1].replace("hx-ws", "htmx")
        assert (FOLDER / "vendor" / f"{package}.LICENSE.txt").exists()


def test_an_address_carries_the_contents_hash(client):
    url = static_url("css/base.css")
    assert re.fullmatch(r"/static/css/base\.css\?v=[0-9a-f]{12}", url)
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for other in ("/static/css/base.css", "/static/css/base.css?v=0123456789ab"):
        assert client.get(other).headers["Cache-Control"] == "public, no-cache"


def test_files_travel_compressed_where_the_browser_takes_it(client):
    url = static_url("js/live.js")
    packed = client.get(url, headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == (FOLDER / "js/live.js").read_bytes()
    for refused in ("", "identity", "gzip;q=0"):
        plain = client.get(url, headers={"Accept-Encoding": refused})
        assert "Content-Encoding" not in plain.headers
        assert plain.data == (FOLDER / "js/live.js").read_bytes()
        assert plain.headers["Vary"] == "Accept-Encoding"


def test_a_known_copy_is_not_sent_again(client):
    first = client.get("/static/icon.svg")
    again = client.get("/static/icon.svg", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_font_keeps_its_type(client):
    name = next(name for name in all_assets() if name.endswith(".woff2"))
    answer = client.get(static_url(name), headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Type"] == "font/woff2"
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "nothing.css",
        "../wsgi.py",
        "..%2fwsgi.py",
        "css/",
        "css/../../wsgi.py",
        "/etc/passwd",
        "%00",
    ],
)
def test_nothing_else_is_served(client, path):
    assert client.get(f"/static/{path}").status_code in (301, 308, 404)


def test_a_file_that_is_not_there_is_an_error_in_the_template():
    with pytest.raises(KeyError):
        static_url("css/nothing.css")


def test_style_sheets_name_files_that_are_there():
    for path in (FOLDER / "css").glob("*.css"):
        for name in re.findall(r"url\(\"?([^)\"]+)", path.read_text()):
            assert (path.parent / name).resolve().is_file(), f"{path.name}: {name}"
        assert not re.search(r"https?:", path.read_text()), path.name
