"""What the tests of Kafka channels share: quick groups, and channels that end as those of a killed process do."""

import contextlib
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from channels.kafka import KafkaChannel, KafkaCluster, Timing, Topic

QUICK: Final = Timing(session_s=1.0, heartbeat_s=0.2, patience_s=0.5)


class MortalChannel(KafkaChannel):
    """Its part in groups ends without a word to their coordinator."""

    async def vanish(self) -> None:
        if not self._is_open:
            return
        # What was acked comes again where the commit is not done, which is so for a tenth of a second. Here it is done.
        for group in self._groups.values():
            await group.commit()
        self._is_open = False
        self._looking.cancel()
        for group in self._groups.values():
            group.is_closed = True
            group.pulse.close()
            await group._rejoining.close()
            if group._timer is not None:
                group._timer.cancel()
            group._lose_all()
            group._consumer._consumer._coordinator._maybe_leave_group = _nothing
            await group._consumer.stop()
        for writer in (self._log, self._state):
            for task in writer._running.values():
                task.cancel()
        self._knowledge.leave()
        with contextlib.suppress(ValueError):
            self._cluster.detach(self)


async def _nothing() -> None:
    return None


def a_channel(
    cluster: KafkaCluster,
    *,
    name: str = "",
    partitions: int = 1,
    events_max: int = 1000,
    size_max_bytes: int = 2**24,
    is_external: bool = False,
    replicas: int = 1,
    config: Mapping[str, str] = MappingProxyType({}),
) -> MortalChannel:
    """One whose topic no other test has, unless it is named."""
    topic = Topic(name or f"t-{uuid.uuid4().hex}", partitions, replicas, config, is_external=is_external)
    return MortalChannel(
        cluster,
        "default/orders",
        topic,
        events_max=events_max,
        size_max_bytes=size_max_bytes,
        adds_position_attributes=False,
    )
