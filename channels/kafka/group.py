"""A consumer group as this process sees it: its partitions, what was read of them and not received, and who waits."""

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from channels.errors import ChannelUnavailable
from channels.event import Event
from channels.kafka.consumer import Consumer
from channels.kafka.errors import closed
from channels.kafka.fetching import Beginning, Gone, Place
from channels.kafka.lease import Extent, Held, Lease, begun_anew, resumed
from channels.kafka.member import Member
from channels.kafka.portion import Portion
from channels.kafka.pulse import Pulse
from channels.kafka.rejoining import Rejoining
from channels.kafka.shelf import Shelves
from channels.kafka.topic import PARTITION_BITS
from channels.kafka.window import Window
from channels.waiting import Waiting

if TYPE_CHECKING:
    from channels.kafka.channel import KafkaChannel

_READ_EVENTS: Final = 1024
_COMMIT_S: Final = 0.05
"""What was settled so long before a crash comes again. More commits would cost more than they spare."""
_JOIN_MAX_S: Final = 2.0
"""How long joining waits for its partitions: an ordinary server lets a new group wait for others for three seconds."""
_PAUSE_S: Final = 1.0
_STEP_S: Final = 0.01


class Group:
    """Lives as long as it has members here."""

    def __init__(self, channel: "KafkaChannel", name: str) -> None:
        self.name: Final = name
        self.parking: Final = channel.parking
        self.shelves: Final = channel.parking.index.shelves.setdefault(name, Shelves())
        self.members: Final[list[Member]] = []
        self.is_closed = False
        self._channel: Final = channel
        self._leases: dict[int, Lease] = {}
        self._window: Final = Window()
        self._waiting: Final = Waiting()
        self.is_halted = False
        """A rebalance is under way: nothing is handed out."""
        self._room = asyncio.Event()
        self._joined: Final = asyncio.Event()
        self._consumer: Consumer | None = None
        self._rejoining: Final = Rejoining(
            join=self._join, has_joined=self._joined.is_set, read=self._read, leave=self._leave, report=channel.report
        )
        self._committing: Final = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._commit: asyncio.Task[None] | None = None
        self.pulse: Final = Pulse(channel.timing, self._stood_still)

    # What members ask

    @property
    def fault(self) -> str | None:
        """What keeps it from reading."""
        return self._rejoining.fault

    @property
    def lag(self) -> int:
        """What was not read yet, not received yet, or given back."""
        ends = self._channel.book.ends
        unread = sum([max(0, ends[one.partition] - one.next) for one in self._leases.values()])
        return unread + len(self._window)

    def check(self, member: Member) -> None:
        """Raise ChannelUnavailable once the member, or the channel, is at its end."""
        if self.is_closed or member.has_left:
            raise closed()

    def take(self, count: int) -> list[Held]:
        """The oldest, at most `count`."""
        self.pulse.look()
        if self.is_halted:
            return []
        taken = self._window.take(count)
        if not self._window.is_full:
            self._room.set()
        self.wake()
        return taken

    def settle(self, deliveries: Collection[Held]) -> None:
        """The group has settled these."""
        for one in deliveries:
            if not one.lease.is_lost:
                one.lease.offsets.settle(one.offset)
        if deliveries:
            self._commit_in(_COMMIT_S)

    def take_back(self, deliveries: Collection[Held]) -> None:
        """Back to their places, as other objects."""
        if self.is_closed:
            return
        for one in deliveries:
            if not one.lease.is_lost:
                self._window.put_back(one)
        self.wake()

    async def wait(self) -> None:
        """Until woken."""
        await self._waiting.wait()

    def wake(self) -> None:
        """One of those who wait, where something is there."""
        if self._waiting and self._window and not self.is_halted:
            self._waiting.wake()

    # Its life

    async def start(self) -> None:
        """Join, and wait some time for partitions. Raises ChannelUnavailable."""
        await self._join()
        self.pulse.start()
        self._rejoining.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_JOIN_MAX_S):
                await self._joined.wait()

    async def close(self) -> None:
        """Commit what was settled, and leave."""
        if self.is_closed:
            return
        with contextlib.suppress(ChannelUnavailable, TimeoutError):
            async with asyncio.timeout(self._channel.timing.patience_s):
                await self.commit()
        self.is_closed = True
        self.pulse.close()
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.wake_all()
        await self._rejoining.close()
        if self._commit is not None:
            self._commit.cancel()
            await asyncio.wait([self._commit])
        self._lose_all()
        if self._consumer is not None:
            await self._consumer.stop()

    # Reading

    def rejoin(self) -> None:
        """As another member: with other credentials, or because nothing can be made of this one any more."""
        self._rejoining.begin_anew()

    def _stood_still(self) -> None:
        """It was taken for gone, and others have what it had. Its queues go, and watchers are told, a little later."""
        self.is_halted = True
        for lease in self._leases.values():
            lease.is_lost = True
        for member in self.members:
            member.lose_all()
        self.rejoin()

    async def _leave(self) -> None:
        assert self._consumer is not None
        try:
            with contextlib.suppress(ChannelUnavailable):
                await self.commit()
        finally:
            self._forfeit()
            try:
                await self._consumer.stop()
            finally:
                self._forfeit()  # until it had left, it may have been assigned something once more

    async def _join(self) -> None:
        self._joined.clear()
        consumer = self._consumer = self._channel.consumer(self.name)
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(consumer.stop)  # or it might hold partitions that nobody reads
            await consumer.start(self)
            undo.pop_all()

    async def _read(self) -> None:
        assert self._consumer is not None
        consumer = self._consumer
        while True:
            await self._has_room()
            found = await consumer.read()
            # A partition may go to another process and come back while its portion waits: that has another lease then.
            leases = {**self._leases}
            for portion in found:
                if isinstance(portion, Beginning):
                    leases.update(self._begin_anew(leases, portion.extents))
                    continue
                lease = leases.get(portion.partition)
                if lease is None or lease.is_lost:
                    continue
                if isinstance(portion, Gone):
                    lease.pass_over(portion.first)
                    continue
                if lease.next < portion.offset:
                    continue  # it was another's meanwhile: what this portion follows was never brought
                events = self._channel.reading.events(portion)
                while self._bring(lease, islice(events, _READ_EVENTS)):
                    self.wake()
                    await self._has_room()
                self._end(lease, portion)
                self.wake()

    async def _has_room(self) -> None:
        while self._window.is_full or self.is_halted:
            self._room.clear()
            await self._room.wait()

    def _bring(self, lease: Lease, events: Iterable[tuple[int, Event]]) -> bool:
        """Whether there were any."""
        if lease.is_lost:
            return False
        window = self._window
        offsets, partition, fresh, size_bytes = lease.offsets, lease.partition, window.fresh, 0
        for offset, event in events:
            size_bytes = event.size
            if offset != lease.next:
                if offset < lease.next:
                    continue
                offsets.skip(lease.next, offset)
            lease.next = offset + 1
            if not offsets.has_settled(offset):
                fresh.append(Held(event, offset << PARTITION_BITS | partition, size_bytes, lease, offset))
                window.fresh_bytes += size_bytes
        if size_bytes and not self._channel.book.has_seen:
            self._channel.book.see(1, size_bytes)
        return size_bytes > 0

    def _end(self, lease: Lease, portion: Portion) -> None:
        """All of it was brought; what follows its last event are marks, or what was aborted."""
        if not lease.is_lost:
            lease.pass_over(portion.after)
        self._channel.book.found(portion.partition, max(lease.next, portion.end))

    # Commits

    def _commit_in(self, pause_s: float) -> None:
        """One at a time: what is settled while one is on its way is the next one's."""
        if self._timer is None and self._commit is None and not self.is_closed:
            self._timer = asyncio.get_running_loop().call_later(pause_s, self._commit_soon)

    def _commit_soon(self) -> None:
        self._timer = None
        self._commit = asyncio.get_running_loop().create_task(self._commit_quietly())

    async def _commit_quietly(self) -> None:
        pause_s = _COMMIT_S
        try:
            await self.commit()
        except ChannelUnavailable as error:
            self._channel.report(error)
            pause_s = _PAUSE_S
        finally:
            self._commit = None
        if any(lease.is_dirty for lease in self._leases.values()):
            self._commit_in(pause_s)

    async def commit(self, *, is_whole: bool = False) -> bool:
        """Keep what was settled; all partitions where it `is_whole`. What it has become, parked or a dead letter, is
        stored before. False where the partitions are another's by now. Raises ChannelUnavailable.
        """
        async with self._committing:
            self._channel.ask_hooks()
            self.parking.index.write_out()
            leases = [one for one in self._leases.values() if is_whole or one.is_dirty]
            snapshot = {one.partition: one.commit for one in leases}
            marks = [(one, one.offsets.mark) for one in leases]
            try:
                async with asyncio.timeout(self._channel.timing.session_s):
                    await self._channel.settling_stored()
            except TimeoutError as error:
                words = "Kafka: what was parked, or is a dead letter, is not stored yet, so nothing is committed"
                raise ChannelUnavailable(words) from error
            if not snapshot or self._consumer is None:
                return True
            is_kept = await self._consumer.commit(snapshot)
            if is_kept:
                for one, mark in marks:
                    one.committed = mark
            return is_kept

    # Takeovers

    async def revoked(self) -> None:
        """Let members give way, wait for what is on its way, commit. Fenced by others, everything is lost at once: what
        would be parked to give way is theirs, and on its way already.
        """
        self.is_halted = True
        if not await self._is_still_ours():
            return
        for member in self.members:
            if member.watcher is not None:
                member.watcher.give_way()
        deadline_s = asyncio.get_running_loop().time() + self._channel.timing.patience_s
        while any(member.held or member.taken for member in self.members):
            if self.is_closed or asyncio.get_running_loop().time() >= deadline_s:
                break
            await asyncio.sleep(_STEP_S)
        await self._is_still_ours()

    async def _is_still_ours(self) -> bool:
        """Commit, as the group's coordinator lets nobody do who is fenced; then, or where it does not answer, all is
        lost.
        """
        try:
            is_ours = await self.commit(is_whole=True)
        except ChannelUnavailable as error:
            self._channel.report(error)
            is_ours = False
        if not is_ours:
            self._forfeit()
        return is_ours

    async def assigned(self, partitions: Sequence[int]) -> Mapping[int, Place]:
        """What stayed goes on where it was; what came begins with what was committed."""
        # Gathered, no error is lost in the coordinator that asks, whoever foresaw it.
        (error,) = await asyncio.gather(self._take_over(partitions), return_exceptions=True)
        if error is not None:
            self._rejoining.begin_anew(error)
            return {}
        return {one.partition: Place(one.next, one.topic_id) for one in self._leases.values()}

    async def _take_over(self, partitions: Sequence[int]) -> None:
        for partition in {*self._leases}.difference(partitions):
            self._lose(partition)
        fresh = [one for one in partitions if one not in self._leases]
        if fresh:
            await self._begin(fresh)
        self.is_halted = False
        self._room.set()
        self._joined.set()
        self.tell_watchers()
        self.wake()

    def tell_watchers(self) -> None:
        """What its queues hold, or what members do, is other than they know."""
        for member in self.members:
            if member.watcher is not None:
                member.watcher.queues_changed()

    async def _begin(self, partitions: Sequence[int]) -> None:
        await self._channel.follow(max(partitions) + 1, partitions)
        starts = await self._channel.committed(self.name)
        extents = await self._channel.extents(partitions)  # after what was committed, which lies in them then
        anew = []
        for partition in partitions:
            lease, is_anew = resumed(partition, starts.get(partition), extents[partition])
            self._have(lease)
            self.parking.index.own(self.name, partition)
            anew += [partition] * is_anew
        if anew:
            self._channel.begins_anew(self.name, {one: extents[one] for one in anew})
            self._commit_in(_COMMIT_S)

    def _have(self, lease: Lease) -> None:
        self._leases[lease.partition] = lease
        self._channel.book.settled[self.name][lease.partition] = lease.offsets

    def _begin_anew(self, leases: Mapping[int, Lease], extents: Mapping[int, Extent]) -> dict[int, Lease]:
        """Other leases in the place of these: what was handed out is settled no more. What was parked stays so."""
        anew = {one: extent for one, extent in extents.items() if one in leases and not leases[one].is_lost}
        for partition, extent in anew.items():
            self._drop(leases[partition])
            self._have(begun_anew(partition, extent))
        if anew:
            self._channel.begins_anew(self.name, anew)
            self._commit_in(_COMMIT_S)
            self.tell_watchers()
        return {one: self._leases[one] for one in anew}

    def _forfeit(self) -> None:
        self._lose_all()
        self.tell_watchers()

    def _lose_all(self) -> None:
        for partition in [*self._leases]:
            self._lose(partition)

    def _lose(self, partition: int) -> None:
        self._drop(self._leases.pop(partition))
        for member in self.members:
            member.lose(partition)
        self.parking.index.lose(self.name, partition)

    def _drop(self, lease: Lease) -> None:
        """What comes of it is nothing to anybody any more."""
        lease.is_lost = True
        self._window.drop(lease)
        for member in self.members:
            member.drop(lease)
