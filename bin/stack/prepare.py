"""Migrates the database and makes the demo store; run by `bin/run` before the processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import flask_migrate

from checkout import create_app
from checkout.core.db import db
from checkout.ops.demo import make_demo


def main(base_url: str) -> None:
    """Both in one process: what costs is importing the application."""
    app = create_app()
    with app.app_context():
        flask_migrate.upgrade(directory=str(Path("migrations").absolute()))
        make_demo(Path(os.environ["CHECKOUT_VAR"]), base_url)
        db.engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
