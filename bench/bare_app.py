"""What the server does at most: the same gunicorn, and next to nothing in the routes."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from flask import Flask, Response, request
from flask_sock import Sock

from bench.bare_insert import INSERT, ROW

app = Flask("bare")
sock = Sock(app)
_ANSWER = '{"id":"' + "x" * 1_400 + '"}'
_idle: list[psycopg.Connection[Any]] = []


@app.get("/health/live")
def tell_life() -> Response:
    return Response("{}", mimetype="application/json")


@app.route("/bare", methods=["GET", "POST"])
def answer() -> Response:
    """As many bytes as a session has."""
    request.get_data(cache=False)
    return Response(_ANSWER, mimetype="application/json")


@app.post("/insert")
def insert() -> Response:
    """One row, committed, on a connection out of the plainest of pools."""
    request.get_data(cache=False)
    connection = _idle.pop() if _idle else _connect()
    connection.execute(INSERT, (ROW,))
    _idle.append(connection)
    return Response(_ANSWER, mimetype="application/json")


@sock.route("/echo")  # type: ignore[untyped-decorator]  # flask-sock has no types
def echo(socket: Any) -> None:
    """Says back what it hears."""
    while True:
        socket.send(socket.receive())


def _connect() -> psycopg.Connection[Any]:
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
