"""Where a slot of a Redis Cluster is, as far as anybody has told. Pure.

All keys with the same text in braces are in one slot, and each slot is at one node, until it moves or its node dies.
"""

from binascii import crc_hqx
from collections.abc import Sequence
from typing import Any, Final

Node = tuple[str, int]
"""Host and port."""
_SLOTS: Final = 16384
_ELSEWHERE: Final = (None, b"", b"?")
"""What a node says of another one where it does not know its name: it is found where it is itself."""


def slot_of(key: str) -> int:
    """The number of the slot that a key is in."""
    _, _, behind = key.partition("{")
    tag, brace, _ = behind.partition("}")
    return crc_hqx((tag if tag and brace else key).encode(), 0) % _SLOTS


def read_slots(told: Sequence[Any], asked: Node) -> Sequence[tuple[range, Sequence[Node]]]:
    """Who has which slots by an answer to CLUSTER SLOTS: a master and its replicas. Slots that nobody has are left
    out.
    """
    found = []
    for first, last, *rows in told:
        nodes = [(asked[0] if host in _ELSEWHERE else host.decode(), int(port)) for host, port, *_ in rows]
        if nodes:
            found.append((range(first, last + 1), nodes))
    return found


class Slot:
    """`key` is any one in it. `nodes` are those of the cluster, in the order to ask them: seeds are never forgotten,
    and the others as soon as nobody tells of them.
    """

    def __init__(self, seeds: Sequence[Node], key: str) -> None:
        self.key: Final = key
        self.nodes: Sequence[Node] = tuple(seeds)
        self._seeds: Final = tuple(seeds)
        self._number: Final = slot_of(key)

    def read(self, told: Sequence[Any], asked: Node) -> tuple[Node | None, Sequence[Node]]:
        """Which node has the slot by an answer to CLUSTER SLOTS, None where nobody has; and which nodes there are."""
        ranges = read_slots(told, asked)
        masters = [nodes[0] for slots, nodes in ranges if self._number in slots]
        return next(iter(masters), None), tuple(dict.fromkeys(node for _, nodes in ranges for node in nodes))

    def was_found(self, asked: Node, nodes: Sequence[Node]) -> None:
        """What that node said was true, so it is asked first from now on."""
        self.nodes = tuple(dict.fromkeys([asked, *nodes, *self._seeds]))

    def was_not_found(self, asked: Node) -> None:
        """That node did not answer, or knew nothing that helped: it is asked last."""
        self.nodes = (*[node for node in self.nodes if node != asked], asked)
