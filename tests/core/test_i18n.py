"""Three catalogues that agree, templates without words of their own, the choice of a language."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from checkout.core.codes import CODES
from checkout.core.i18n import (
    LOCALES,
    Translator,
    catalogue,
    choose_locale,
    clock_text,
    error_text,
    local_moment,
    request_locale,
    text,
    text_count,
    text_or,
)
from checkout.payments import play  # noqa: F401 - its plays have texts
from checkout.sessions.page import PLAYS, StateName
from checkout.sessions.why import tell_failure
from tests.support.source import PACKAGE, TEMPLATES, python_files, read_tree

SPOKEN = ("base", "components", "pay", "fake", "errors", "mail", "dashboard")
RAIL_ERROR = re.compile(r"RailError\(\s*\"([a-z_]+)\"")
NEVER_OF_ATTEMPTS = {"list_too_long", "token_not_returned"}
"""Errors of asking for lists and tokens, which is never a payer's attempt."""
KEY = re.compile(r"""\bt(?:\.count|\.or_same)?\(\s*["']([a-z0-9_.]+)["']""")
WORDS_IN_TAGS = re.compile(
    r"""\s(?:title|alt|placeholder|aria-label|value)="([^"{]*[^\W\d_]{2}[^"]*)\""""
)


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def spoken_templates():
    return [path for folder in SPOKEN for path in sorted((TEMPLATES / folder).rglob("*.html"))]


def words_of(path) -> str:
    """What a template says by itself, without its tags and expressions."""
    source = path.read_text()
    for pattern in (r"{#.*?#}", r"{%.*?%}", r"{{.*?}}", r"<(script|style)\b.*?</\1>", r"<[^>]*>"):
        source = re.sub(pattern, " ", source, flags=re.DOTALL)
    return source


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_every_catalogue_has_the_same_keys_and_placeholders(locale):
    english, other = catalogue("en"), catalogue(locale)
    assert list(other) == list(english)
    for key, template in english.items():
        assert placeholders(other[key]) == placeholders(template), key


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_is_empty_or_forgotten(locale):
    for key, template in catalogue(locale).items():
        assert template.strip(), key
    if locale != "en":
        same = {key for key, found in catalogue(locale).items() if found == catalogue("en")[key]}
        assert same <= {"language.vi", "language.en", "language.km", "qr.png_expires"}


@pytest.mark.parametrize("path", spoken_templates(), ids=lambda path: path.name)
def test_templates_have_no_words_of_their_own(path):
    source = re.sub(r"{[#%{].*?[#%}]}", "", path.read_text(), flags=re.DOTALL)
    assert not re.findall(r"[^\W\d_]{2,}", words_of(path))
    assert not WORDS_IN_TAGS.findall(source)


def named_texts() -> tuple[set[str], tuple[str, ...]]:
    """The keys that templates and code name, and the beginnings from which they make others."""
    named, beginnings = set(), set()
    for path in spoken_templates():
        named |= set(KEY.findall(path.read_text()))
        named |= set(re.findall(r'"(again\.[a-z_]+)"', path.read_text()))
        beginnings |= set(re.findall(r'"([a-z_.]+\.)" ~', path.read_text()))
    for path in python_files(PACKAGE):
        for node in ast.walk(read_tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named |= {node.value} & set(catalogue("en"))
                if re.fullmatch(r"[a-z_]+\.([a-z_]+\.)*", node.value):
                    beginnings.add(node.value)
    return {key for key in named if not key.endswith(".")}, tuple(beginnings)


def test_every_named_text_exists_and_every_text_is_named():
    known = set(catalogue("en"))
    named, beginnings = named_texts()
    assert {key for key in named if key not in known and f"{key}.one" not in known} == set()
    counted = {f"{key}.{form}" for key in named for form in ("one", "other")}
    unnamed = known - named - counted
    assert {key for key in unnamed if not key.startswith(beginnings)} == set()


RAISED = re.compile(r"\"([a-z_]+)\"")
NO_SCREENS = {
    "access_token_expired": ("merchants/access.py",),
    "amount_not_allowed": ("embed/widget_views.py",),
    "idempotency_key_in_use": ("core/idempotency.py",),
    "idempotency_key_reused": ("core/idempotency.py",),
    "invalid_api_key": ("core/api.py",),
    "invalid_idempotency_key": ("core/idempotency.py",),
    "invalid_json": ("core/body.py",),
    "invalid_refresh_token": ("merchants/auth_api_views.py", "merchants/tokens.py"),
    "invalid_signature": ("payments/hook_views.py", "rails/stripe/webhook.py"),
    "key_not_allowed": ("core/api.py",),
    "missing_api_key": ("core/api.py",),
    "publishable_key_required": (),
    "secret_key_required": (),
    "too_many_sockets": ("core/sockets.py",),
    "unsupported_media_type": ("core/body.py", "core/web.py"),
    "user_token_required": ("core/api.py",),
}
"""Codes of doors that programs alone come through, and where they are raised."""
OF_ALL_CODES = ("core/codes.py", "core/openapi.py")


def test_every_code_that_a_screen_can_raise_has_a_text():
    for locale in LOCALES:
        texts = catalogue(locale)
        without = {
            code
            for code in CODES.keys() - NO_SCREENS.keys()
            if f"form.error.{code}" not in texts and f"error.{code}" not in texts
        }
        assert without == set(), locale


def test_no_screen_raises_what_has_no_text():
    places: dict[str, set[str]] = {code: set() for code in NO_SCREENS}
    for path in python_files(PACKAGE):
        name = path.relative_to(PACKAGE).as_posix()
        for code in set(RAISED.findall(path.read_text())) & places.keys():
            places[code].add(name)

    for code, known in NO_SCREENS.items():
        assert places[code] - set(OF_ALL_CODES) <= set(known), code


def test_every_failure_of_ours_is_told_to_merchants_in_their_language():
    codes = set(RAIL_ERROR.findall("".join(map(Path.read_text, python_files(PACKAGE / "rails")))))
    codes |= {key.removeprefix("failure.") for key in catalogue("en") if key.startswith("failure.")}
    assert {"declined", "provider_timeout", "wrong_otp"} <= codes - {"other"}

    for locale in LOCALES:
        told = {code for code in codes - {"other"} if f"why.{code}" in catalogue(locale)}
        assert codes - {"other"} - told == NEVER_OF_ATTEMPTS
    assert tell_failure({"code": "declined", "message": "No."}, Translator("vi")) == text(
        "why.declined", "vi"
    )
    assert tell_failure({"code": "x9", "message": "Its words."}, Translator("vi")) == "Its words."
    assert tell_failure({"code": "x9"}, Translator("vi")) == "x9"
    assert tell_failure(None, Translator("vi")) == ""


def test_every_state_has_its_texts():
    for state in StateName.__args__:
        assert text(f"page.title.{state}", "vi", store="S")
        assert f"status.{state}" in catalogue("vi")
    for play_kind in ("rest", *PLAYS):
        assert f"play.{play_kind}" in catalogue("vi")
    for ended in ("abandoned", "cancelled"):
        assert f"ended.title.{ended}" in catalogue("vi")
        assert f"ended.text.{ended}" in catalogue("vi")
    for locale in LOCALES:
        assert f"language.{locale}" in catalogue(locale)


def test_a_text_takes_its_values():
    assert text("partly.title", "en", due="5 USD") == "5 USD still to pay"
    assert text_count("attempts.left", "en", 1) == "You have 1 attempt left in this session."
    assert text_count("attempts.left", "en", 2) == "You have 2 attempts left in this session."
    assert "2" in text_count("attempts.left", "vi", 2)
    with pytest.raises(KeyError):
        text("no.such.key", "en")
    with pytest.raises(KeyError):
        text("paid.title", "fr")


def test_braces_in_a_value_are_only_text():
    assert text("page.title.paid", "en", store="{0.__class__} {x}") == "Paid · {0.__class__} {x}"


def test_what_has_no_text_is_shown_as_it_is():
    assert text_or("VietQR", "vi", "VietQR") == "VietQR"
    assert error_text("session_expired", "en").startswith("This payment session has expired")
    assert error_text("unheard_of", "en") == "Something went wrong on our side"


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        ({"asked": "en", "remembered": "km", "session": "vi"}, "en"),
        ({"asked": "xx", "remembered": "km", "session": "vi"}, "km"),
        ({"remembered": "xx", "session": "en", "store": "km"}, "en"),
        ({"accepted": lambda: "km", "store": "en"}, "km"),
        ({"store": "en"}, "en"),
        ({"store": "xx"}, "vi"),
        ({}, "vi"),
    ],
)
def test_the_choice_of_a_language(wishes, chosen):
    assert choose_locale(**wishes) == chosen


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("km-KH,km;q=0.9,en;q=0.5", "km"),
        ("fr-FR,fr;q=0.9,en;q=0.5", "en"),
        ("en-GB", "en"),
        ("fr", "vi"),
        ("", "vi"),
        ("\x7f;;q=,,", "vi"),
    ],
)
def test_the_browsers_wish(app, header, chosen):
    with app.test_request_context("/pay/x", headers={"Accept-Language": header}):
        assert request_locale() == chosen


def test_times_are_those_of_the_region():
    at = datetime(2026, 11, 23, 20, 2, 11, tzinfo=UTC)
    assert local_moment(at, "en") == "03:02:11, 24 Nov 2026"
    assert local_moment(at, "vi").startswith("03:02:11, 24")
    assert local_moment(at, "km").startswith("03:02:11, 24")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (9, "0:09"),
        (648, "10:48"),
        (3600, "1:00:00"),
        (86_399, "23:59:59"),
        (-5, "0:00"),
    ],
)
def test_a_time_left(seconds, shown):
    assert clock_text(seconds) == shown


def test_a_translator_knows_its_language():
    t = Translator("en")
    assert t("paid.title") == "Paid"
    assert t.money(50, "USD") == "$0.50"
    assert t.problem("session_not_active") == "This payment session has ended."
