"""A Redis Cluster, asked where its masters are."""

from collections.abc import Callable, Sequence
from typing import Final

from redis import exceptions
from redis.asyncio import Redis

from channels.redis_streams.slot import Node, read_slots, slot_of
from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure
from eventing.doctor.redis_command import PROBE

_ASKED_LAST: Final = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)


class NoMaster(Exception):  # noqa: N818 - named for what it is
    """The operator must act: there is no master that our keys could be looked at. `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.words)
        self.finding: Final = finding


async def find_masters(seeds: Sequence[Node], client_of: Callable[[Node], Redis]) -> Sequence[Node]:
    """All of them, the one first that has the slot of the keys that are probed. Raises NoMaster, and where no seed
    answers, what the last one raised.
    """
    for seed in seeds[:-1]:
        try:
            return await _ask(seed, client_of(seed))
        except exceptions.AuthenticationError:
            raise
        except _ASKED_LAST:
            continue
    return await _ask(seeds[-1], client_of(seeds[-1]))


async def _ask(seed: Node, client: Redis) -> Sequence[Node]:
    try:
        told = await client.execute_command("CLUSTER", "SLOTS", NEVER_DECODE=True)  # type: ignore[no-untyped-call]
    except exceptions.NoPermissionError as error:
        advice = "ACL SETUSER USER +cluster|slots: without it nobody knows which node has a slot"
        raise NoMaster(failure(Check.REDIS_RIGHTS, str(error), advice)) from error
    except exceptions.ResponseError as error:
        raise NoMaster(failure(Check.REDIS_MODE, f"it is no cluster: {error}", "name it redis://HOST:PORT")) from error
    ranges = read_slots(told, seed)
    own = [nodes[0] for slots, nodes in ranges if slot_of(PROBE) in slots]
    if not own:
        words = "some slots are at no node: the Brokers and channels there cannot work"
        raise NoMaster(failure(Check.REDIS_MODE, words, "look at CLUSTER NODES, and give each slot a master"))
    return [*dict.fromkeys([*own, *[nodes[0] for _, nodes in ranges]])]
