"""The demo store of `bin/run`: an owner, test keys, every pretend provider, a page to pay."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from checkout.core import ids
from checkout.core.crypto import hash_secret
from checkout.core.db import one, unit_of_work
from checkout.core.i18n import DEFAULT_LOCALE
from checkout.keys.create import create_key
from checkout.ledger.post import WALLET
from checkout.merchants.accounts import put_password, register_user
from checkout.merchants.members import add_member
from checkout.merchants.passwords import hash_password, verify_password
from checkout.merchants.rail_accounts import configure_rail
from checkout.merchants.stores import create_store, load_store
from checkout.merchants.users import find_user
from checkout.payments.start import start_attempt
from checkout.rails.registry import folders, get_fake
from checkout.sessions.create import create_session
from checkout.sessions.schemas import CreateSession, LineItem

SLUG = "homestay-may"
OWNER = "owner@homestay-may.example"
ACTOR = "command"
FIRST = ("khqr", "vietqr")
"""What shoppers of these countries know best."""
PAGE_MINUTES = 1440


def make_demo(var_dir: Path, base_url: str) -> Path:
    """Make what is missing, a fresh page to pay, and write `demo.json`; returns its path.

    Keys and the owner's password are kept from start to start: they stand in that file alone,
    in clear, readable by whoever runs this only.
    """
    path = var_dir / "demo.json"
    known = _read(path)
    with unit_of_work():
        store_id = _store()
        login = _owner(store_id, known.get("login"))
        secret_key = _key(store_id, "secret", known.get("secret_key"))
        publishable_key = _key(store_id, "publishable", known.get("publishable_key"))
    rails = _rails(store_id, known.get("rails", {}), base_url)
    with unit_of_work():
        configure_rail(store_id, False, WALLET, {}, enabled=True, actor=ACTOR)
        page_id = _page(store_id)
    start_attempt(page_id, "vietqr", actor=ACTOR)
    demo = {
        "base_url": base_url,
        "dashboard_url": f"{base_url}/dashboard",
        "login": login,
        "secret_key": secret_key,
        "publishable_key": publishable_key,
        "store": store_id,
        "page_url": f"{base_url}/pay/{page_id}",
        "rails": rails,
    }
    _write(path, demo)
    return path


def _store() -> str:
    row = one("SELECT id FROM store WHERE slug = %(slug)s", slug=SLUG)
    if row is not None:
        store_id: str = row.id
        return store_id
    settings = {"rate_limit_per_minute": 60_000}
    return create_store("Homestay Mây", SLUG, settings, actor=ACTOR).id


def _owner(store_id: str, known: Any) -> dict[str, Any]:
    """Who signs in to the demo store's dashboard; the password is null once the owner has
    chosen another one.
    """
    user = find_user(OWNER)
    login = known if isinstance(known, dict) and known.get("email") == OWNER else {}
    password = login.get("password")
    if user is None:
        password = password or ids.new_secret(12)
        user = register_user(OWNER, password, "Mây", DEFAULT_LOCALE)
    elif not login:
        password = ids.new_secret(12)
        put_password(user, hash_password(password))
    elif password and not verify_password(user.password_hash, password):
        password = None
    add_member(store_id, user.id, "owner")
    return {"email": OWNER, "password": password}


def _key(store_id: str, kind: Any, known: str | None) -> str:
    if known and one(
        "SELECT id FROM api_key WHERE hash = %(hash)s AND store_id = %(store_id)s"
        " AND revoked_at IS NULL",
        hash=hash_secret(known),
        store_id=store_id,
    ):
        return known
    return create_key(store_id, False, kind, "demo", actor=ACTOR)[1]


def _rails(store_id: str, known: dict[str, Any], base_url: str) -> dict[str, Any]:
    """One account after the other: pages offer them in the order in which they were made."""
    made = {}
    for name in sorted(folders(), key=lambda name: name not in FIRST):
        with unit_of_work():
            made[name] = _rail(store_id, name, known.get(name, {}), base_url)
    return made


def _rail(store_id: str, rail: str, known: dict[str, Any], base_url: str) -> dict[str, Any]:
    """The demo store's account at a pretend provider; what it has stays from start to start."""
    fields = get_fake(rail).demo_settings(lambda: ids.new_secret(18))
    settings = {name: known.get(name, value) for name, value in fields.items()}
    account_id = configure_rail(store_id, False, rail, settings, enabled=True, actor=ACTOR)
    return {
        "rail_account": account_id,
        "hook_url": f"{base_url}/hooks/{rail}/{account_id}",
        **settings,
    }


def _page(store_id: str) -> str:
    given = CreateSession(
        currency="VND",
        line_items=[
            LineItem(name="Phòng đôi × 2 đêm", quantity=1, unit_amount=470_000),
            LineItem(name="Phí dọn phòng", quantity=1, unit_amount=30_000),
        ],
        description="Đặt phòng 2 đêm",
        reference="BK-2031",
        duration_minutes=PAGE_MINUTES,
        max_attempts=10,
    )
    session, _ = create_session(
        given.model_dump(),
        store_id=store_id,
        livemode=False,
        settings=load_store(store_id).settings,
        actor=ACTOR,
    )
    page_id: str = session["id"]
    return page_id


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, demo: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(demo, file, indent=2, ensure_ascii=False)
        file.write("\n")
    draft.replace(path)
