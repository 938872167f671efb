"""The door for web servers: `gunicorn --config gunicorn.conf.py wsgi:app`."""

from __future__ import annotations

from checkout import create_app

app = create_app()
