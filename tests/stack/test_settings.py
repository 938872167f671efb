from __future__ import annotations

from bin.stack.settings import make_environ, make_secrets, read_environ, write_environ


def test_secrets_are_made_once_and_private(tmp_path):
    first = make_secrets(tmp_path)
    assert make_secrets(tmp_path) == first
    assert set(first) == {"SECRET_KEY", "ENCRYPTION_KEYS", "METRICS_TOKEN"}
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600
    (tmp_path / "other").mkdir()
    assert make_secrets(tmp_path / "other") != first


def test_what_the_person_set_wins_but_not_over_our_own_parts(tmp_path, monkeypatch):
    monkeypatch.setenv("PUBLIC_URL", "https://pay.shop.test")
    monkeypatch.setenv("BIND", "0.0.0.0:1")
    environ = make_environ(
        var_dir=tmp_path,
        bind="127.0.0.1:8000",
        url="http://127.0.0.1:8000",
        database_url="d",
        redis_url="r",
    )
    assert environ["PUBLIC_URL"] == "https://pay.shop.test"
    assert environ["BIND"] == "127.0.0.1:8000"
    assert environ["SELF_URL"] == "http://127.0.0.1:8000"


def test_the_settings_start_the_product(tmp_path):
    from checkout.core.config import load_config

    environ = make_environ(
        var_dir=tmp_path,
        bind="127.0.0.1:8000",
        url="http://127.0.0.1:8000",
        database_url="postgresql://checkout@/checkout?host=%2Ftmp",
        redis_url="unix:///tmp/redis.sock",
    )
    config = load_config({key: value for key, value in environ.items() if key != "CHECKOUT_ENV"})
    assert config.secret_key == environ["SECRET_KEY"]


def test_a_command_finds_what_the_start_chose(tmp_path, monkeypatch):
    assert read_environ(tmp_path) is None
    monkeypatch.setenv("PATH", "/usr/bin")
    for url in ("first", "second"):
        write_environ(tmp_path, {"PATH": "/usr/bin", "DATABASE_URL": url})
    assert read_environ(tmp_path) == {"DATABASE_URL": "second"}
    assert (tmp_path / "environ.json").stat().st_mode & 0o777 == 0o600
