"""Channels on a Redis server: one stream each, shared by all processes that enter them.

`RedisServer` is the door; `channels.redis_streams.script` says what is stored how.
"""

from channels.redis_streams.address import Credentials
from channels.redis_streams.server import RedisServer
from channels.retention import Retention

__all__ = ["Credentials", "RedisServer", "Retention"]
