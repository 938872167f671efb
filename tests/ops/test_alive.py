from __future__ import annotations

from checkout.core.db import execute, unit_of_work
from checkout.ops.alive import is_alive, main


def note_heartbeat(name: str, *, seconds_ago: int) -> None:
    with unit_of_work():
        execute(
            "INSERT INTO heartbeat (kind, name, at) VALUES"
            " ('worker', %(name)s, clock_timestamp() - make_interval(secs => %(ago)s))",
            name=name,
            ago=seconds_ago,
        )


def test_only_a_recent_heartbeat_of_this_host_counts(app, database_url):
    note_heartbeat("here:1", seconds_ago=5)
    note_heartbeat("there:1", seconds_ago=120)
    note_heartbeat("hereafter:1", seconds_ago=5)

    assert is_alive("worker", database_url=database_url, host="here")
    assert not is_alive("worker", database_url=database_url, host="there")
    assert not is_alive("worker", database_url=database_url, host="her")
    assert not is_alive("scheduler", database_url=database_url, host="here")


def test_a_database_that_is_away_means_not_alive(monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", "postgresql://checkout@/checkout?host=/nowhere")
    assert main(["worker"]) == 1
    assert capsys.readouterr().err == "OperationalError\n"


def test_a_wrong_call_is_said(capsys):
    assert main(["web"]) == 2
    assert "usage" in capsys.readouterr().err
