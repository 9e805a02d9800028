"""A Redis server as a backend, on a real one."""

from channels.redis_streams.channel import RedisChannel
from channels.witness import comes
from eventing.backend.redis_server import RedisBackend
from eventing.resources.engine import Redis as Engine
from eventing.resources.engine import ServerKey
from eventing.resources.retention import Retention
from tests.rig.redis import Redis


async def test_what_is_wrong_with_the_keys_of_one_broker_is_told_of_that_one(redis_rig: Redis) -> None:
    """The server is well, and so are the others."""
    key = ServerKey("redis", redis_rig.url)
    bounds = {"events_max": 9, "size_max_bytes": 2**20, "dead_letter_events_max": 9}
    async with RedisBackend(key, None, lease_s=9.0, **bounds) as backend:
        one, other = [backend.channel(f"faults/{name}", Engine(key), Retention()) for name in ("one", "other")]
        assert isinstance(one, RedisChannel)
        async with one, other:
            redis_rig.call("SET", "eventing:{faults/one}:remembered", "it is mine")
            one.remember("name", b"value")
            await comes(True, lambda: "eventing:{faults/one}:" in backend.fault_of(one))
            assert ("", "") == (backend.fault_of(other), backend.fault)
            redis_rig.call("DEL", "eventing:{faults/one}:remembered")
            await comes("", lambda: backend.fault_of(one))
