"""The smallest application that reads bodies, to test the web server's own limits."""

from __future__ import annotations

from flask import Flask, request

app = Flask("bare")


@app.route("/", methods=["GET", "POST"])
def echo_length() -> str:
    """How many bytes of body arrived."""
    return str(len(request.get_data()))


@app.route("/health/live")
def live() -> str:
    """The server answers."""
    return "ok"
