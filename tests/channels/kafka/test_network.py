"""The way to a Kafka cluster fails, under load, for those who publish and for the group."""

import asyncio
import uuid

import pytest

from channels.kafka import KafkaCluster
from channels.witness import Watching, comes, events_of, ids, receive
from tests.channels.kafka.stage import QUICK, a_channel
from tests.channels.load import Load
from tests.rig.kafka import Kafka

IN_FLIGHT = 64
SLOW_S = 0.05
"""Later for each piece, in each direction."""


@pytest.mark.parametrize("manner", ["cut", "hole", "refuse", "slow"])
async def test_a_network_that_fails_is_survived(kafka: Kafka, manner: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is published meanwhile is refused in time; all that was accepted comes, and nothing fills the log. Silence
    is longer than the group waits for a member, so that it comes back as another one.
    """
    async with (
        kafka.proxy() as proxy,
        KafkaCluster(kafka.address("PROXIED"), timing=QUICK, timeout_s=2.0) as cluster,
        a_channel(cluster, partitions=2, events_max=100_000) as channel,
        channel.subscribe("g") as member,
        Load(channel, member, in_flight=IN_FLIGHT) as load,
    ):
        await load.goes_on()
        caplog.clear()
        began_s = asyncio.get_running_loop().time()
        if manner == "cut":
            proxy.cut()
        elif manner == "slow":
            proxy.delay_s = SLOW_S
            assert await load.goes_on(20) > SLOW_S
            proxy.delay_s = 0.0
        else:
            proxy.manner = manner  # type: ignore[assignment]
            await load.is_refused()
            proxy.manner = "pass"
        await load.goes_on()
        passed_s = asyncio.get_running_loop().time() - began_s
        await load.all_come()
    assert load.repeats <= 2 * IN_FLIGHT
    assert len(caplog.records) <= passed_s + 2, [record.getMessage() for record in caplog.records]


async def test_what_a_process_held_that_is_cut_off_moves(kafka: Kafka) -> None:
    """To another one. When it is back it finds out; what it acks of that does nothing, and it reads on."""
    name = f"t-{uuid.uuid4().hex}"
    async with (
        kafka.proxy() as proxy,
        KafkaCluster(kafka.address("PROXIED"), timing=QUICK, timeout_s=2.0) as far,
        KafkaCluster(kafka.bootstrap_servers, timing=QUICK) as near,
        a_channel(far, name=name, partitions=2) as channel,
        a_channel(near, name=name, partitions=2) as other,
        channel.subscribe("g") as member,
    ):
        watcher = Watching()
        member.watch(watcher)
        for number in range(1, 9):
            await channel.publish(events_of(number, number))
        held = await receive(member, 8)
        changes = watcher.changes
        proxy.manner = "hole"
        async with other.subscribe("g") as heir:
            taken = await receive(heir, 8)
            heir.ack(taken[:7])
            proxy.manner = "pass"
            member.ack(held)
            await comes(True, lambda: watcher.changes > changes)
            assert not any(member.holds(one) for one in held)
        await channel.publish(events_of(9, 9))
        rest = await receive(member, 2)
        assert {taken[7].event.id, "9"} == {*ids(rest)}
        member.ack(rest)
        await comes(0, lambda: channel.statistics().events)
