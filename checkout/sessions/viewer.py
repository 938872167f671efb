"""Who looks at the page, as far as it changes what they see: never anything that is believed."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request
from werkzeug.wrappers import Response

from checkout.core import ids
from checkout.core.config import config
from checkout.rails.registry import names

COOKIE = "way"
COOKIE_PATH = "/pay"
COOKIE_SECONDS = 365 * 24 * 3600
BACK = ("done", "cancelled", "unknown")
"""What a provider's page may have said on the way back."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A device, the way it paid last, and from where it has just come back."""

    phone: bool = False
    way: str = ""
    """The rail that was chosen last on this device."""
    back: str = ""
    back_from: str = ""
    """The attempt whose provider the shopper comes back from."""

    def variant(self, locale: str) -> str:
        """A short text that names this viewer's drawing of a panel; few differ."""
        return "|".join(
            (locale, "phone" if self.phone else "", self.way, self.back, self.back_from)
        )

    @property
    def query(self) -> dict[str, str]:
        """What the page's address says of the way back."""
        return {"back": self.back, "attempt": self.back_from} if self.back else {}


def read_variant(variant: str) -> tuple[str, Viewer]:
    """The locale and the viewer that `Viewer.variant` named."""
    locale, device, way, back, back_from = variant.split("|")
    return locale, Viewer(device == "phone", way, back, back_from)


def read_viewer() -> Viewer:
    """The viewer of the current request."""
    way = request.cookies.get(COOKIE, "")
    back, back_from = request.args.get("back", ""), request.args.get("attempt", "")
    comes_back = back in BACK and ids.is_id("att", back_from)
    return Viewer(
        phone=_is_phone(),
        way=way if way in names() else "",
        back=back if comes_back else "",
        back_from=back_from if comes_back else "",
    )


def page_address(session_id: str, **query: str) -> str:
    """The path of a session's page."""
    return f"/pay/{session_id}" + (f"?{urlencode(query)}" if query else "")


def remember_way(response: Response, rail: str) -> None:
    """Keep the chosen way for this device's next payment; a small cookie, no identity."""
    response.set_cookie(
        COOKIE,
        rail,
        max_age=COOKIE_SECONDS,
        path=COOKIE_PATH,
        secure=config().is_https,
        httponly=True,
        samesite="Lax",
    )


def _is_phone() -> bool:
    hint = request.headers.get("Sec-CH-UA-Mobile")
    return hint == "?1" if hint else "Mobi" in request.headers.get("User-Agent", "")
