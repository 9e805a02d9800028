"""Brokers, Triggers and the journal, asked in-process through ASGI."""

from dataclasses import replace

from eventing.operations import RetentionStatus
from tests.eventing.api.stage import asked, stocked
from tests.eventing.small_operations import JOURNAL


async def test_brokers_are_listed_in_camel_case() -> None:
    """One item per Broker, every field of its status in camelCase."""
    expected = {
        "namespace": "default", "name": "shop", "ready": True, "reason": "", "message": "",
        "address": "http://localhost:8080/default/shop", "channel": "memory", "durable": False, "retention": None,
        "statistics": {
            "events": 7, "sizeBytes": 900, "eventsMax": 1000, "sizeMaxBytes": 32_000, "stored": 20, "damaged": 0,
        },
        "accepted": 20, "replies": 6, "triggers": 1, "orphans": {}, "unaccounted": 0,
            "server": "", "persistence": "",
    }  # fmt: skip
    async with asked(stocked()) as api:
        items = (await api.get("/ops/v1/brokers")).json()["items"]
    assert (expected, 2) == (items[0], len(items))


async def test_a_durable_broker_tells_its_retention_and_its_orphans() -> None:
    """By their own names."""
    operations = stocked()
    kept = RetentionStatus(age_s=3600.0, size_max_bytes=0)
    operations.broker_list[0] = replace(operations.broker_list[0], retention=kept, orphans={"gone": 3})
    async with asked(operations) as api:
        told = (await api.get("/ops/v1/brokers/default/shop")).json()
    assert ({"ageS": 3600.0, "sizeMaxBytes": 0}, {"gone": 3}) == (told["retention"], told["orphans"])


async def test_lists_are_narrowed_by_namespace_and_broker() -> None:
    """A query parameter keeps only what has its value."""
    async with asked(stocked()) as api:
        for path, expected in (
            ("/ops/v1/brokers?namespace=other", ["other"]),
            ("/ops/v1/triggers?namespace=default&broker=shop", ["default"]),
            ("/ops/v1/triggers?broker=shop", ["default", "other"]),
            ("/ops/v1/triggers?broker=none", []),
        ):
            assert expected == [item["namespace"] for item in (await api.get(path)).json()["items"]]


async def test_a_trigger_shows_its_lane_and_the_mean_time_of_an_attempt() -> None:
    """The mean is the sum of all attempts by their count: 8 s over 16 attempts."""
    expected = {
        "waiting": 3, "inFlight": 2, "retrying": 1, "parked": 2, "matched": 20, "filtered": 5, "delivered": 14,
        "retried": 4, "deadLettered": 1, "redriven": 0, "dropped": 0, "balance": 0, "adopted": 2, "ceded": 1,
        "replies": 6, "repliesIgnored": 0,
        "paused": False, "ordered": False, "blockedKeys": 0, "catchingUp": False, "concurrency": 8, "rate": None,
        "breaker": "half-open", "latencyMeanS": 0.5,
    }  # fmt: skip
    async with asked(stocked()) as api:
        assert expected == (await api.get("/ops/v1/triggers/default/bill")).json()["lane"]
        assert (await api.get("/ops/v1/triggers/other/mail")).json()["lane"] is None


async def test_a_single_broker_is_found_by_namespace_and_name() -> None:
    """The item of the list, on its own."""
    async with asked(stocked()) as api:
        items = (await api.get("/ops/v1/brokers")).json()["items"]
        assert items[1] == (await api.get("/ops/v1/brokers/other/shop")).json()


async def test_a_trigger_is_paused_and_resumed() -> None:
    """The answer is the Trigger, as it is then; twice is once."""
    async with asked(stocked()) as api:
        for verb, expected in (("pause", True), ("pause", True), ("resume", False)):
            answer = await api.post(f"/ops/v1/triggers/default/bill/{verb}")
            assert (200, expected) == (answer.status_code, answer.json()["lane"]["paused"])


async def test_a_trigger_that_cannot_be_paused_is_told() -> None:
    """404 where there is none, 409 where somebody else changes it."""
    operations = stocked()
    operations.changing.add("bill")
    async with asked(operations) as api:
        absent = await api.post("/ops/v1/triggers/default/x/pause")
        busy = await api.post("/ops/v1/triggers/default/bill/resume")
    assert (404, "there is no Trigger default/x") == (absent.status_code, absent.json()["message"])
    assert (409, "Trigger default/bill was changed meanwhile: try again") == (busy.status_code, busy.json()["message"])


async def test_the_journal_is_told_with_its_bounds() -> None:
    """Every figure of its status."""
    operations = stocked()
    operations.journal_status = JOURNAL
    expected = {
        "sizeBytes": 3 * 2**20, "sizeMaxBytes": 10 * 2**30, "fileSizeBytes": 4 * 2**20, "commits": 12, "damaged": 1,
        "fault": "",
    }  # fmt: skip
    async with asked(operations) as api:
        assert expected == (await api.get("/ops/v1/journal")).json()
