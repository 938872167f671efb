"""The application factory."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from checkout.core.config import Config

ROOT = Path(__file__).parent.parent


def create_app(config: Config | None = None, *, surfaces: bool = True) -> Flask:
    """A ready application; opens no connection until one is needed.

    Workers leave out the surfaces (views, commands, sockets), which are a third of its memory.
    """
    # Imported here, so that `import checkout.rails...` alone stays small.
    from flask import Flask  # noqa: PLC0415

    from checkout import areas  # noqa: PLC0415
    from checkout.core import (  # noqa: PLC0415
        i18n,
        logs,
        redis,
    )
    from checkout.core.config import load_config  # noqa: PLC0415
    from checkout.core.db import init_db  # noqa: PLC0415

    settings = config if config is not None else load_config(os.environ)
    app = Flask(
        "checkout",
        root_path=str(ROOT / "checkout"),
        template_folder=str(ROOT / "templates"),
        static_folder=None,
    )
    app.extensions["checkout_config"] = settings
    logs.init_logs(settings)
    init_db(app, settings)
    redis.init_redis(app, settings)
    areas.import_models()
    i18n.init_i18n(app)
    if surfaces:
        _add_surfaces(app)
    importlib.import_module("checkout.wiring")
    return app


def _add_surfaces(app: Flask) -> None:
    from checkout import areas  # noqa: PLC0415
    from checkout.core import api, assets, docs_views, migrate, sockets, web  # noqa: PLC0415
    from checkout.keys.authenticate import authenticate  # noqa: PLC0415
    from checkout.merchants.accounts import authenticate_access_token  # noqa: PLC0415
    from checkout.merchants.members import enter_store  # noqa: PLC0415
    from checkout.merchants.roles import roles_of_actions  # noqa: PLC0415
    from checkout.merchants.screens import init_screens  # noqa: PLC0415

    web.init_web(app)
    assets.init_assets(app)
    users = api.Users(authenticate_access_token, enter_store, roles_of_actions())
    api.init_api(app, authenticate, users)
    init_screens(app)
    areas.register_areas(app)
    app.register_blueprint(docs_views.blueprint)
    sockets.init_sockets(app)
    migrate.init_migrate(app, ROOT / "migrations")
