"""The commands that a Redis server must let us use, as they could be sent. Pure. None of them is ever run.

Those of the scripts of `channels/redis_streams` are among them: the server asks the same rights of a script.
"""

from collections.abc import Mapping
from typing import Final

KEY_PATTERN: Final = "eventing:*"
PROBE: Final = "eventing:{doctor}:probe"
"""A key that is never there."""
_FENCE: Final = "eventing:{doctor}:fence"
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "xadd": ("XADD", PROBE, "NOMKSTREAM", "*", "event", "0"),
    "xreadgroup": ("XREADGROUP", "GROUP", "doctor", "doctor", "COUNT", "1", "STREAMS", PROBE, ">"),
    "xack": ("XACK", PROBE, "doctor", "0-1"),
    "xclaim": ("XCLAIM", PROBE, "doctor", "doctor", "60000", "0-1"),
    "xpending": ("XPENDING", PROBE, "doctor"),
    "xgroup|create": ("XGROUP", "CREATE", PROBE, "doctor", "0"),
    "xgroup|createconsumer": ("XGROUP", "CREATECONSUMER", PROBE, "doctor", "doctor"),
    "xgroup|delconsumer": ("XGROUP", "DELCONSUMER", PROBE, "doctor", "doctor"),
    "xgroup|destroy": ("XGROUP", "DESTROY", PROBE, "doctor"),
    "xinfo|consumers": ("XINFO", "CONSUMERS", PROBE, "doctor"),
    "xinfo|groups": ("XINFO", "GROUPS", PROBE),
    "xrange": ("XRANGE", PROBE, "-", "+"),
    "xrevrange": ("XREVRANGE", PROBE, "+", "-"),
    "xlen": ("XLEN", PROBE),
    "xtrim": ("XTRIM", PROBE, "MINID", "0"),
    "xdel": ("XDEL", PROBE, "0-1"),
    "zadd": ("ZADD", PROBE, "XX", "0", "doctor"),
    "zcard": ("ZCARD", PROBE),
    "zrange": ("ZRANGE", PROBE, "0", "0"),
    "zrem": ("ZREM", PROBE, "doctor"),
    "zscore": ("ZSCORE", PROBE, "doctor"),
    "zunionstore": ("ZUNIONSTORE", PROBE, "1", PROBE),
    "hset": ("HSET", PROBE, "doctor", "0"),
    "hmset": ("HMSET", PROBE, "doctor", "0"),
    "hsetnx": ("HSETNX", PROBE, "doctor", "0"),
    "hincrby": ("HINCRBY", PROBE, "doctor", "0"),
    "hget": ("HGET", PROBE, "doctor"),
    "hmget": ("HMGET", PROBE, "doctor"),
    "hgetall": ("HGETALL", PROBE),
    "hexists": ("HEXISTS", PROBE, "doctor"),
    "hkeys": ("HKEYS", PROBE),
    "hlen": ("HLEN", PROBE),
    "hscan": ("HSCAN", PROBE, "0"),
    "hdel": ("HDEL", PROBE, "doctor"),
    "incr": ("INCR", PROBE),
    "incrby": ("INCRBY", PROBE, "0"),
    "llen": ("LLEN", PROBE),
    "lpop": ("LPOP", PROBE),
    "rpush": ("RPUSH", PROBE, "doctor"),
    "set": ("SET", PROBE, "doctor", "XX", "PX", "1"),
    "get": ("GET", PROBE),
    "del": ("DEL", PROBE),
    "unlink": ("UNLINK", PROBE),
    "exists": ("EXISTS", PROBE),
    "rename": ("RENAME", PROBE, PROBE),
    "scan": ("SCAN", "0"),
    "evalsha": ("EVALSHA", "0" * 40, "2", PROBE, _FENCE),
    "script|load": ("SCRIPT", "LOAD", "return 0"),
    "client|setname": ("CLIENT", "SETNAME", "doctor"),
    "client|id": ("CLIENT", "ID"),
    "client|unblock": ("CLIENT", "UNBLOCK", "0"),
    "ping": ("PING",),
    "time": ("TIME",),
}
"""By the name that ACL SETUSER takes."""
WRITES: Final = ("xadd", "hset", "evalsha")
"""What tells whether writes are taken: several, as a user may lack one, and one with all keys that scripts take."""
