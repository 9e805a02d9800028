"""The commands that a Redis server must let us use, as they could be sent. Pure. None of them is ever run."""

from collections.abc import Mapping
from typing import Final

KEY_PATTERN: Final = "eventing:*"
_KEY: Final = "eventing:{doctor}:probe"
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "xadd": ("XADD", _KEY, "NOMKSTREAM", "*", "event", "0"),
    "xreadgroup": ("XREADGROUP", "GROUP", "doctor", "doctor", "COUNT", "1", "STREAMS", _KEY, ">"),
    "xack": ("XACK", _KEY, "doctor", "0-1"),
    "xautoclaim": ("XAUTOCLAIM", _KEY, "doctor", "doctor", "60000", "0"),
    "xclaim": ("XCLAIM", _KEY, "doctor", "doctor", "60000", "0-1"),
    "xpending": ("XPENDING", _KEY, "doctor"),
    "xgroup|create": ("XGROUP", "CREATE", _KEY, "doctor", "0"),
    "xgroup|destroy": ("XGROUP", "DESTROY", _KEY, "doctor"),
    "xinfo|groups": ("XINFO", "GROUPS", _KEY),
    "xinfo|stream": ("XINFO", "STREAM", _KEY),
    "xrange": ("XRANGE", _KEY, "-", "+"),
    "xrevrange": ("XREVRANGE", _KEY, "+", "-"),
    "xlen": ("XLEN", _KEY),
    "xtrim": ("XTRIM", _KEY, "MINID", "0"),
    "xdel": ("XDEL", _KEY, "0-1"),
    "zadd": ("ZADD", _KEY, "XX", "0", "doctor"),
    "zrange": ("ZRANGE", _KEY, "0", "0"),
    "zrem": ("ZREM", _KEY, "doctor"),
    "zcard": ("ZCARD", _KEY),
    "hset": ("HSET", _KEY, "doctor", "0"),
    "hgetall": ("HGETALL", _KEY),
    "hdel": ("HDEL", _KEY, "doctor"),
    "set": ("SET", _KEY, "doctor", "XX", "PX", "1"),
    "get": ("GET", _KEY),
    "del": ("DEL", _KEY),
    "expire": ("EXPIRE", _KEY, "1"),
    "eval": ("EVAL", "return 0", "1", _KEY),
    "evalsha": ("EVALSHA", "0" * 40, "1", _KEY),
    "time": ("TIME",),
}
"""By the name that ACL SETUSER takes."""
