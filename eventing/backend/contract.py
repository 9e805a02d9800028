"""What the wiring asks of a server that channels rest on, whichever it is."""

from typing import Protocol, Self

from channels.contract import Channel
from channels.dead_letter import DeadLetters
from eventing.resources.engine import Kafka, Redis
from eventing.resources.login import Login
from eventing.resources.retention import Retention

Remote = Redis | Kafka
"""The engines that are a server's."""


class Backend(Protocol):
    """One connection to one server, shared by all channels there. Entering it does not need the server to be there."""

    dead_letters: DeadLetters
    """Those of all channels on that server, whichever connection they use."""
    place: str
    """Where these letters are, without a login: the same for all connections that were given one address, however it
    was written.
    """

    async def __aenter__(self) -> Self:
        """Ready for use on return."""

    async def __aexit__(self, *exc: object) -> None:
        """Its channels were left before."""

    @property
    def identity(self) -> str:
        """By what the server is known that keeps these letters, at whichever address, over its restarts; empty until it
        was heard.
        """

    @property
    def fault(self) -> str:
        """Why the server takes nothing at this moment; empty where it does, and before anybody asked it."""

    @property
    def persistence(self) -> str:
        """What the server does to keep what it took, in its own word; empty where it has none for that."""

    def fault_of(self, channel: Channel) -> str:
        """Why that channel of it takes nothing at this moment; empty where it does."""

    def channel(self, name: str, engine: Remote, retention: Retention) -> Channel:
        """A channel that was not entered yet. To enter it raises ChannelUnavailable."""

    def keep(self, channel: Channel, retention: Retention) -> None:
        """From now on the channel keeps settled events as long as that, where it is the backend's affair."""

    async def drop(self, name: str, engine: Remote) -> None:
        """Delete a channel that is not entered, with all there is of it; what is not ours stays. Twice is once.

        Raises ChannelUnavailable.
        """

    async def log_in(self, login: Login | None) -> None:
        """From now on with that login: connections that are there go on, or come again, and nothing is lost."""
