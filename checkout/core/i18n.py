"""Texts in the shopper's language: three catalogues with the same keys.

A catalogue is one flat JSON object from key to text; `{name}` in a text is a placeholder. A
text that depends on a number has two keys, `<key>.one` and `<key>.other`; languages without
plural forms say the same in both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, lru_cache
from pathlib import Path

from babel.dates import format_datetime
from flask import Flask, Response, has_request_context, request
from werkzeug.datastructures import LanguageAccept

from checkout.core.config import config
from checkout.core.money import format_money

LOCALES = ("vi", "en", "km")
DEFAULT_LOCALE = "vi"
TEXTS = Path(__file__).with_name("texts")
COOKIE = "lang"
COOKIE_SECONDS = 365 * 24 * 3600

# Vietnam and Cambodia share one time all year; bank statements there are written in it.
LOCAL_TIME = timezone(timedelta(hours=7))


@cache
def catalogue(locale: str) -> dict[str, str]:
    """All texts of one language. Raises KeyError for a language that there is none of."""
    if locale not in LOCALES:
        raise KeyError(locale)
    texts: dict[str, str] = {}
    for path in text_files(locale):
        texts |= json.loads(path.read_text(encoding="utf-8"))
    return texts


def text_files(locale: str) -> list[Path]:
    """The shopper's texts, then those of each part of the dashboard."""
    return [TEXTS / f"{locale}.json", *sorted((TEXTS / "dashboard").glob(f"*.{locale}.json"))]


def text(key: str, locale: str, **values: object) -> str:
    """One text. Raises KeyError for an unknown key, so that a typo shows in the first test."""
    found = catalogue(locale)[key]
    return found.format_map(values) if values else found


def text_count(key: str, locale: str, count: int, **values: object) -> str:
    """A text that depends on a number, which it may show as `{count}`."""
    form = "one" if count == 1 else "other"
    return text(f"{key}.{form}", locale, count=count, **values)


def text_or(key: str, locale: str, otherwise: str) -> str:
    """A text that a rail or an error code may lack; then `otherwise` is shown as it is."""
    return catalogue(locale).get(key, otherwise)


def error_text(code: str, locale: str, otherwise: str | None = None) -> str:
    """What an error code means, for people; codes without a text of their own get `otherwise`."""
    fallback = text("error.api_error", locale) if otherwise is None else otherwise
    return text_or(f"error.{code}", locale, fallback)


@dataclass(frozen=True, slots=True)
class Translator:
    """What a template needs of a language, bound to it once."""

    locale: str

    def __call__(self, key: str, **values: object) -> str:
        return text(key, self.locale, **values)

    def count(self, key: str, count: int, **values: object) -> str:
        return text_count(key, self.locale, count, **values)

    def money(self, amount: int, currency: str) -> str:
        return format_money(amount, currency, self.locale)

    def moment(self, at: datetime | str) -> str:
        """A time as people read it; also one of the API's own texts."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        return local_moment(moment, self.locale)

    def or_same(self, key: str, otherwise: str) -> str:
        return text_or(key, self.locale, otherwise)

    def problem(self, code: str) -> str:
        return error_text(code, self.locale)


def init_i18n(app: Flask) -> None:
    """What every template may use: `translator()` and the filter `clock`."""
    app.jinja_env.globals["translator"] = translator
    app.jinja_env.filters["clock"] = clock_text


def translator(locale: str | None = None) -> Translator:
    """The texts of a language, by default that of the current request."""
    if locale in LOCALES:
        return Translator(locale)
    return Translator(request_locale() if has_request_context() else DEFAULT_LOCALE)


def clock_text(seconds: int) -> str:
    """A time left as M:SS, from an hour on as H:MM:SS."""
    minutes, rest = divmod(max(0, seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


@lru_cache(maxsize=1024)
def local_moment(at: datetime, locale: str) -> str:
    """A time as people in Vietnam and Cambodia read it off their bank app."""
    local = at.astimezone(LOCAL_TIME)
    return format_datetime(local.replace(tzinfo=UTC), "HH:mm:ss, d MMM y", locale=locale)


def choose_locale(
    *,
    asked: str | None = None,
    remembered: str | None = None,
    session: str | None = None,
    accepted: Callable[[], str | None] = lambda: None,
    store: str | None = None,
) -> str:
    """The first of these that is a language we have.

    The shopper's own choice (in the address, or remembered from an earlier one) comes before
    what the shop set for the session; the browser's wish and the store's default follow.
    """
    for wish in (asked, remembered, session):
        if wish in LOCALES:
            return wish
    wish = accepted()
    if wish in LOCALES:
        return wish
    return store if store in LOCALES else DEFAULT_LOCALE


def request_locale(
    session: str | None = None, store: str | None = None, *, by_address: bool = True
) -> str:
    """The language of the current request; without `by_address` what it would be if its
    address did not say.
    """
    return choose_locale(
        asked=request.args.get("lang") if by_address else None,
        remembered=request.cookies.get(COOKIE),
        session=session,
        accepted=lambda: accepted_locale(request.accept_languages),
        store=store,
    )


def accepted_locale(languages: LanguageAccept) -> str | None:
    """What the browser would like best of what we have."""
    return languages.best_match(LOCALES)


def remember_choice(response: Response) -> Response:
    """Keep a language chosen in the address for the next pages; a small cookie, no identity."""
    asked = request.args.get("lang")
    if asked in LOCALES and request.cookies.get(COOKIE) != asked:
        response.set_cookie(
            COOKIE,
            asked,
            max_age=COOKIE_SECONDS,
            secure=config().is_https,
            httponly=True,
            samesite="Lax",
        )
    return response
