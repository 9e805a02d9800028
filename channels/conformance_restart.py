"""Laws of the channel contract about a restart of what is `persistent`: the log, its groups, what is remembered.

A restart is a channel that was left, and another one of the same storage.
"""

from typing import Final

from channels.attribute import Value
from channels.contract import Position
from channels.event import Event
from channels.witness import Factory, Law, content, events_of, ids, receive


async def events_survive_a_restart(make: Factory) -> None:
    """As they were, at their positions: those that nobody received, and those received and not acked."""
    if not make().features.persistent:
        return
    raw = {"specversion": b"1.0", "id": b"1", "source": b"/%7Ea", "type": b"caf\xc3\xa9 \xff", "note": b"%E2%82%AC %zz"}
    text = '{"specversion": "1.0",  "id":"2","source":"/s","type":"\u20ac","data":[1.0]}'.encode()
    view: dict[str, Value] = {"specversion": "1.0", "id": "2", "source": "/s", "type": "€"}
    published = [
        Event(raw, {}, bytes(range(256)), ttl=7),
        Event(None, view, b"[1.0]", text=text, json_data=True),
        Event.from_attributes({"id": "3", "source": "/s", "type": "t", "n": -5, "b": True, "u": "ÿ\u2028😀"}, b""),
        *events_of(4, 6),
    ]
    async with make() as channel, channel.subscribe("g") as member:
        positions = [*await channel.publish(published[:4]), *await channel.publish(published[4:])]
        await receive(member, 3)
    async with make() as channel, channel.subscribe("g") as member:
        assert (6, 6) == (member.lag, channel.statistics().events)
        came = sorted(await receive(member, 6), key=lambda one: one.position)
        expected = sorted(zip(positions, published, strict=True), key=lambda pair: pair[0])
        assert [content(event) for _, event in expected] == [content(one.event) for one in came]
        assert [(position, event.size) for position, event in expected] == [
            (one.position, one.size_bytes) for one in came
        ]


async def order_survives_a_restart(make: Factory) -> None:
    """Where the backend is `ordered`: what is older comes before what was published since."""
    features = make().features
    if not (features.persistent and features.ordered):
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 4))
        await channel.publish(events_of(5, 6))
        first, second, third = await receive(member, 3)
        member.ack([second])
        member.nack([third, first])
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(7, 8))
        assert ["1", "3", "4", "5", "6", "7", "8"] == ids(await receive(member, 7))


async def what_was_acked_does_not_come_back(make: Factory) -> None:
    """Whatever was left between and before them, and after a second restart as well."""
    if not make().features.persistent:
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 5))
        await channel.publish(events_of(6, 8))
        taken = sorted(await receive(member, 8), key=lambda one: one.event.id)
        member.ack([taken[3], taken[1], *taken[5:]])
    async with make() as channel, channel.subscribe("g") as member:
        left = sorted(await receive(member, 3), key=lambda one: one.event.id)
        assert (["1", "3", "5"], 0) == (ids(left), member.lag)
        member.ack(left[1:2])
    async with make() as channel, channel.subscribe("g") as member:
        assert ["1", "5"] == sorted(ids(await receive(member, 2)))
        await channel.publish(events_of(9, 9))
        assert ["9"] == ids(await receive(member, 1))


async def groups_survive_a_restart(make: Factory) -> None:
    """Each with what it has not settled, also one that had no member when it came. A forgotten one does not."""
    if not make().features.persistent:
        return
    async with make() as channel:
        async with channel.subscribe("a"), channel.subscribe("b") as member, channel.subscribe("forgotten"):
            await channel.publish(events_of(1, 2))
            member.ack(await receive(member, 2))
        channel.forget("forgotten")
    async with make() as channel:
        await channel.publish(events_of(3, 3))
        for group, expected in (("a", ["1", "2", "3"]), ("b", ["3"]), ("forgotten", [])):
            async with channel.subscribe(group) as member:
                assert (len(expected), expected) == (member.lag, sorted(ids(await receive(member, len(expected)))))


async def what_is_kept_over_a_restart_may_be_read_by_a_new_group(make: Factory) -> None:
    """Where the backend is `replayable`."""
    features = make().features
    if not (features.persistent and features.replayable):
        return
    async with make() as channel, channel.subscribe("keeper"):
        await channel.publish(events_of(1, 1))
        position, _ = await channel.publish(events_of(2, 3))
    async with make() as channel:
        await channel.publish(events_of(4, 4))
        async with channel.subscribe("a", start="earliest") as member:
            assert ["1", "2", "3", "4"] == sorted(ids(await receive(member, 4)))
        async with channel.subscribe("b", start=position) as member:
            assert ["2", "3", "4"] == sorted(ids(await receive(member, 3)))


async def counts_go_on_after_a_restart(make: Factory) -> None:
    """What was ever stored, what is held, and the positions: none is given twice, and where the backend is `ordered`
    they grow.
    """
    if not make().features.persistent:
        return
    positions: list[Position] = []
    for round_ in range(1, 4):
        async with make() as channel, channel.subscribe("g") as member:
            before = channel.statistics()
            assert 3 * (round_ - 1) == before.stored
            positions += await channel.publish(events_of(1, 2))
            positions += await channel.publish(events_of(3, 3))
            held = await receive(member, 2)
            member.queue("q").park(held[:1])
            member.ack(held)
            statistics = channel.statistics()
            assert (2 * round_, 3 * round_) == (statistics.events, statistics.stored)
        async with make() as channel:
            assert statistics == channel.statistics()
    assert len({*positions}) == len(positions)
    assert sorted(positions) == positions or not make().features.ordered


async def what_is_remembered_survives_a_restart(make: Factory) -> None:
    """The last values, and nothing that was to be remembered no more."""
    if not make().features.persistent:
        return
    async with make() as channel:
        for name, value in (("one", b"1"), ("two", b""), ("three", bytes(range(256))), ("one", b"2"), ("four", b"4")):
            channel.remember(name, value)
        channel.remember("two", None)
        channel.remember("four", None)
        channel.remember("four", b"again")
    async with make() as channel:
        assert {"one": b"2", "three": bytes(range(256)), "four": b"again"} == dict(channel.remembered)
        channel.remember("three", None)
    async with make() as channel:
        assert {"one": b"2", "four": b"again"} == dict(channel.remembered)


async def what_a_commit_asked_for_is_part_of_it(make: Factory) -> None:
    """What is acked, parked and remembered by one that is called before a commit survives with what is committed."""
    if not make().features.persistent:
        return
    async with make() as channel, channel.subscribe("g") as member:
        await channel.publish(events_of(1, 2))
        held = await receive(member, 2)

        def write_down() -> None:
            if held:
                member.queue("q").park(held[:1], attempts=1)
                member.ack(held)
                channel.remember("settled", b"2")
                held.clear()

        channel.before_commit(write_down)
        await channel.publish(events_of(3, 3))
        assert [] == held
    async with make() as channel, channel.subscribe("g") as member:
        assert (1, {"settled": b"2"}) == (member.queue("q").events, dict(channel.remembered))
        assert (["3"], 0) == (ids(await receive(member, 1)), member.lag)


LAWS: Final[tuple[Law, ...]] = (
    events_survive_a_restart,
    order_survives_a_restart,
    what_was_acked_does_not_come_back,
    groups_survive_a_restart,
    what_is_kept_over_a_restart_may_be_read_by_a_new_group,
    counts_go_on_after_a_restart,
    what_is_remembered_survives_a_restart,
    what_a_commit_asked_for_is_part_of_it,
)
