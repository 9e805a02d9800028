"""A private Redis Cluster serves all slots, moves them, and outlives one of its masters."""

from tests.e2e.process import wait_until
from tests.rig.redis_cluster import RedisCluster


def test_a_slot_moves_with_its_keys(redis_cluster: RedisCluster) -> None:
    """While it is on its way, no node has it for certain."""
    key = "rig:{moves}:key"
    source = redis_cluster.master(key)
    assert source is not None
    source.call("SET", key, "value")
    target = next(node for node in redis_cluster.nodes[:3] if node is not source)
    migration = redis_cluster.migration(key, target)
    migration.begin()
    assert source is redis_cluster.master(key)
    assert [1, 0] == [migration.move(10) for _ in range(2)]
    assert redis_cluster.master(key) is None
    migration.end()
    assert target is redis_cluster.master(key)
    assert [key] == redis_cluster.keys("rig:*")


def test_a_replica_takes_over(redis_cluster_alone: RedisCluster) -> None:
    """With what had reached it."""
    key = "rig:{dies}:key"
    master = redis_cluster_alone.master(key)
    assert master is not None
    replica = redis_cluster_alone.replica(master)
    master.call("SET", key, "value")
    master.call("WAIT", 1, 1000)
    master.kill()
    wait_until(lambda: redis_cluster_alone.master(key) is replica, "the replica is the master")
    assert "value" == replica.call("GET", key)
