from __future__ import annotations

import redis

from bin.stack.redis_server import Redis


def test_durable_keeps_its_keys_over_a_restart(tmp_path):
    server = Redis(tmp_path / "redis", durable=True)
    for expected in (1, 2):
        server.start()
        with redis.Redis.from_url(server.url) as connection:
            assert connection.incr("starts") == expected
        server.stop()


def test_only_the_owner_may_enter_the_folder(tmp_path):
    server = Redis(tmp_path / "redis", durable=False)
    server.start()
    assert (tmp_path / "redis").stat().st_mode & 0o777 == 0o700
    server.stop()


def test_a_leftover_is_stopped(tmp_path):
    left = Redis(tmp_path / "redis", durable=False)
    left.start()
    second = Redis(tmp_path / "redis", durable=False)
    second.start()
    assert left.process.wait(5) is not None
    with redis.Redis.from_url(second.url) as connection:
        assert connection.ping()
    second.stop()
