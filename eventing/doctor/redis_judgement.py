"""A Redis server, judged by what it says of itself: INFO, CONFIG GET, the answers to commands. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, skipped, warning

Info = Mapping[str, Any]
"""INFO as redis-py reads it; a member may be missing, as servers and users differ."""
Config = Mapping[str, str]
"""CONFIG GET; empty where the user may not ask."""
VERSION_MIN: Final = (6, 2)
"""XTRIM by id, exclusive ranges of XRANGE."""
VERSION_WANTED: Final = (7, 0)
"""What tests run against: appends in several files, errors of scripts that keep their kind."""
SLOW_S: Final = 0.01
MEMORY_FULL: Final = 0.9
_CLIENTS_SPARE: Final = 100
LOST: Final[Mapping[str, str]] = {
    "everysec": "a second of what had its 202, or two where its disk is behind",
    "no": "what the kernel had not written yet",
}
"""What a server may lose with its machine, by `appendfsync`. Redis flushes each second, and where the last flush is not
over yet it goes on writing after two: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/.
"""


def judge_version(info: Info) -> Finding:
    """What the features used here need."""
    text = str(info.get("redis_version", "unknown"))
    numbers = tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
    if numbers < VERSION_MIN:
        words = f"Redis {text} has no XTRIM by id (6.2): what is settled could not be let go"
        return failure(Check.REDIS_VERSION, words, "upgrade it to 7.0 or later")
    if numbers < VERSION_WANTED:
        words = f"Redis {text} is older than what is tested here (7.0): appends and scripts differ in details"
        return warning(Check.REDIS_VERSION, words, "upgrade it to 7.0 or later")
    return ok(Check.REDIS_VERSION, f"Redis {text}")


def judge_mode(info: Info, cluster_state: str | None, *, is_cluster: bool) -> Finding:
    """Standalone, a member of a cluster, or a Sentinel. `cluster_state` as in CLUSTER INFO, None where unknown;
    `is_cluster` where the address is a cluster's.
    """
    mode = str(info.get("redis_mode", "standalone"))
    if mode == "sentinel":
        words = "what answers is a Sentinel: it knows where Redis is, and keeps no events"
        return failure(Check.REDIS_MODE, words, "name the port of the Redis server itself")
    if mode == "cluster" and cluster_state not in (None, "ok"):
        words = f"it is a member of a cluster whose state is {cluster_state}"
        return failure(Check.REDIS_MODE, words, "look at CLUSTER NODES: every slot needs a master that answers")
    if mode == "cluster" and not is_cluster:
        words = "it is a member of a cluster, and the address is that of a single server: only some keys are there"
        return failure(Check.REDIS_MODE, words, "name nodes of the cluster: redis+cluster://HOST:PORT,HOST:PORT")
    return ok(Check.REDIS_MODE, {"cluster": "a member of a cluster that is ok"}.get(mode, mode))


def judge_role(info: Info) -> Finding:
    """A replica takes no writes."""
    if info.get("role") in ("slave", "replica"):
        master = f"{info.get('master_host')}:{info.get('master_port')}"
        words = f"it is a replica of {master} (link {info.get('master_link_status')}): writes fail here"
        return failure(Check.REDIS_ROLE, words, f"name the master, {master}, or a Sentinel that follows failovers")
    return ok(Check.REDIS_ROLE, f"a master with {info.get('connected_slaves', 0)} replicas")


def judge_persistence(info: Info, config: Config) -> Finding:
    """What a 202 means: what is lost when the server's process or machine crashes."""
    way = "CONFIG SET {0}, and the same in redis.conf"
    if not info.get("aof_enabled"):
        saves = config.get("save")
        kept = "only what the last snapshot holds" if saves or saves is None else "nothing"
        words = f"no append-only file: after a crash {kept} is there, whatever a 202 has said"
        return warning(Check.REDIS_PERSISTENCE, words, way.format("appendonly yes, appendfsync always"))
    if info.get("aof_last_write_status", "ok") != "ok":
        words = "the last write to its append-only file failed: it refuses writes"
        return failure(Check.REDIS_PERSISTENCE, words, "look at its disk and its log")
    fsync = config.get("appendfsync")
    if fsync is None:
        words = "append-only, and it does not tell appendfsync (CONFIG GET is not allowed): a 202 may mean everysec"
        return warning(Check.REDIS_PERSISTENCE, words, "allow the user +config|get, or ask who runs it")
    if fsync == "always":
        return ok(Check.REDIS_PERSISTENCE, "append-only, appendfsync always: a 202 is on disk")
    words = f"append-only, appendfsync {fsync}: a crash of its machine loses {LOST.get(fsync, LOST['no'])}"
    return warning(Check.REDIS_PERSISTENCE, words, way.format("appendfsync always"))


def judge_snapshots(info: Info, config: Config) -> Sequence[Finding]:
    """Nothing where snapshots are well: a failed one stops writes, unless told otherwise."""
    has_failed = info.get("rdb_last_bgsave_status", "ok") != "ok"
    if not has_failed or config.get("save") == "":
        return []
    words = "its last snapshot failed"
    if config.get("stop-writes-on-bgsave-error", "yes") == "yes":
        words += ", and stop-writes-on-bgsave-error is yes: it refuses writes"
        return [failure(Check.REDIS_WRITES, words, "look at its disk, its memory (vm.overcommit_memory) and its log")]
    return [warning(Check.REDIS_WRITES, words, "look at its disk, its memory (vm.overcommit_memory) and its log")]


def judge_memory(info: Info) -> Finding:
    """Whether there is a bound, and how near it is."""
    used, bound = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not bound:
        words = f"{used >> 20} MiB are used, and there is no maxmemory: it grows until the kernel ends it"
        return warning(Check.REDIS_MEMORY, words, "set maxmemory: while it is full, producers get 503")
    words = f"{used >> 20} of {bound >> 20} MiB are used"
    if used >= MEMORY_FULL * bound:
        return warning(Check.REDIS_MEMORY, words, "raise maxmemory, or look for what keeps events: eventing status")
    return ok(Check.REDIS_MEMORY, words)


def judge_eviction(info: Info) -> Finding:
    """Anything but noeviction deletes keys when memory is short."""
    policy, bound = str(info.get("maxmemory_policy", "unknown")), int(info.get("maxmemory", 0))
    advice = "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf"
    if policy == "noeviction":
        return ok(Check.REDIS_EVICTION, "noeviction: where memory is full, producers get 503")
    if policy.startswith("volatile-"):
        words = f"{policy} deletes keys that expire: the signs of life of processes, which then lose what they hold"
        return warning(Check.REDIS_EVICTION, words, advice)
    words = f"maxmemory-policy {policy} deletes streams, with the events in them, when memory is short"
    return failure(Check.REDIS_EVICTION, words if bound else f"{words} (there is no maxmemory yet)", advice)


def judge_replicas(info: Info, config: Config) -> Finding:
    """Whether enough replicas are there for it to take writes."""
    wanted = int(config.get("min-replicas-to-write", 0))
    good = int(info.get("min_slaves_good_slaves", info.get("connected_slaves", 0)))
    words = f"{good} replicas follow it, min-replicas-to-write is {wanted}"
    if wanted > good:
        return failure(Check.REDIS_REPLICAS, f"{words}: it refuses writes", "start the replicas, or lower the setting")
    return ok(Check.REDIS_REPLICAS, words)


def judge_clients(info: Info) -> Finding:
    """Room for our connections."""
    used, bound = int(info.get("connected_clients", 0)), int(info.get("maxclients", 10_000))
    words = f"{used} of {bound} connections are used"
    if bound - used < _CLIENTS_SPARE:
        return warning(Check.REDIS_CLIENTS, words, "raise maxclients: each process of ours holds some for every Broker")
    return ok(Check.REDIS_CLIENTS, words)


def judge_rights(user: str, denied: Sequence[str], pattern: str) -> Finding:
    """What the user may not do; `denied` are commands, as ACL SETUSER names them."""
    if not denied:
        return ok(Check.REDIS_RIGHTS, f"user {user} may do all that is needed on {pattern}")
    words = f"user {user} may not use {', '.join(denied)} on keys {pattern}"
    grants = " ".join(f"+{command}" for command in denied)
    return failure(Check.REDIS_RIGHTS, words, f"ACL SETUSER {user} ~{pattern} {grants}")


def judge_writes(refusal: str | None) -> Finding:
    """How a write was received; `refusal` are the server's words, None where it would have been done."""
    if refusal is None:
        return ok(Check.REDIS_WRITES, "it takes writes")
    advice = "until that is mended every producer gets 503"
    return failure(Check.REDIS_WRITES, f"it refuses writes: {refusal}", advice)


def unseen(what: str) -> str:
    """The words for what the user may not ask."""
    return f"the user may not ask for it ({what})"


def judge_unknown(user: str) -> list[Finding]:
    """What INFO would have told."""
    checks = (Check.REDIS_VERSION, Check.REDIS_ROLE, Check.REDIS_PERSISTENCE, Check.REDIS_MEMORY, Check.REDIS_EVICTION)
    return [skipped(check, f"user {user} {unseen('INFO')[9:]}") for check in checks]
