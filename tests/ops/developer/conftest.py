from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from checkout.core.db import unit_of_work
from checkout.merchants.rail_accounts import configure_rail
from checkout.ops.developer.cli import group
from checkout.ops.developer.client import Api
from tests.factories.rails import make_rail
from tests.factories.stores import make_shop
from tests.support.live import LiveServer


class Desk:
    """A developer's own shop at a running server, with `var/demo.json` as bin/run writes it."""

    def __init__(self, server: LiveServer, var_dir: Path) -> None:
        self.server = server
        self.var_dir = var_dir
        with server.app.app_context():
            self.shop = make_shop()
            for rail in ("vietqr", "vnpay"):
                make_rail(self.shop, rail)
            with unit_of_work():
                configure_rail(self.shop.store.id, False, "wallet", {}, enabled=True, actor="test")
        self.api = Api(server.url, self.shop.key)
        var_dir.mkdir(exist_ok=True)
        demo = {"base_url": server.url, "secret_key": self.shop.key}
        (var_dir / "demo.json").write_text(json.dumps(demo))

    def run(self, *words: str) -> Result:
        """`bin/checkout …`, run to its end."""
        return CliRunner().invoke(group, list(words), env={"CHECKOUT_VAR": str(self.var_dir)})

    def make_session(self, reference: str) -> dict[str, Any]:
        return self.api.post(
            "/checkout/sessions", {"amount": 50_000, "currency": "VND", "reference": reference}
        )


@pytest.fixture
def desk(live_server: LiveServer, tmp_path: Path) -> Desk:
    """A new shop at the server that this worker's tests share."""
    return Desk(live_server, tmp_path / "var")


@pytest.fixture
def make_desk(tmp_path: Path) -> Callable[[LiveServer], Desk]:
    """The same at another server."""
    return lambda server: Desk(server, tmp_path / "var")
