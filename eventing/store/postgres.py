"""Transactions in PostgreSQL: many at a time, of many processes."""

from typing import Final, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from eventing.store.database import Ask, translated

AWAY: Final = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the connection was lost while a statement was being sent
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.OperatorInterventionError,  # it starts, or shuts down
    asyncpg.InsufficientResourcesError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process stood still in the middle of it
)
"""What the driver raises that passes with time, or when the operator acts."""
_CONNECT_TIMEOUT_S: Final = 10.0
_COMMAND_TIMEOUT_S: Final = 60.0
STANDSTILL_MAX_S: Final = 5.0
"""How long a process that stands still in the middle of a transaction, holding its locks, may have others wait."""
APPLICATION: Final = "eventing"
"""What PostgreSQL knows the sessions by that write."""
_POOL_SIZE: Final = 5
"""Connections to PostgreSQL of one process; writers need one, the others read. SQLAlchemy's default."""
T = TypeVar("T")


class PostgresDatabase:
    """A server that other processes use, too."""

    is_shared = True

    def __init__(self, url: str) -> None:
        self._engine: Final = _postgres_engine(url)
        self._snapshots: Final = self._engine.execution_options(isolation_level="REPEATABLE READ")

    async def read(self, ask: Ask[T]) -> T:
        """All statements see one snapshot."""
        with translated(AWAY):
            async with self._snapshots.begin() as connection:
                return await connection.run_sync(ask)

    async def write(self, ask: Ask[T]) -> T:
        """Each statement sees what was committed before it: also by whom the transaction waited for."""
        with translated(AWAY):
            async with self._engine.begin() as connection:
                return await connection.run_sync(ask)

    async def close(self) -> None:
        """Its connections end."""
        await self._engine.dispose()


def _postgres_engine(url: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "timeout": _CONNECT_TIMEOUT_S,
            "command_timeout": _COMMAND_TIMEOUT_S,
            "server_settings": {
                "application_name": APPLICATION,
                "idle_in_transaction_session_timeout": f"{STANDSTILL_MAX_S * 1000:.0f}",
            },
        },
    )
