"""The commands that a Redis server must let us use, as they could be sent. Pure. None of them is ever run.

Those of the scripts of `channels/redis_streams` are among them: the server asks the same rights of a script.
"""

from collections.abc import Mapping
from typing import Final

KEY_PATTERN: Final = "eventing:*"
_KEY: Final = "eventing:{doctor}:probe"
_FENCE: Final = "eventing:fence:doctor"
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "xadd": ("XADD", _KEY, "NOMKSTREAM", "*", "event", "0"),
    "xreadgroup": ("XREADGROUP", "GROUP", "doctor", "doctor", "COUNT", "1", "STREAMS", _KEY, ">"),
    "xack": ("XACK", _KEY, "doctor", "0-1"),
    "xclaim": ("XCLAIM", _KEY, "doctor", "doctor", "60000", "0-1"),
    "xpending": ("XPENDING", _KEY, "doctor"),
    "xgroup|create": ("XGROUP", "CREATE", _KEY, "doctor", "0"),
    "xgroup|createconsumer": ("XGROUP", "CREATECONSUMER", _KEY, "doctor", "doctor"),
    "xgroup|delconsumer": ("XGROUP", "DELCONSUMER", _KEY, "doctor", "doctor"),
    "xgroup|destroy": ("XGROUP", "DESTROY", _KEY, "doctor"),
    "xinfo|consumers": ("XINFO", "CONSUMERS", _KEY, "doctor"),
    "xinfo|groups": ("XINFO", "GROUPS", _KEY),
    "xrange": ("XRANGE", _KEY, "-", "+"),
    "xrevrange": ("XREVRANGE", _KEY, "+", "-"),
    "xlen": ("XLEN", _KEY),
    "xtrim": ("XTRIM", _KEY, "MINID", "0"),
    "xdel": ("XDEL", _KEY, "0-1"),
    "zadd": ("ZADD", _KEY, "XX", "0", "doctor"),
    "zcard": ("ZCARD", _KEY),
    "zrange": ("ZRANGE", _KEY, "0", "0"),
    "zrem": ("ZREM", _KEY, "doctor"),
    "zscore": ("ZSCORE", _KEY, "doctor"),
    "zunionstore": ("ZUNIONSTORE", _KEY, "1", _KEY),
    "hset": ("HSET", _KEY, "doctor", "0"),
    "hmset": ("HMSET", _KEY, "doctor", "0"),
    "hsetnx": ("HSETNX", _KEY, "doctor", "0"),
    "hincrby": ("HINCRBY", _KEY, "doctor", "0"),
    "hget": ("HGET", _KEY, "doctor"),
    "hmget": ("HMGET", _KEY, "doctor"),
    "hgetall": ("HGETALL", _KEY),
    "hexists": ("HEXISTS", _KEY, "doctor"),
    "hkeys": ("HKEYS", _KEY),
    "hlen": ("HLEN", _KEY),
    "hscan": ("HSCAN", _KEY, "0"),
    "hdel": ("HDEL", _KEY, "doctor"),
    "incr": ("INCR", _KEY),
    "llen": ("LLEN", _KEY),
    "lpop": ("LPOP", _KEY),
    "rpush": ("RPUSH", _KEY, "doctor"),
    "set": ("SET", _KEY, "doctor", "XX", "PX", "1"),
    "get": ("GET", _KEY),
    "del": ("DEL", _KEY),
    "unlink": ("UNLINK", _KEY),
    "exists": ("EXISTS", _KEY),
    "rename": ("RENAME", _KEY, _KEY),
    "scan": ("SCAN", "0"),
    "evalsha": ("EVALSHA", "0" * 40, "2", _KEY, _FENCE),
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
