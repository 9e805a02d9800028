"""The laws of the channel contract, one short function each, for every backend to pass against its real server.

A backend's test runs each of `LAWS` with a factory of its channels. Laws about what not every backend promises ask its
`features`, and say nothing where the promise is not made. That an event does not come is shown by the one that comes in
its place; only what is due later is waited for, some hundredths of a second.
"""

from typing import Final

from channels import (
    conformance_ensure,
    conformance_group,
    conformance_log,
    conformance_queue,
    conformance_queue_end,
    conformance_replay,
    conformance_restart,
    conformance_restart_queue,
    conformance_shared,
)
from channels.witness import Factory, Law

__all__ = ["LAWS", "Factory", "Law"]

LAWS: Final[tuple[Law, ...]] = (
    *conformance_log.LAWS,
    *conformance_group.LAWS,
    *conformance_ensure.LAWS,
    *conformance_queue.LAWS,
    *conformance_queue_end.LAWS,
    *conformance_replay.LAWS,
    *conformance_restart.LAWS,
    *conformance_restart_queue.LAWS,
    *conformance_shared.LAWS,
)
