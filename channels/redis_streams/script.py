"""What runs inside the server, in Lua: each script is one step, whole or not at all.

A channel's keys begin with one prefix, `KEYS[1]`, whose braces keep them in one slot of a cluster; `KEYS[2]` is the
fence of the process that asks, `ARGV[1]` its member id. Behind the prefix:

| key | what it holds |
|---|---|
| `log` | the stream: one entry per event, its size the name of the field, its frame the value |
| `state` | a hash of counters: `stored`, `events`, `size`, `parked`, `psize`, per group `u:` and `v:` (what it has not
  settled, and its bytes), the last id given (`ms`, `seq`), `born`, `rv` (version of what is remembered) |
| `groups` | a hash: each group, and after which id it began |
| `remembered` | a hash |
| `survey` | an id, for some seconds: somebody counts what comes after it, so that is not trimmed |
| `order` | a hash: who receives the events of a group alone, while order is needed |
| `members` | a hash: member ids that have something here, and when they were found dead |
| `queues:ID` | a hash: the queues of a process, behind `u` or `o` for their order, and their bytes |
| `z:ID:QUEUE`, `t:ID:QUEUE` | sorted sets: what waits in a queue, and what was taken from it |
| `b:ID:QUEUE` | a hash: the bodies of both |

The process `-` is nobody: what it has goes to whoever comes. Scripts that only give back, settle or park run also where
the server is out of memory, for that is how it gets some.
"""

from hashlib import sha1
from importlib.resources import files
from typing import Final

NOBODY: Final = "-"


class Script:
    """A script, and the digest that it is called by."""

    def __init__(self, *names: str, may_fill: bool = False) -> None:
        first = "#!lua\n" if may_fill else "#!lua flags=allow-oom\n"
        parts = [files(__package__).joinpath(f"{name}.lua").read_text() for name in ("common", *names)]
        self.text: Final = "".join([first, *parts]).encode()
        self.digest: Final = sha1(self.text, usedforsecurity=False).hexdigest()


COMMIT: Final = Script("letter", "commit")
PUBLISH: Final = Script("publish", may_fill=True)
BEGIN: Final = Script("begin")
TICK: Final = Script("tick")
CLAIM: Final = Script("claim")
TAKE: Final = Script("take")
RENEW: Final = Script("renew")
DEAD_LETTER: Final = Script("letter", "dead_letter")
SCRIPTS: Final = (COMMIT, PUBLISH, BEGIN, TICK, CLAIM, TAKE, RENEW, DEAD_LETTER)
SURVEY: Final = (5000, 4 * 2**20)
"""Entries and bytes that one call of `begin` may look at: some 20 ms of the server's."""
SURVEYED: Final = 3
"""So many words it answers where there is more to look at: how far it came. It answers more where it is done."""
