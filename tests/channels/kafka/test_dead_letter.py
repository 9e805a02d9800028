"""Dead letters in Kafka obey every law of theirs, and are the same for all processes."""

import asyncio
import contextlib
import gc
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from channels import bound_conformance, damage_conformance
from channels.damage_conformance import DamageLaw
from channels.dead_letter import EVERYTHING, DeadLetters, Selector
from channels.dead_letter_conformance import LAWS, Law
from channels.dead_letter_witness import BILL, REFUSED, comes, deliveries_of, event_ids, filled, letters_of
from channels.errors import ChannelUnavailable
from channels.kafka.cluster import KafkaCluster
from channels.kafka.dead_letter import KafkaDeadLetters
from channels.kafka.letter import CLAIM, LETTER, LetterState, number_of, pack_claim
from channels.kafka.link import LATEST, Link
from channels.kafka.piece import PIECE, PIECE_BYTES
from channels.kafka.producing import Appended, Record
from channels.kafka.security import Security
from channels.witness import an_event
from tests.rig.kafka import Kafka

LARGE_BYTES = 20 * 2**20


@asynccontextmanager
async def a_store(kafka: Kafka, topic: str, *, events_max: int = 10_000) -> AsyncIterator[KafkaDeadLetters]:
    async with KafkaCluster(
        kafka.bootstrap_servers, dead_letter_topic=topic, dead_letter_events_max=events_max
    ) as cluster:
        await cluster.open_dead_letters(1)
        yield cluster.dead_letters


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_dead_letters_in_kafka_obey(law: Law, kafka: Kafka) -> None:
    run = uuid.uuid4().hex
    await law(lambda *, storage="a": a_store(kafka, f"letters-{run}-{storage}"))


@pytest.mark.parametrize("law", damage_conformance.LAWS, ids=lambda law: law.__name__)
async def test_dead_letters_in_kafka_bear_damage(law: DamageLaw, kafka: Kafka) -> None:
    """Of the event."""
    run = uuid.uuid4().hex

    async def damage(store: DeadLetters, letter_id: str) -> None:
        assert isinstance(store, KafkaDeadLetters)
        number = number_of(letter_id)
        state = LetterState(number, 1.0, BILL, "refused", 1, 0, "", "", (), b"damaged")
        record = Record(store._index._entries[number].key, msgspec.msgpack.encode(state), [])
        await store._link.produce(store.topic, 0, [record])
        await store._tail.catch_up(store.topic, [0])

    await law(lambda *, storage="a": a_store(kafka, f"letters-{run}-{storage}"), damage)


@pytest.mark.parametrize("law", bound_conformance.LAWS, ids=lambda law: law.__name__)
async def test_dead_letters_in_kafka_are_bounded(law: Law, kafka: Kafka) -> None:
    run, most = uuid.uuid4().hex, bound_conformance.LETTERS
    await law(lambda *, storage="a": a_store(kafka, f"letters-{run}-{storage}", events_max=most))


async def test_who_leaves_as_soon_as_it_came_leaves_no_connection_open(kafka: Kafka) -> None:
    """Though the topic was about to be followed: a connection that nobody closed is a warning, and fails a test."""
    topic = f"letters-{uuid.uuid4().hex}"
    for _ in range(5):
        async with a_store(kafka, topic):
            pass
    gc.collect()


async def test_all_processes_count_what_makes_room(kafka: Kafka) -> None:
    """Once, though several add at once; a bound that became smaller is kept to from the next start on."""
    topic = f"letters-{uuid.uuid4().hex}"
    async with a_store(kafka, topic, events_max=9) as one, a_store(kafka, topic, events_max=9) as other:
        for first in range(1, 31, 3):
            one.extend(BILL, "backlogfull", deliveries_of(first, first))
            other.extend(BILL, "backlogfull", deliveries_of(first + 1, first + 2))
        for store in (one, other):
            await comes((9, 21), lambda store=store: _kept_and_evicted(store))
        assert await _ids(one) == await _ids(other)
    async with a_store(kafka, topic, events_max=2) as store:
        await comes((2, 7), lambda: _kept_and_evicted(store))
    async with a_store(kafka, topic) as store:
        assert (2, 0) == await _kept_and_evicted(store)


async def _kept_and_evicted(store: KafkaDeadLetters) -> tuple[int, int]:
    return len(await letters_of(store)), store.evicted


async def test_all_processes_see_the_same(kafka: Kafka) -> None:
    """What one keeps, discards and redrives, the other sees; of two who claim at once each letter goes to one."""
    topic = f"letters-{uuid.uuid4().hex}"
    async with a_store(kafka, topic) as one, a_store(kafka, topic) as other:
        await filled(one, 6)
        await comes(["1", "2", "3", "4", "5", "6"], lambda: _ids(other))
        await other.discard(Selector(ids=((await letters_of(other))[0].id,)))
        await comes(["2", "3", "4", "5", "6"], lambda: _ids(one))
        here, there = await asyncio.gather(one.claim(EVERYTHING, rate=None), other.claim(EVERYTHING, rate=None))
        assert 5 == here.total + there.total
        await comes([here.id, there.id], lambda: _redrives(other, here.id))
        driver, redrive = (one, here) if here.total else (other, there)
        for letter in await driver.claimed(redrive.id, 10):
            driver.redriven(letter)
        for store in (one, other):
            await comes([], lambda store=store: _ids(store))
            await comes(5, lambda store=store: _delivered(store))


async def test_what_was_not_read_yet_is_not_told_to_be_nothing(kafka: Kafka) -> None:
    """A cluster that was away from the start may hold any number of letters."""
    async with KafkaCluster(kafka.bootstrap_servers, dead_letter_topic=f"letters-{uuid.uuid4().hex}") as cluster:
        store = cluster.dead_letters
        for ask in (
            lambda: store.find(EVERYTHING, limit=1),
            lambda: store.get("k1"),
            lambda: store.tally(EVERYTHING),
            lambda: store.discard(EVERYTHING),
            lambda: store.claim(EVERYTHING, rate=None),
        ):
            with pytest.raises(ChannelUnavailable):
                await ask()
        await cluster.open_dead_letters(1)
        assert [] == await store.find(EVERYTHING, limit=1)


async def test_what_is_asked_of_a_cluster_that_is_away_is_not_done_when_it_is_back(kafka_alone: Kafka) -> None:
    """Who was told that it could not be done may have thought better of it."""
    async with KafkaCluster(kafka_alone.bootstrap_servers, timeout_s=3.0) as cluster:
        await cluster.open_dead_letters(1)
        store = cluster.dead_letters
        await filled(store, 2)
        kafka_alone.pause()
        for ask in (lambda: store.discard(EVERYTHING), lambda: store.claim(EVERYTHING, rate=None)):
            with pytest.raises(ChannelUnavailable):
                await ask()
        kafka_alone.resume()
        await comes(["1", "2"], lambda: _ids(store))
        assert ["", ""] == [letter.redrive_state for letter in await letters_of(store)]
        assert 2 == (await store.claim(EVERYTHING, rate=None)).total


class FullLink(Link):
    """To a cluster that answers, and at times stores nothing."""

    is_full = False

    async def produce(self, topic: str, partition: int, records: Sequence[Record]) -> Appended:
        if self.is_full:
            raise ChannelUnavailable("Kafka: too few replicas are in sync")
        return await super().produce(topic, partition, records)


async def test_an_order_that_the_cluster_does_not_store_is_carried_out_once_it_does(kafka: Kafka) -> None:
    """Whoever asked is told in time, and no letter is claimed by nobody."""
    topic = f"letters-{uuid.uuid4().hex}"
    link = FullLink(kafka.bootstrap_servers, Security().options(), timeout_s=10.0)
    async with KafkaCluster(kafka.bootstrap_servers) as cluster, a_store(kafka, topic) as other:
        store = KafkaDeadLetters(link, cluster.tail, topic, events_max=100, patience_s=0.2)
        await store.open()
        await filled(store, 3)
        oldest = (await store.find(EVERYTHING, limit=9))[-1].id
        link.is_full = True
        for ask in (
            lambda: store.discard(Selector(ids=(oldest,))),
            lambda: store.claim(EVERYTHING, rate=None),
        ):
            with pytest.raises(ChannelUnavailable, match="as soon as it does"):
                await ask()
        link.is_full = False
        await comes([2], lambda: _totals(store))
        await comes([2], lambda: _totals(other))
        assert ["2", "3"] == await _ids(other)
        assert 2 == len(await other.claimed(other.redrives[0].id, 9))
        await store.close()
    await link.close()


async def test_what_is_larger_than_the_topic_takes_is_kept_whole(kafka: Kafka) -> None:
    """It is seen by all, can be redriven and fail again, and nothing of it stays when it goes."""
    topic, data = f"letters-{uuid.uuid4().hex}", random.Random(1).randbytes(LARGE_BYTES)
    async with a_store(kafka, topic) as store, a_store(kafka, topic) as other:
        store.add(BILL, "r", an_event("1", data), (REFUSED,))
        store.add(BILL, "r", an_event("2"), ())
        await comes(["1", "2"], lambda: _ids(other))
        redrive = await other.claim(EVERYTHING, rate=None)
        for letter in await other.claimed(redrive.id, 9):
            other.failed_again(letter, (REFUSED,))
        await comes([2], lambda: _failed(store))
        first = (await letters_of(store))[0]
        assert (data, (REFUSED, REFUSED)) == (first.event.data, first.attempts)
        assert 1 + LARGE_BYTES // PIECE_BYTES == len([one for one in await _live(store) if one.startswith(PIECE)])
        await store.discard(EVERYTHING)
        await comes([], lambda: _ids(other))
        assert [] == [one for one in await _live(store) if one.startswith((PIECE, LETTER))]


async def _failed(store: KafkaDeadLetters) -> list[int]:
    return [one.failed for one in store.redrives]


async def _live(store: KafkaDeadLetters) -> list[bytes]:
    """Keys of what a compaction leaves."""
    values, place, offset = {}, (store.topic, 0), 0
    end = (await store._link.offsets(store.topic, {0: LATEST}))[0]
    while offset < end:
        found = await store._link.fetch({place: offset}, wait_s=0.0, size_max_bytes=2**20)
        records, offset = found[place]
        values.update({one.key or b"": one.value for one in records})
    return [key for key, value in values.items() if value is not None]


async def test_a_claim_without_a_book_is_nobodys(kafka: Kafka) -> None:
    """Who reads the topic anew has its letters free: no redrive will ever bring them to an end."""
    topic = f"letters-{uuid.uuid4().hex}"
    async with a_store(kafka, topic) as store:
        letters = await filled(store, 3)
        numbers = [number_of(letter.id) for letter in letters[1:]]
        await store._link.produce(topic, 0, [Record(CLAIM + b"k1", pack_claim(numbers), [])])
    async with a_store(kafka, topic) as store:
        assert letters == await letters_of(store)
        redrive = await store.claim(EVERYTHING, rate=None)
        assert 3 == redrive.total
    async with a_store(kafka, topic) as store:
        assert [redrive] == list(store.redrives)
        assert ["1", "2", "3"] == event_ids(await store.claimed(redrive.id, 3))


class MortalLink(Link):
    """Of a process that is killed once it has stored so many batches."""

    left = 2**53

    async def produce(self, topic: str, partition: int, records: Sequence[Record]) -> Appended:
        if not self.left:
            raise ChannelUnavailable("Kafka: the process is gone")
        self.left -= 1
        return await super().produce(topic, partition, records)


@pytest.mark.parametrize("batches", range(3))
async def test_who_is_killed_while_it_claims_keeps_no_letter(batches: int, kafka: Kafka) -> None:
    """Whenever it is: others bring the redrive to its end, or the letters are free."""
    topic = f"letters-{uuid.uuid4().hex}"
    link = MortalLink(kafka.bootstrap_servers, Security().options(), timeout_s=10.0)
    async with KafkaCluster(kafka.bootstrap_servers) as cluster, a_store(kafka, topic) as witness:
        store = KafkaDeadLetters(link, cluster.tail, topic, events_max=100, patience_s=0.5)
        await store.open()
        await filled(store, 3)
        link.left = batches
        with contextlib.suppress(ChannelUnavailable):
            await store.claim(EVERYTHING, rate=None)
        async with a_store(kafka, topic) as heir:
            for one in (witness, heir):
                await one._catch_up()
                under_way = [redrive for redrive in one.redrives if redrive.ended_s is None]
                claimed = [letter.id for redrive in under_way for letter in await one.claimed(redrive.id, 9)]
                pending = [letter.id for letter in await letters_of(one) if letter.redrive_state == "pending"]
                assert pending == claimed
                assert len(claimed) == sum(redrive.total for redrive in under_way)
        link.left = 2**53
        await store.close()
    await link.close()


async def test_a_redrive_ends_that_two_carry_out_at_once(kafka: Kafka) -> None:
    """As they do while one has been taken for dead: each tells of letters that the other does not know of yet."""
    topic = f"letters-{uuid.uuid4().hex}"
    async with a_store(kafka, topic) as one, a_store(kafka, topic) as other:
        await filled(one, 2)
        redrive = await one.claim(EVERYTHING, rate=None)
        await other._catch_up()
        first, second = await other.claimed(redrive.id, 2)
        one.redriven(first)
        other.redriven(second)
        for store in (one, other):
            await comes([True], lambda store=store: _are_ended(store))
            assert [] == await letters_of(store)
    async with a_store(kafka, topic) as heir:
        assert [True] == await _are_ended(heir)


async def _are_ended(store: KafkaDeadLetters) -> list[bool]:
    return [one.ended_s is not None for one in store.redrives]


async def _totals(store: KafkaDeadLetters) -> list[int]:
    return [one.total for one in store.redrives]


async def test_a_cluster_is_known_by_one_name_at_all_its_addresses(kafka: Kafka) -> None:
    """So that its letters are not taken for those of two; before it was heard it has none."""
    port = kafka.bootstrap_servers.rpartition(":")[2]
    identities: list[str] = []
    for host in ("127.0.0.1", "localhost"):
        async with KafkaCluster(f"{host}:{port}", dead_letter_topic=f"letters-{uuid.uuid4().hex}") as cluster:
            assert "" == cluster.identity
            await cluster.open_dead_letters(1)
            identities.append(cluster.identity)
    assert [identities[0]] * 2 == identities
    assert identities[0] not in ("", "None")


async def _ids(store: KafkaDeadLetters) -> list[str]:
    return event_ids(await letters_of(store))


async def _redrives(store: KafkaDeadLetters, first: str) -> list[str]:
    return sorted((one.id for one in store.redrives), key=lambda one: one != first)


async def _delivered(store: KafkaDeadLetters) -> int:
    return sum(one.delivered for one in store.redrives)
