"""Bank-app buttons for an order: asked for per kind of phone, once the order is on the page."""

from __future__ import annotations

from typing import Any

from checkout.rails.base import Account, Attempt, Deeplink, HttpClient
from checkout.rails.zalopay.client import SUCCEEDED, app_id_of, call_zalopay, key1_of
from checkout.rails.zalopay.mac import BANK_LINKS, join_fields, make_mac
from checkout.rails.zalopay.orders import app_button, clean_text, is_link

LINKS_PATH = "/zps/api/v2/get_bank_deep_link"
PHONES = {"ios": "iOS", "android": "Android"}
ROWS_LIMIT = 60


def find_bank_links(attempt: Attempt, account: Account, http: HttpClient) -> tuple[Deeplink, ...]:
    """ZaloPay's own button and one per bank; none unless the settings ask. Raises RailError.

    A bank whose address differs between phones has a button for each.
    """
    order_url = attempt.details.get("order_url")
    if not account.settings.get("bank_links") or not isinstance(order_url, str):
        return ()
    token = str(attempt.details.get("order_token") or "")
    found: dict[str, dict[str, Deeplink]] = {}
    for phone in PHONES:
        for link in _ask_links(phone, token, account, http):
            found.setdefault(link.app, {})[phone] = link
    buttons = [button for by_phone in found.values() for button in _buttons(by_phone)]
    return (app_button(order_url), *sorted(buttons, key=lambda button: not button.fills))


def _ask_links(phone: str, token: str, account: Account, http: HttpClient) -> list[Deeplink]:
    fields: dict[str, object] = {
        "app_id": app_id_of(account),
        "bank_codes": "",
        "os_type": phone,
        "order_token": token,
    }
    fields["mac"] = make_mac(key1_of(account), join_fields(fields, BANK_LINKS))
    reply = call_zalopay(account, LINKS_PATH, fields, http)
    rows = reply.fields.get("data")
    if reply.return_code != SUCCEEDED or not isinstance(rows, list):
        return []
    links = (_read_row(row, account) for row in rows[:ROWS_LIMIT])
    return [link for link in links if link is not None]


def _read_row(row: Any, account: Account) -> Deeplink | None:
    if not isinstance(row, dict) or not is_link(row.get("deep_link"), account):
        return None
    code, name = (clean_text(str(row.get(key) or ""), 40) for key in ("bank_code", "short_name"))
    if not code:
        return None
    fills = row.get("is_auto_fill") in (True, 1)
    return Deeplink(app=code.lower(), name=name or code, url=row["deep_link"], fills=fills)


def _buttons(by_phone: dict[str, Deeplink]) -> list[Deeplink]:
    if len({link.url for link in by_phone.values()}) == 1 and len(by_phone) == len(PHONES):
        return [next(iter(by_phone.values()))]
    return [
        Deeplink(
            app=f"{link.app}-{phone}",
            name=f"{link.name} ({PHONES[phone]})",
            url=link.url,
            fills=link.fills,
        )
        for phone, link in by_phone.items()
    ]
