"""Draw the shopper's page and its panel, the one renderer of a session's present state."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, redirect, render_template, request
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as BaseResponse

from checkout.core.assets import compress_page
from checkout.core.brand import brand_css
from checkout.core.errors import Problem
from checkout.core.hub import Drawing
from checkout.core.i18n import LOCALES, Translator, remember_choice, request_locale
from checkout.core.money import exponent
from checkout.core.origin import origin_of
from checkout.core.qr import qr_svg
from checkout.core.web import allow_form_action
from checkout.sessions.booking import list_facts
from checkout.sessions.page import PageState, load_page
from checkout.sessions.viewer import Viewer, page_address, read_variant, read_viewer
from checkout.sessions.ways import label_of, provider_origins


def draw_page(page: PageState, locale: str, problem: str | None = None) -> str:
    """The whole document."""
    values = template_values(page, locale, problem)
    return render_template("pay/page.html", home=page_url(page), **values)


def draw_panel(page: PageState, locale: str, problem: str | None = None) -> str:
    """The fragment `#panel`."""
    return render_template("pay/_panel.html", **template_values(page, locale, problem))


def draw_push(session_id: str, variant: str) -> Drawing:
    """The panel as a socket carries it to viewers of this variant."""
    locale, viewer = read_variant(variant)
    page = load_page(session_id, viewer)
    return Drawing((page.seq, page.read_at), page.version, draw_panel(page, locale))


def template_values(page: PageState, locale: str, problem: str | None) -> dict[str, Any]:
    """What the templates of the shopper's page use."""
    t = Translator(locale)
    label = label_of(page.last_rail) if page.last_rail else ""
    return {
        "page": page,
        "t": t,
        "money": lambda amount: t.money(amount, page.currency),
        "plain": lambda amount: plain_amount(amount, page.currency),
        "path": f"/pay/{page.id}",
        "lang": f"?lang={locale}",
        "view": _query(page, locale),
        "view_in": lambda other: _query(page, other),
        "rail": t.or_same(label, label),
        "facts": list_facts(page.booking, t),
        "locales": LOCALES,
        "problem": problem,
        "qr": qr_svg,
        "brand": brand_css(page.brand_color),
    }


def page_locale(page: PageState) -> str:
    """The language of this request's page."""
    return request_locale(page.locale, page.store_locale)


def answer_page(page: PageState, problem: Problem | None = None) -> Response:
    """The page, and with a problem its status and what it means."""
    locale = page_locale(page)
    if page.can_leave:
        # The forms that choose and that leave are answered with redirects to others' pages.
        allow_form_action(provider_origins(page.rails))
        if page.cancel_url and (origin := origin_of(page.cancel_url)):
            allow_form_action((origin,))
    text = _problem_text(problem, page, locale)
    return compress_page(remember_choice(_respond(draw_page(page, locale, text), problem)))


def answer_panel(page: PageState, problem: Problem | None = None) -> Response:
    """The panel alone, for htmx."""
    locale = page_locale(page)
    text = _problem_text(problem, page, locale)
    return compress_page(_respond(draw_panel(page, locale, text), problem))


def answer_form(
    session_id: str, problem: Problem | None = None, *, viewer: Viewer | None = None
) -> BaseResponse:
    """The reply to any form of the page: the panel for htmx, else the page by a redirect."""
    page = load_page(session_id, viewer or read_viewer())
    if wants_fragment():
        return answer_panel(page, problem)
    if problem is not None:
        return answer_page(page, problem)
    return redirect(page_url(page), 303)


def answer_away(url: str) -> BaseResponse:
    """Lead the browser to somebody else's page, whoever asked."""
    if wants_fragment():
        # A header holds no Vietnamese letters, which an address may have.
        return Response(headers={"HX-Redirect": iri_to_uri(url)})
    return redirect(url, 303)


def page_url(page: PageState) -> str:
    """The page's address, with its language only where that was chosen by the address alone,
    and with what a provider's page said on the way back.
    """
    locale = page_locale(page)
    own = request_locale(page.locale, page.store_locale, by_address=False)
    query = page.viewer.query | ({"lang": locale} if locale != own else {})
    return page_address(page.id, **query)


def wants_fragment() -> bool:
    """Whether htmx asks, rather than the browser itself."""
    return request.headers.get("HX-Request") == "true"


def plain_amount(amount: int, currency: str) -> str:
    """An amount as one types it into a bank app: digits, and a point before decimals."""
    digits = exponent(currency)
    whole, part = divmod(amount, 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def _query(page: PageState, locale: str) -> str:
    return "?" + urlencode({"lang": locale, **page.viewer.query})


def _respond(body: str, problem: Problem | None) -> Response:
    response = Response(body, _page_status(problem) if problem else 200)
    if problem and problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    return response


def _page_status(problem: Problem) -> int:
    # Proxies put a page of their own in the place of a 502 or 504; this one has what to do next.
    return 409 if problem.type == "provider_error" else problem.status


def _problem_text(problem: Problem | None, page: PageState, locale: str) -> str | None:
    if problem is None or problem.code == page.failure_code:
        # A failed attempt's own panel says what it was.
        return None
    return Translator(locale).problem(problem.code)
