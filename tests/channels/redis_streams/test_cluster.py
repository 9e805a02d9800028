"""What a Redis Cluster does to a channel: its slot moves, its master dies, nodes know nothing; and that it heals."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from channels.contract import Subscription
from channels.dead_letter import EVERYTHING
from channels.dead_letter_witness import BILL, deliveries_of, letters_of
from channels.errors import ChannelFull, ChannelUnavailable
from channels.redis_streams import Credentials, RedisServer
from channels.redis_streams.channel import RedisChannel
from channels.redis_streams.errors import ConnectionLost
from channels.witness import an_event, comes, events_of, ids, in_time, receive, take
from tests.rig.child import free_port
from tests.rig.redis import HOST, Redis, running_redis
from tests.rig.redis_cluster import MASTERS, RedisCluster

_PART_EVERY: Final = 3
_LOAD: Final = 150
_numbers = count()


@asynccontextmanager
async def entered(url: str, name: str, **options: Any) -> AsyncIterator[tuple[RedisServer, RedisChannel]]:
    async with (
        RedisServer(url, alone=name, **{"lease_s": 2.0, "timeout_s": 1.0, **options}) as server,
        server.channel(name, events_max=2**30, size_max_bytes=2**34) as channel,
    ):
        yield server, channel


class Load:
    """Publishes, receives, parks and dead-letters without an end; and knows what became of it."""

    def __init__(self, server: RedisServer, channel: RedisChannel, member: Subscription) -> None:
        self.accepted: set[str] = set()
        self.came: set[str] = set()
        self.refused = 0
        self.letters = 0
        self._is_over = False
        self._server, self._channel, self._member = server, channel, member
        self._tasks = [asyncio.create_task(self._publish()), asyncio.create_task(self._consume())]

    async def stop(self) -> None:
        """Once all that was accepted has come, and all that came was settled or parked."""
        self._is_over = True
        await asyncio.wait(self._tasks[:1])
        await comes(set(), lambda: self.accepted - self.came)
        await comes(0, lambda: self._channel.statistics().events - self._member.queue("q").events)
        self._tasks[1].cancel()
        await asyncio.wait(self._tasks[1:])

    async def grows(self) -> None:
        """Until so many more were accepted, and have come."""
        wanted = len(self.came) + _LOAD
        await in_time(_until(lambda: len(self.came) > wanted), "nothing comes any more")

    async def _publish(self) -> None:
        number = 0
        while not self._is_over:
            number += 1
            identity = str(number)
            try:
                await self._channel.publish([an_event(identity)])
            except (ChannelUnavailable, ChannelFull):
                self.refused += 1
                await asyncio.sleep(0.01)
            else:
                self.accepted.add(identity)

    async def _consume(self) -> None:
        while True:
            for one in await self._member.receive(10):
                self.came.add(one.event.id)
                if int(one.event.id) % _PART_EVERY == 1:
                    self._member.queue("q").park([one], attempts=1)
                elif int(one.event.id) % _PART_EVERY == 2:
                    self._server.dead_letters.add(BILL, "retriesexhausted", one.event, ())
                    self.letters += 1
                self._member.ack([one])
            await asyncio.sleep(0)


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.01)


def elsewhere(cluster: RedisCluster, master: Redis) -> Redis:
    """Another master."""
    return next(node for node in cluster.nodes if node is not master and node.call("ROLE")[0] == "master")


async def test_a_slot_moves_under_load_and_nothing_is_lost(redis_cluster: RedisCluster) -> None:
    """Nor done twice, of what is owed. While it is on its way producers are refused; then all goes on elsewhere."""
    name = f"moves/{next(_numbers)}"
    key = f"eventing:{{{name}}}:log"
    async with entered(redis_cluster.url, name) as (server, channel), channel.subscribe("g") as member:
        load = Load(server, channel, member)
        await load.grows()
        source = redis_cluster.master(key)
        assert source is not None
        target = elsewhere(redis_cluster, source)
        migration = redis_cluster.migration(key, target)
        refused = load.refused
        await asyncio.to_thread(migration.begin)
        while await asyncio.to_thread(migration.move, 1):
            await asyncio.sleep(0.03)
        await in_time(_until(lambda: load.refused > refused), "nothing was refused on the way")
        await asyncio.to_thread(migration.end)
        await load.grows()
        await load.stop()
        assert target is redis_cluster.master(key)
        await in_time(server.committer.flush(), "what is owed stays so")
        letters = await letters_of(server.dead_letters)
        assert load.letters == len(letters) == sum([one.count for one in await server.dead_letters.tally(EVERYTHING)])
        queue = member.queue("q")
        taken = await take(queue, queue.events)
        assert {one for one in load.came if int(one) % _PART_EVERY == 1} == {one.event.id for one in taken}
        member.ack(taken)
        await comes(0, lambda: channel.statistics().events)


async def test_a_replica_takes_over_within_seconds(redis_cluster_alone: RedisCluster) -> None:
    """What had reached it is there; which is all that Redis promises."""
    name = "dies/a"
    async with entered(redis_cluster_alone.url, name) as (server, channel), channel.subscribe("g") as member:
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        server.dead_letters.extend(BILL, "backlogfull", deliveries_of(1, 2))
        member.queue("q").park(held[:1], attempts=4)
        member.ack(held[:1])
        await server.committer.flush()
        master = redis_cluster_alone.master(f"eventing:{{{name}}}:log")
        assert master is not None
        await asyncio.to_thread(master.call, "WAIT", 1, 5000)
        master.kill()
        server.dead_letters.extend(BILL, "backlogfull", deliveries_of(3, 3))
        member.ack(held[1:2])

        await in_time(_stored(channel, 4), "publishing did not heal")
        assert ["4"] == ids(await receive(member, 1))
        await in_time(server.committer.flush(), "what is owed stays so")
        assert ["1", "2", "3"] == [one.event.id for one in await letters_of(server.dead_letters)]
        (parked,) = await take(member.queue("q"), 1)
        assert ("1", 4) == (parked.event.id, parked.attempts)
        await comes(3, lambda: channel.statistics().events)


async def test_a_seed_that_is_away_does_not_matter(redis_cluster: RedisCluster) -> None:
    """As long as another one answers; and the others are known from what it tells."""
    node = redis_cluster.nodes[3]
    url = f"redis+cluster://{HOST}:{free_port()},{HOST}:{node.port}"
    async with entered(url, "seeds/a") as (server, channel):
        await channel.publish(events_of(1, 1))
        assert server._slot is not None
        assert {(HOST, one.port) for one in redis_cluster.nodes[:MASTERS]} < {*server._slot.nodes}
        assert (HOST, node.port) == server._slot.nodes[0]


async def test_what_a_process_at_a_cluster_had_goes_to_another(redis_cluster: RedisCluster) -> None:
    """The leases and fences are in the slot as well."""
    url, name = redis_cluster.url, f"heirs/{next(_numbers)}"
    async with (
        entered(url, name, lease_s=0.5) as (_, channel),
        entered(url, name, lease_s=0.5) as (other, another),
        another.subscribe("g") as neighbour,
    ):
        await channel.publish(events_of(1, 2))
        held = await receive(neighbour, 2)
        neighbour.queue("q").park(held[:1], attempts=4)
        neighbour.ack(held[:1])
        await other.committer.flush()
        await other.abandon()
        async with channel.subscribe("g") as member:
            assert ["2"] == ids(await receive(member, 1))
            await comes(1, lambda: member.queue("q").events)


async def test_all_keys_of_a_channel_are_in_its_slot(redis_cluster: RedisCluster) -> None:
    """Those of the channel have the names that they have elsewhere; a drop leaves its dead letters alone."""
    name = "slot/a"
    async with entered(redis_cluster.url, name) as (server, channel), channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        member.queue("q").park(held := await receive(member, 2), attempts=1)
        member.ack(held)
        server.dead_letters.extend(BILL, "backlogfull", deliveries_of(1, 1))
        await server.committer.flush()
        keys = redis_cluster.keys("*slot/a*")
        assert f"eventing:{{{name}}}:log" in keys
        assert {f"eventing:{{{name}}}", f"eventing:server:{{{name}}}"} == {one.partition("}")[0] + "}" for one in keys}
    async with RedisServer(redis_cluster.url, alone=name) as server:
        await server.drop(name)
        assert [] == redis_cluster.keys(f"eventing:{{{name}}}:*")
        assert 1 == len(await letters_of(server.dead_letters))


async def _dropped(server: RedisServer, name: str) -> None:
    while True:
        try:
            return await server.drop(name)
        except ChannelUnavailable:
            await asyncio.sleep(0.01)


async def test_a_drop_in_a_slot_that_is_on_its_way_is_refused(redis_cluster: RedisCluster) -> None:
    """Some keys may be elsewhere; afterwards it finds all of them."""
    name = "dropped/a"
    key = f"eventing:{{{name}}}:log"
    async with entered(redis_cluster.url, name) as (_, channel):
        await channel.publish(events_of(1, 1))
    async with RedisServer(redis_cluster.url, alone=name, timeout_s=1.0) as server:
        await server.ready()
        source = redis_cluster.master(key)
        assert source is not None
        migration = redis_cluster.migration(key, elsewhere(redis_cluster, source))
        migration.begin()
        migration.move(1)
        with pytest.raises(ChannelUnavailable, match="ASK"):
            await server.drop(name)
        while migration.move(1):
            pass
        migration.end()
        await in_time(_dropped(server, name), "it is not dropped")
    assert [] == redis_cluster.keys(f"eventing:{{{name}}}:*")


async def test_a_server_that_is_no_cluster_says_so(redis_rig: Redis) -> None:
    """In its own words."""
    async with RedisServer(f"redis+cluster://{HOST}:{redis_rig.port}", alone="a/b") as server:
        with pytest.raises(ChannelUnavailable, match="cluster support disabled"):
            await server.ready()


async def test_a_cluster_without_the_slot_says_so(redis_cluster_alone: RedisCluster) -> None:
    """Until somebody serves it again."""
    key = "eventing:{nowhere/a}:log"
    master = redis_cluster_alone.master(key)
    assert master is not None
    slot = master.call("CLUSTER", "KEYSLOT", key)
    for node in redis_cluster_alone.nodes:
        node.call("CLUSTER", "DELSLOTS", slot)
    async with RedisServer(redis_cluster_alone.url, alone="nowhere/a") as server:
        with pytest.raises(ConnectionLost, match="no node of the cluster has the slot"):
            await server.connect()


async def test_a_cluster_is_reached_by_tls_and_with_a_login(redis_server_program: Path) -> None:
    """With the rights that the documentation names, and by one that has no name for itself."""
    rights = "resetchannels ~eventing:* &* +@read +@write +@scripting +@connection -@dangerous +info +time"
    users = [f"eventing on >secret {rights} +client|unblock +cluster|slots"]
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--tls-cluster", "yes")
    with running_redis(redis_server_program, has_tls=True, users=users, options=options) as node:
        node.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        await comes(True, lambda: "cluster_state:ok" in str(node.call("CLUSTER", "INFO")))
        login = Credentials("eventing", "secret", node.ca.read_text())
        url = f"rediss+cluster://{HOST}:{node.port}"
        async with entered(url, "tls/a", credentials=login) as (server, channel), channel.subscribe("g") as member:
            await channel.publish(events_of(1, 1))
            member.ack(await receive(member, 1))
            await server.committer.flush()
            node.call("ACL", "SETUSER", "eventing", "resetpass", ">other")
            server.replace_credentials(Credentials("eventing", "other", node.ca.read_text()))
            await in_time(_stored(channel, 2), "publishing did not heal")
            assert ["2"] == ids(await receive(member, 1))
        async with RedisServer(url, alone="tls/a", credentials=login) as server:
            with pytest.raises(ChannelUnavailable, match="WRONGPASS"):
                await server.ready()


async def _stored(channel: RedisChannel, number: int) -> None:
    while True:
        try:
            await channel.publish(events_of(number, number))
        except ChannelUnavailable:
            await asyncio.sleep(0.01)
        else:
            return


def test_a_cluster_needs_to_know_whose_slot_it_is() -> None:
    """And nobody else may name one."""
    with pytest.raises(ValueError, match="is one channel's"):
        RedisServer("redis+cluster://h")
    with pytest.raises(ValueError, match="is one channel's"):
        RedisServer("redis://h", alone="a/b")
