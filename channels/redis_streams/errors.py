"""What a Redis server may answer instead of a result, and how it is told to those above. One table, by the code that
begins each error.
"""

from typing import Final

from hiredis import HiredisError

from channels.errors import ChannelFull, ChannelUnavailable


class ServerError(Exception):
    """The server has refused a command. `code` is the word that its answer begins with, such as `OOM`."""

    def __init__(self, answer: object) -> None:
        super().__init__(str(answer))
        self.code: Final = str(answer).partition(" ")[0]


class ConnectionLost(Exception):  # noqa: N818 - named for what it is
    """Time must act: the connection ended, or the server did not answer in time. What was asked may have happened."""


FENCED: Final = "FENCED"
"""From our scripts: another process has taken over what this one had."""
LOST: Final = "LOST"
"""From our scripts: the server has lost all that the channel had."""
NO_GROUP: Final = "NOGROUP"
_KINDS: Final[dict[str, type[ChannelFull | ChannelUnavailable]]] = {
    "OOM": ChannelFull,
    "LOADING": ChannelUnavailable,
    "READONLY": ChannelUnavailable,
    "MASTERDOWN": ChannelUnavailable,
    "NOREPLICAS": ChannelUnavailable,
    "MISCONF": ChannelUnavailable,
    "BUSY": ChannelUnavailable,
    "NOAUTH": ChannelUnavailable,
    "WRONGPASS": ChannelUnavailable,
    "NOPERM": ChannelUnavailable,
    "NOSCRIPT": ChannelUnavailable,
}
MOVING: Final = "ASK"
"""From a cluster: the slot is on its way from this node to another, and the key is not here (any more)."""
_OF_A_CLUSTER: Final = frozenset({"MOVED", MOVING, "TRYAGAIN", "CLUSTERDOWN"})
"""The slot is at another node, on its way there, or nowhere for the moment."""
RECONNECT: Final = _OF_A_CLUSTER | {"READONLY", "MASTERDOWN", "NOAUTH", "NOSCRIPT", "LOADING", "UNBLOCKED"}
"""After these another connection may do better: to another master, as another user, with the scripts loaded anew."""
_OF_THE_SERVER: Final = (RECONNECT | _KINDS.keys()) - {"NOPERM"}
DRIVER_ERRORS: Final = (ServerError, ConnectionLost, OSError, TimeoutError, HiredisError)
"""What asking a server may raise."""


def is_about_keys(error: BaseException | None) -> bool:
    """Whether a refusal is about the keys that were asked for, such as one of another type, and about no others."""
    return isinstance(error, ServerError) and error.code not in _OF_THE_SERVER


def translate(error: BaseException) -> ChannelFull | ChannelUnavailable:
    """The error for those above, its cause kept. What the table does not know may pass as well: unavailable."""
    kind = _KINDS.get(error.code, ChannelUnavailable) if isinstance(error, ServerError) else ChannelUnavailable
    told = kind(f"Redis cannot store: {error or type(error).__name__}")
    told.__cause__ = error
    return told
