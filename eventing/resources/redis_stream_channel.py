"""RedisStreamChannel: a channel that is a stream of a Redis server.

A kind of this project's own; its rules are those of an InMemoryChannel. Pure.
"""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from dispatcher.fault import FieldError, shown
from eventing.resources.identity import Object
from eventing.resources.kind import Context
from eventing.resources.schema import MISSING, record, string
from eventing.resources.subscribable import CONDITIONS as CHANNEL_CONDITIONS
from eventing.resources.subscribable import own_channel, validate_subscribable, validate_unchanged

CONDITIONS: Final = ("StreamReady", *CHANNEL_CONDITIONS)
"""What its Ready depends on."""
_SERVERS: Final = ("redis", "rediss")
_SENTINELS: Final = ("redis+sentinel", "rediss+sentinel")
_CLUSTERS: Final = ("redis+cluster", "rediss+cluster")
_AUTH: Final = record(
    {
        "secret": record(
            {"ref": record({"name": string("The Secret's name, in the channel's namespace.")}, "The Secret.")},
            "Where the credentials are.",
        )
    },
    "How the server logs in: a Secret with `user`, `password`, `ca.crt`, `user.crt`, `user.key`, `sentinel.user` and "
    "`sentinel.password`, each where needed.",
)


def _validate(item: Object, old: Object | None, context: Context) -> list[FieldError]:
    return [
        *validate_subscribable(item, old, context),
        *_validate_server(item["spec"]),
        *validate_unchanged(item, old, ("address",)),
    ]


def _validate_server(spec: Object) -> Iterator[FieldError]:
    if (address := spec.get("address")) is not None and not _is_redis(address):
        reason = f"invalid value: {shown(address)}: expected redis://HOST:PORT, rediss://HOST:PORT"
        several = "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE or redis+cluster://HOST:PORT,HOST:PORT"
        yield FieldError("spec.address", f"{reason}, {several}, credentials in a Secret")
    if "auth" in spec and not spec["auth"].get("secret", {}).get("ref", {}).get("name"):
        yield FieldError("spec.auth.secret.ref.name", MISSING)


def _is_redis(address: str) -> bool:
    try:
        parts = urlsplit(address)
        hosts = [urlsplit(f"//{one}") for one in parts.netloc.split(",")]
        are_hosts = all(host.hostname and host.port != 0 for host in hosts)
    except ValueError:
        return False
    if not are_hosts or "@" in address:
        return False
    if parts.scheme in _SENTINELS:
        return bool(parts.path.strip("/"))
    if parts.scheme in _CLUSTERS:
        return parts.path.strip("/") in ("", "0")
    return parts.scheme in _SERVERS and len(hosts) == 1


REDIS_STREAM_CHANNEL: Final = own_channel(
    "RedisStreamChannel",
    "redisstreamchannels",
    "rsc",
    "A channel that is a stream of a Redis server, which several servers can share.",
    spec={
        "address": string(
            "The Redis server: `redis://HOST:PORT`, or `rediss://` for TLS, or "
            "`redis+sentinel://HOST:PORT,HOST:PORT/SERVICE`, or `redis+cluster://HOST:PORT,HOST:PORT`. Without it the "
            "server's own default. It cannot be changed."
        ),
        "auth": _AUTH,
    },
    validate=_validate,
)
