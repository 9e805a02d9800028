"""A Broker whose events rest in Redis, on a real server: from the YAML to the sink, through its faults, to its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.manifests import Item, broker, to_yaml, trigger
from tests.e2e.process import Server, Sink, running, wait_until
from tests.e2e.remote import apply, config_map, delete_broker, post_until, secret, wait_ready
from tests.rig.redis import HOST, Redis, running_redis
from tests.rig.redis_sentinel import running_sentinel

NOBODY = "http://127.0.0.1:9/"
USER = "eventing on >{password} ~* &* +@all"


@pytest.fixture
def redis(redis_server_program: Path) -> Iterator[Redis]:
    """One that the test may kill."""
    with running_redis(redis_server_program, users=[USER.format(password="first")]) as server:
        yield server


def resources(
    redis: Redis, *, auth: bool = True, name: str = "b", config: str = "redis", address: str = ""
) -> tuple[Item, ...]:
    spec = {"address": address or f"redis://{HOST}:{redis.port}"} | (
        {"auth": {"secret": {"ref": {"name": "login"}}}} if auth else {}
    )
    template = {"apiVersion": "messaging.knative.dev/v1alpha1", "kind": "RedisStreamChannel", "spec": spec}
    item = broker(name)
    item["spec"] = {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": config}}
    return config_map(config, **{"channel-template-spec": yaml.safe_dump(template)}), item


def keys(redis: Redis) -> list[str]:
    return [key for key in redis.call("KEYS", "*") if "{default/b}" in key]


def test_a_broker_on_redis_from_its_yaml_to_its_end(tmp_path: Path, redis: Redis) -> None:
    """Ready, delivered, dead-lettered and redriven; told as what it is; and nothing is left when it is deleted."""
    empty, sink = tmp_path / "empty.yaml", Sink(tmp_path, "sink")
    empty.write_text(to_yaml(config_map("nothing")))
    server = Server(tmp_path, empty)
    with running(server, sink):
        apply(server, secret("login", user="eventing", password="first"), *resources(redis))
        wait_ready(server)
        apply(server, trigger("t", sink.url), trigger("lost", NOBODY, retry=0))
        wait_until(lambda: len(server.ask("triggers")["items"]) == 2, "both Triggers")
        assert 202 == server.post("b", "order", "1")
        wait_until(lambda: sink.ids == ["1"], "the delivery")
        (letter,) = wait_until(lambda: server.ask("deadletters")["items"], "the dead letter")
        assert ("lost", "b") == (letter["trigger"], letter["broker"])
        apply(server, trigger("lost", f"{sink.url}/second", retry=0))
        server.order("deadletters/redrive", trigger="lost")
        wait_until(lambda: sink.ids == ["1", "1"], "the redrive")
        wait_until(lambda: not server.ask("deadletters")["items"], "no dead letter")
        (told,) = server.ask("brokers")["items"]
        address = f"redis://{HOST}:{redis.port}"
        assert ("redis", True, "always", address) == tuple(
            told[name] for name in ("channel", "durable", "persistence", "server")
        )
        assert keys(redis)
        delete_broker(server)
        wait_until(lambda: not keys(redis), "nothing is left")
        assert 404 == server.post("b", "order", "2")


def test_a_server_that_dies_and_comes_back(tmp_path: Path, redis: Redis) -> None:
    """Refused meanwhile, with the reason in the condition; then everything that was accepted is delivered."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    manifest.write_text(
        to_yaml(
            secret("login", user="eventing", password="first"), *resources(redis), trigger("t", sink.url), broker("c")
        )
    )
    server = Server(tmp_path, manifest)
    with running(server, sink):
        wait_ready(server)
        accepted = ["0"]
        assert 202 == server.post("b", "order", "0")
        redis.kill()
        accepted += post_until(server, 503)
        reason, message = wait_ready(server, "False")
        assert "ServerUnavailable" == reason
        assert message.startswith(f"redis://{HOST}:{redis.port}: ")
        with server.client() as api:
            assert f"[-]broker default/b: {reason}" in api.get("/readyz?verbose").text
            assert 200 == api.get("/readyz").status_code
        assert 202 == server.post("c", "order", "of another Broker")
        redis.start()
        wait_ready(server)
        accepted += post_until(server, 202)
        wait_until(lambda: set(accepted) <= set(sink.ids), "all that was accepted")


def test_a_broker_waits_for_a_server_that_comes_later(tmp_path: Path, redis: Redis) -> None:
    """And holds up nobody: the process is up at once."""
    redis.stop()
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    manifest.write_text(
        to_yaml(secret("login", user="eventing", password="first"), *resources(redis), trigger("t", sink.url))
    )
    server = Server(tmp_path, manifest)
    with running(server, sink):
        assert "ServerUnavailable" == wait_ready(server, "False")[0]
        assert 503 == server.post("b", "order", "0")
        with server.client() as api:
            assert 503 == api.get("/readyz").status_code
        redis.start()
        wait_ready(server)
        assert 202 == server.post("b", "order", "1")
        wait_until(lambda: sink.ids == ["1"], "the delivery")


def test_a_login_changes_while_events_flow(tmp_path: Path, redis: Redis) -> None:
    """The old one is shut out; the Secret's new one lets it in again, and nothing that was accepted is lost."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    manifest.write_text(
        to_yaml(secret("login", user="eventing", password="first"), *resources(redis), trigger("t", sink.url))
    )
    server = Server(tmp_path, manifest)
    with running(server, sink):
        wait_ready(server)
        assert 202 == server.post("b", "order", "0")
        redis.call("ACL", "SETUSER", "eventing", "resetpass", ">second")
        redis.call("CLIENT", "KILL", "USER", "eventing")
        accepted = ["0", *post_until(server, 503)]
        wait_ready(server, "False")
        apply(server, secret("login", user="eventing", password="second"))
        wait_ready(server)
        accepted += post_until(server, 202)
        wait_until(lambda: set(accepted) <= set(sink.ids), "all that was accepted")
        assert "second" not in server.err
        apply(server, secret("login", user="eventing"))
        assert "SecretInvalid" == wait_ready(server, "False")[0]
        assert 202 == server.post("b", "order", "last")


def test_letters_of_two_servers_are_told_apart(tmp_path: Path, redis: Redis, redis_server_program: Path) -> None:
    """Both call their first one r1; an id reaches exactly one of them. And one server that dies hides nothing of the
    other, nor is it forgotten.
    """
    manifest = tmp_path / "resources.yaml"
    with running_redis(redis_server_program) as second:
        first, other = resources(redis), resources(second, auth=False, name="c", config="second")
        lost = (trigger("lost", NOBODY, retry=0), trigger("gone", NOBODY, of="c", retry=0))
        login = secret("login", user="eventing", password="first")
        manifest.write_text(to_yaml(login, *first, *other, *lost))
        server = Server(tmp_path, manifest)
        with running(server):
            wait_ready(server)
            wait_ready(server, name="c")
            assert [202, 202] == [server.post("b", "order", "1"), server.post("c", "order", "2")]
            wait_until(lambda: len(server.ask("deadletters")["items"]) == 2, "both dead letters")
            told = {one["trigger"]: one["id"] for one in server.ask("deadletters")["items"]}
            assert ["r1", "r1"] == [one.partition(".")[0] for one in told.values()]
            assert "2" == server.ask(f"deadletters/{told['gone']}")["attributes"]["id"]
            assert 1 == server.order("deadletters/discard", id=[told["lost"]])["count"]
            assert [told["gone"]] == [one["id"] for one in server.ask("deadletters")["items"]]
            redis.kill()
            page = server.ask("deadletters")
            name = f"redis {HOST}:{redis.port}/0"
            assert ([told["gone"]], [name]) == (
                [one["id"] for one in page["items"]], [one["store"] for one in page["missing"]],
            )  # fmt: skip
            with server.client() as api:
                assert 503 == api.get(f"/ops/v1/deadletters/{told['lost']}").status_code
                assert 503 == api.post("/ops/v1/deadletters/discard", json={"id": [told["lost"]]}).status_code
            begun = server.order("deadletters/redrive", id=[told["gone"]])
            (redrive,) = begun["items"]
            assert ([told["gone"]], []) == (redrive["selector"]["id"], begun["missing"])
            wait_until(lambda: server.ask(f"redrives/{redrive['id']}")["failed"] == 1, "the redrive")
            redis.start()
            wait_until(lambda: not server.ask("deadletters")["missing"], "both answer")


def test_two_logins_at_one_server_see_each_letter_once(tmp_path: Path, redis: Redis) -> None:
    """Whichever of its addresses they use, and also when one of them is let in no more; what is done to a letter is
    done once.
    """
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    brokers = (
        *resources(redis),
        *resources(redis, auth=False, name="c", config="second", address=f"redis://localhost:{redis.port}"),
    )
    lost = (trigger("lost", NOBODY, retry=0), trigger("gone", NOBODY, of="c", retry=0))
    login = secret("login", user="eventing", password="first")
    manifest.write_text(to_yaml(login, *brokers, *lost))
    server = Server(tmp_path, manifest)
    with running(server, sink):
        wait_ready(server)
        wait_ready(server, name="c")
        assert [202, 202] == [server.post("b", "order", "1"), server.post("c", "order", "2")]
        wait_until(lambda: server.ask("deadletters/tally")["total"] == 2, "both dead letters")
        assert ["1", "2"] == sorted(one["attributes"]["id"] for one in server.ask("deadletters")["items"])
        redis.call("ACL", "SETUSER", "eventing", "resetpass", ">second")
        redis.call("CLIENT", "KILL", "USER", "eventing")
        wait_ready(server, "False")
        page = server.ask("deadletters")
        assert (2, []) == (len(page["items"]), page["missing"])
        apply(server, trigger("gone", sink.url, of="c", retry=0))
        assert 1 == len(server.order("deadletters/redrive", trigger="gone")["items"])
        wait_until(lambda: server.ask("deadletters/tally")["total"] == 1, "the redrive")
        assert ["2"] == sink.ids
        assert 1 == server.order("deadletters/discard")["count"]
        assert [] == server.ask("deadletters")["items"]


def test_a_broker_behind_sentinels_that_want_a_login(tmp_path: Path, redis: Redis, redis_server_program: Path) -> None:
    """The Secret has it, beside the server's; one that is put right lets the Broker in."""
    manifest, sink = tmp_path / "resources.yaml", Sink(tmp_path, "sink")
    login = {"user": "eventing", "password": "first"}
    with running_sentinel(redis_server_program, tmp_path, redis, "requirepass theirs") as (address, _):
        items = (secret("login", **login), *resources(redis, address=address), trigger("t", sink.url))
        manifest.write_text(to_yaml(*items))
        server = Server(tmp_path, manifest)
        with running(server, sink):
            reason, message = wait_ready(server, "False")
            assert "ServerUnavailable" == reason
            assert "NOAUTH" in message
            apply(server, secret("login", **login, sentinel_password="theirs"))
            wait_ready(server)
            assert 202 == server.post("b", "order", "1")
            wait_until(lambda: sink.ids == ["1"], "the delivery")
            assert "theirs" not in server.err
