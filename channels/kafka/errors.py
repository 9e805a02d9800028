"""What Kafka's errors mean here, sorted by who must act: one table."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError

from channels.errors import ChannelUnavailable

FAULTS = (KafkaError, OSError, TimeoutError)
"""What a server that is away, slow or unwilling makes of a call."""


def translated(error: BaseException) -> ChannelUnavailable:
    """Time or the operator must act. The cause is kept."""
    words = str(error) or type(error).__name__
    unavailable = ChannelUnavailable(f"Kafka: {words}")
    unavailable.__cause__ = error
    return unavailable


def words_of(error: BaseException) -> str:
    """For whoever looks at the status. What nobody foresaw may say nothing without its type."""
    return str(error) if isinstance(error, ChannelUnavailable) else f"{type(error).__name__}: {error}"


@contextmanager
def translating() -> Iterator[None]:
    """Raise what is Kafka's as ChannelUnavailable."""
    try:
        yield
    except FAULTS as error:
        raise translated(error) from error


def closed() -> ChannelUnavailable:
    """What to raise once the end has come."""
    return ChannelUnavailable("the channel is closed")
