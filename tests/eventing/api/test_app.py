"""The ops API's health and metrics, and what holds for all its answers: asked in-process through ASGI."""

from dataclasses import replace

import httpx2
import pytest

from tests.eventing.api.stage import asked, stocked
from tests.eventing.small_operations import JOURNAL, LANE, AbsentStore, SmallOperations, trigger


async def test_healthz_answers_even_when_the_server_is_not_ready() -> None:
    """Alive is not ready: a restart would not help a server whose channel is away."""
    async with asked(SmallOperations(is_ready=False)) as api:
        answer = await api.get("/healthz")
    assert (200, "ok") == (answer.status_code, answer.text)


async def test_readyz_follows_the_operations() -> None:
    """200 exactly where is_ready."""
    operations = stocked()
    async with asked(operations) as api:
        assert (200, "ready") == ((answer := await api.get("/readyz")).status_code, answer.text)
        operations.is_ready = False
        assert (503, "not ready") == ((answer := await api.get("/readyz")).status_code, answer.text)


async def test_readyz_verbose_names_each_broker_and_its_accounts() -> None:
    """?verbose has two lines per Broker, and the verdict last."""
    async with asked(stocked()) as api:
        told = (await api.get("/readyz?verbose")).text
    assert [
        "[+]broker default/shop ok",
        "[-]broker other/shop: ChannelUnavailable: no answer",
        "[+]accounts default/shop ok",
        "[+]accounts other/shop ok",
        "ready",
    ] == told.splitlines()


async def test_accounts_that_are_off_are_told_and_leave_it_ready() -> None:
    """By Trigger, and of the Broker as a whole: what is delivered is delivered all the same."""
    operations = stocked()
    operations.broker_list[1] = replace(operations.broker_list[1], unaccounted=-2)
    off = replace(LANE, balance=3)
    operations.trigger_list = [trigger("other", "a", of="shop", lane=off), trigger("other", "b", of="shop", lane=off)]
    async with asked(operations) as api:
        answer = await api.get("/readyz?verbose")
    assert 200 == answer.status_code
    assert "[+]accounts default/shop ok" in answer.text
    expected = "[-]accounts other/shop: the Broker is off by -2; trigger a is off by 3; trigger b is off by 3"
    assert expected in answer.text.splitlines()


@pytest.mark.parametrize(("fault", "expected"), [("", "[+]journal ok"), ("disk is full", "[-]journal: disk is full")])
async def test_the_journal_stands_first_with_its_fault(fault: str, expected: str) -> None:
    """Where there is one."""
    operations = stocked()
    operations.journal_status = replace(JOURNAL, fault=fault)
    async with asked(operations) as api:
        assert expected == (await api.get("/readyz?verbose")).text.splitlines()[0]


async def test_metrics_are_prometheus_text_and_openmetrics_for_who_accepts_it() -> None:
    """The scraper chooses the format."""
    async with asked(stocked()) as api:
        plain = await api.get("/metrics")
        accepted = await api.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert 'eventing_broker_accepted_events_total{broker="shop",namespace="default"} 20.0' in plain.text
    assert 'eventing_dead_letters{broker="shop",namespace="default",reason="refused",trigger="bill"} 1.0' in plain.text
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert accepted.headers["content-type"].startswith("application/openmetrics-text")
    assert accepted.text.endswith("# EOF\n")


async def test_metrics_do_not_need_the_store_of_dead_letters() -> None:
    """Where it is away, its series are; those of the others are there."""
    async with asked(SmallOperations(store=AbsentStore())) as api:
        answer = await api.get("/metrics")
    assert 200 == answer.status_code
    assert "eventing_ready 1.0" in answer.text
    assert "eventing_dead_letters{" not in answer.text
    async with asked(SmallOperations(store=stocked().store, others={"far": AbsentStore()})) as api:
        answer = await api.get("/metrics")
    assert 'eventing_dead_letters{broker="shop",namespace="default",reason="refused",trigger="bill"} 1.0' in answer.text


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/ops/v1/brokers/default/x", "there is no Broker default/x"),
        ("/ops/v1/triggers/default/x", "there is no Trigger default/x"),
        ("/ops/v1/deadletters/m9", "there is no dead letter m9"),
        ("/ops/v1/redrives/m9", "there is no redrive m9"),
        ("/ops/v1/journal", "this server has no journal"),
        ("/ops/v2", "Not Found"),
    ],
)
async def test_what_is_not_there_is_a_404_with_a_message(path: str, message: str) -> None:
    """The body is an object with a message, whoever found nothing."""
    async with asked(stocked()) as api:
        answer = await api.get(path)
    assert (404, {"message": message}) == (answer.status_code, answer.json())


async def test_the_openapi_page_describes_every_answer() -> None:
    """Every path of /ops names the shape of its 200, and the shapes have descriptions."""
    async with asked(stocked()) as api:
        page = (await api.get("/openapi.json")).json()
        assert 200 == (await api.get("/docs")).status_code
    for path, verbs in page["paths"].items():
        for verb in verbs.values() if path.startswith("/ops/") else ():
            assert "$ref" in verb["responses"]["200"]["content"]["application/json"]["schema"], path
    shapes = page["components"]["schemas"]
    assert "One word for why it is not ready" in shapes["Broker"]["properties"]["reason"]["description"]
    assert {"items", "total", "evicted", "missing"} == set(shapes["TallyList"]["properties"])


async def test_errors_of_the_framework_have_a_message_too() -> None:
    """Whatever is asked."""
    async with asked(stocked()) as api:
        refused: list[httpx2.Response] = [
            await api.post("/ops/v1/brokers"),
            await api.post("/ops/v1/deadletters/discard", content=b"{"),
        ]
    assert [405, 422] == [answer.status_code for answer in refused]
    assert all(list(answer.json()) == ["message"] for answer in refused)
