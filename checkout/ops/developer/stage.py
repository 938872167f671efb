"""What scenarios are played with: the public calls, each told as it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from checkout.core.http import OutsideError, send
from checkout.core.ids import new_secret
from checkout.ops.developer.client import Api, Away, Trouble

PREFERRED = ("vietqr", "khqr", "vnpay", "stripe", "zalopay")
Session = dict[str, Any]


@dataclass
class Stage:
    """One scenario's shop: a key in test mode and what its sessions are of."""

    api: Api
    amount: int
    currency: str
    rail: str | None
    say: Callable[[str], None] = click.echo

    def session(self, **fields: Any) -> Session:
        """A new session."""
        given = {"currency": self.currency, "description": "Try-out", **fields}
        if "line_items" not in given:
            given.setdefault("amount", self.amount)
        session = self.api.post("/checkout/sessions", given)
        self.say(f"  session {session['id']}  {session['url']}")
        return session

    def attempt(self, session: Session, rails: tuple[str, ...] = PREFERRED) -> Session:
        """An attempt on the rail that was asked for, else on the first of `rails` there is."""
        fitting = [rail for rail in rails if rail in session["rails"]]
        if self.rail is None and not fitting:
            offered = ", ".join(session["rails"]) or "none"
            raise Trouble(
                f"This needs one of {', '.join(rails)}, and the session offers {offered}: switch"
                " one on with flask rail configure, or give --currency or --rail."
            )
        rail = self.rail or fitting[0]
        attempt = self.api.post(f"/checkout/sessions/{session['id']}/attempts", {"rail": rail})
        self.say(f"  attempt {attempt['id']} on {rail}")
        return attempt

    def pay(self, attempt: Session, **how: Any) -> None:
        """The pretend provider sends its notice, and is asked as well where it sends none."""
        answer = self.api.post(f"/test/attempts/{attempt['id']}/pay", how)
        told = f"{answer['notices']} notice" + ("s" if answer["notices"] != 1 else "")
        self.say(f"  {attempt['rail']} told of it: {told}")
        if not answer["notices"]:
            self.api.post(f"/checkout/attempts/{attempt['id']}/check")
            self.say(f"  {attempt['rail']} was asked")

    def paid(self, session: Session) -> None:
        """The session paid exactly."""
        self.pay(self.attempt(session))

    def act(self, session: Session, action: str, body: Session | None = None) -> None:
        """One of the session's own calls, such as `cancel`."""
        self.api.post(f"/checkout/sessions/{session['id']}/{action}", body)
        self.say(f"  {action}")

    def customer(self) -> str:
        """A customer nobody has seen before."""
        session = self.session(customer={"reference": f"try-out-{new_secret(6)}"})
        customer: str = session["customer"]
        self.say(f"  customer {customer}")
        return customer

    def leave_page(self, session: Session) -> None:
        """The page's own button, pressed by the shopper."""
        try:
            send(
                "POST",
                f"{session['url']}/abandonment",
                headers={"Origin": session["url"].partition("/pay/")[0]},
                body=b"",
                timeout_seconds=10.0,
                vet=False,
            )
        except OutsideError as error:
            raise Away(f"The page {session['url']} does not answer: {error.message}.") from None
        self.say("  the shopper leaves")
