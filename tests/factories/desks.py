"""A merchant's browser for tests: signed in, in a store, sending forms as its pages do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from checkout.core.db import unit_of_work
from checkout.merchants.members import add_member
from tests.factories.people import browser, make_user
from tests.factories.stores import make_store

CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class DeskBrowser:
    """What a member sees and sends."""

    client: FlaskClient
    user: Any
    store_id: str
    mode: str = "test"
    seen: dict[str, str] = field(default_factory=dict)

    def url(self, rest: str = "") -> str:
        return rest if rest.startswith("/dashboard") else f"{self.root}{rest}"

    @property
    def root(self) -> str:
        return f"/dashboard/{self.store_id}/{self.mode}"

    def get(self, rest: str = "", status: int = 200) -> str:
        """A page's text; `rest` is below the store unless it begins with /dashboard."""
        answer = self.client.get(self.url(rest))
        assert answer.status_code == status, (answer.status_code, answer.location, answer.text)
        return answer.text

    def post(self, rest: str, form: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """A form is sent with the token of this sign-in; the bare answer, not followed."""
        form = {"csrf": self.token(), **(form or {})}
        return self.client.post(self.url(rest), data=form, **options)

    def done(self, rest: str, form: dict[str, Any] | None = None) -> str:
        """Send a form that must be taken; the text of the page that follows."""
        answer = self.post(rest, form)
        assert answer.status_code == 303, answer.text
        return self.get(answer.location)

    def refused(self, rest: str, form: dict[str, Any] | None = None, status: int = 422) -> str:
        """Send a form that must be refused; the text of the page that says why."""
        answer = self.post(rest, form)
        assert answer.status_code == status, (answer.status_code, answer.location, answer.text)
        return answer.text

    def token(self) -> str:
        """What this sign-in's forms carry, read from a page once."""
        if "csrf" not in self.seen:
            page = self.client.get("/dashboard/account").text
            found = CSRF.search(page)
            assert found is not None, page
            self.seen["csrf"] = found[1]
        return self.seen["csrf"]


def make_desk(
    role: str = "owner", store_id: str | None = None, mode: str = "test", locale: str = "en"
) -> DeskBrowser:
    """A committed member's browser, in a store that is made where none is given."""
    store_id = store_id or make_store(rate_limit_per_minute=60_000).id
    user = make_user(locale=locale)
    with unit_of_work():
        add_member(store_id, user.id, role)
    return DeskBrowser(browser(user), user, store_id, mode)
