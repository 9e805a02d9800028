"""Private Redis servers do what channels are tested against: they persist, refuse, hide behind TLS, hang and die."""

from pathlib import Path

import pytest
import redis

from tests.rig.redis import Fsync, Redis, running_redis


def test_a_running_server_answers(redis_rig: Redis) -> None:
    """At its URL, as redis-py takes it."""
    with redis.Redis.from_url(redis_rig.url) as client:
        assert client.ping()


@pytest.mark.parametrize(("fsync", "kept"), [("always", "1"), ("everysec", "1"), ("none", None)])
def test_a_kill_leaves_what_was_written(redis_server_program: Path, fsync: Fsync, kept: str | None) -> None:
    """On its old port. `everysec` outlives a process too: what a process has written, the machine keeps."""
    with running_redis(redis_server_program, fsync=fsync) as server:
        server.call("SET", "kept", "1")
        server.kill()
        server.start()
        assert kept == server.call("GET", "kept")


def test_a_server_with_little_memory_refuses(redis_server_program: Path) -> None:
    """Once it is full, and evicts nothing."""
    with running_redis(redis_server_program, fsync="none", size_max_bytes=5_000_000) as server:
        server.call("SETRANGE", "large", 6_000_000, b"1")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            server.call("SET", "small", b"1")
        assert 1 == server.call("EXISTS", "large", "small")


def test_users_may_do_what_their_line_says(redis_server_program: Path) -> None:
    """And the administrator everything, whatever the password of others is."""
    users = ["reader on >secret ~* &* +get"]
    with running_redis(redis_server_program, fsync="none", password="pw", users=users) as server:
        server.call("SET", "key", "value")
        with redis.Redis.from_url(server.url_at(server.port, "reader", "secret")) as client:
            assert b"value" == client.get("key")
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.set("key", "other")
        with redis.Redis.from_url(server.url) as client:
            assert client.set("key", "third")


def test_tls_is_of_a_certificate_authority_of_its_own(redis_server_program: Path) -> None:
    """Who trusts it is served; who does not, refuses the server."""
    with running_redis(redis_server_program, fsync="none", has_tls=True) as server:
        with redis.Redis.from_url(server.url, ssl_ca_certs=str(server.ca)) as client:
            assert client.ping()
        with redis.Redis.from_url(server.url) as client, pytest.raises(redis.ConnectionError):
            client.ping()


def test_a_paused_server_answers_nothing_until_it_goes_on(redis_server_program: Path) -> None:
    """Its connections stay."""
    with (
        running_redis(redis_server_program, fsync="none") as server,
        redis.Redis.from_url(server.url, socket_timeout=0.05, retry=None) as client,
    ):
        client.ping()
        server.pause()
        with pytest.raises(redis.exceptions.TimeoutError):
            client.ping()
        server.resume()
        assert server.call("PING")
