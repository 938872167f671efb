"""The door for web servers: `gunicorn --config gunicorn.conf.py wsgi:app`."""

from __future__ import annotations

import sys

from checkout import create_app
from checkout.core.config import ConfigError

try:
    app = create_app()
except ConfigError as error:
    sys.stderr.write(f"Error: {error}.\n")
    # To gunicorn 3 means that trying again is no use.
    sys.exit(3)
