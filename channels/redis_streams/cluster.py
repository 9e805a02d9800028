"""The way to the node of a Redis Cluster that has a slot: any node is asked, and the one it names is tried."""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Final

from channels.redis_streams.address import Address, Credentials, tls_of
from channels.redis_streams.connection import Connection, load, open_at
from channels.redis_streams.errors import DRIVER_ERRORS, MOVING, ConnectionLost, ServerError
from channels.redis_streams.slot import Node, Slot

_SHARE: Final = 0.5
"""Of the time for a connection, what one node may cost: where the first is a black hole, another one is asked yet."""


async def connect_to_slot(
    slot: Slot, address: Address, credentials: Credentials | None, scripts: Sequence[bytes], *, timeout_s: float
) -> Connection:
    """As `connect`, to the node that has the slot. Nodes whose word does not lead there are asked last the next time,
    such as one that a partition has kept from hearing of a failover. Raises what the last of them did.
    """
    problem: Exception = ConnectionLost("no node of the cluster was asked")
    async with asyncio.timeout(timeout_s):
        tls = tls_of(address, credentials)
        for node in slot.nodes:
            try:
                async with asyncio.timeout(_SHARE * timeout_s):
                    return await _Way(slot, address, credentials, tls, timeout_s).by(node, scripts)
            except DRIVER_ERRORS as error:
                slot.was_not_found(node)
                problem = error
                if isinstance(error, ServerError) and error.code == MOVING:
                    break
    raise problem


class _Way:
    """What is needed to speak to any node."""

    def __init__(
        self,
        slot: Slot,
        address: Address,
        credentials: Credentials | None,
        tls: ssl.SSLContext | None,
        timeout_s: float,
    ) -> None:
        self._slot: Final = slot
        self._address: Final = address
        self._credentials: Final = credentials
        self._tls: Final = tls
        self._timeout_s: Final = timeout_s

    async def by(self, asked: Node, scripts: Sequence[bytes]) -> Connection:
        """To the node that the asked one names. Raises DRIVER_ERRORS."""
        guide = await self._open(asked)
        try:
            master, nodes = self._slot.read(await guide.call("CLUSTER", "SLOTS"), asked)
        finally:
            guide.close()
        if master is None:
            raise ConnectionLost("no node of the cluster has the slot")
        connection = await self._open(master)
        try:
            # Refused where the slot is elsewhere, or on its way: a key that is not there could be there already.
            await connection.call("EXISTS", self._slot.key)
            await load(connection, scripts)
        except BaseException:
            connection.close()
            raise
        self._slot.was_found(asked, nodes)
        return connection

    async def _open(self, node: Node) -> Connection:
        return await open_at(*node, self._address, self._credentials, self._tls, timeout_s=self._timeout_s)
