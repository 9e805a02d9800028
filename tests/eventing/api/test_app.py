"""The ops API, asked in-process through ASGI, over a small Operations of its own."""

import base64
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventing.api.app import create_api
from tests.eventing.small_operations import BOUNDS_S, SmallOperations, broker, letter, trigger


@pytest.fixture
def operations() -> SmallOperations:
    return SmallOperations(
        broker_list=[broker("default", "shop"), broker("other", "shop", ready=False)],
        trigger_list=[trigger("default", "bill", of="shop"), trigger("other", "mail", of="shop", lane=None)],
        letters=[letter(3), letter(2, reason="refused"), letter(1, trigger="mail")],
    )


@pytest.fixture
async def api(operations: SmallOperations) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_api(operations, latency_bounds_s=BOUNDS_S))
    async with httpx2.AsyncClient(transport=transport, base_url="http://ops") as client:
        yield client


async def test_healthz_answers_even_when_the_server_is_not_ready(
    api: httpx2.AsyncClient, operations: SmallOperations
) -> None:
    """Alive is not ready: a restart would not help a server whose channel is away."""
    operations.is_ready = False
    answer = await api.get("/healthz")
    assert (200, "ok") == (answer.status_code, answer.text)


async def test_readyz_follows_the_operations(api: httpx2.AsyncClient, operations: SmallOperations) -> None:
    """200 exactly where is_ready."""
    assert (200, "ready") == ((answer := await api.get("/readyz")).status_code, answer.text)
    operations.is_ready = False
    assert (503, "not ready") == ((answer := await api.get("/readyz")).status_code, answer.text)


async def test_readyz_verbose_names_each_broker_and_what_is_wrong_with_it(api: httpx2.AsyncClient) -> None:
    """?verbose has a line per Broker, and the verdict last."""
    expected = "[+] broker default/shop ok\n[-] broker other/shop ChannelUnavailable: no answer\nready"
    assert expected == (await api.get("/readyz?verbose")).text


async def test_brokers_are_listed_in_camel_case(api: httpx2.AsyncClient) -> None:
    """One item per Broker, every field of its status in camelCase."""
    expected = {
        "namespace": "default", "name": "shop", "ready": True, "reason": "", "message": "",
        "address": "http://localhost:8080/default/shop", "channel": "memory", "durable": False,
        "statistics": {"events": 7, "sizeBytes": 900, "eventsMax": 1000, "sizeMaxBytes": 32_000},
        "accepted": 20, "replies": 6, "triggers": 1,
    }  # fmt: skip
    items = (await api.get("/ops/v1/brokers")).json()["items"]
    assert (expected, 2) == (items[0], len(items))


async def test_lists_are_narrowed_by_namespace_and_broker(api: httpx2.AsyncClient) -> None:
    """A query parameter keeps only what has its value."""
    for path, expected in (
        ("/ops/v1/brokers?namespace=other", ["other"]),
        ("/ops/v1/triggers?namespace=default&broker=shop", ["default"]),
        ("/ops/v1/triggers?broker=shop", ["default", "other"]),
        ("/ops/v1/triggers?broker=none", []),
    ):
        assert expected == [item["namespace"] for item in (await api.get(path)).json()["items"]]


async def test_a_trigger_shows_its_lane_and_the_mean_time_of_an_attempt(api: httpx2.AsyncClient) -> None:
    """The mean is the sum of all attempts by their count: 8 s over 16 attempts."""
    expected = {
        "waiting": 3, "inFlight": 2, "retrying": 1, "matched": 20, "filtered": 5, "delivered": 14, "retried": 4,
        "deadLettered": 1, "replies": 6, "repliesIgnored": 0, "breaker": "half-open", "latencyMeanS": 0.5,
    }  # fmt: skip
    assert expected == (await api.get("/ops/v1/triggers/default/bill")).json()["lane"]
    assert (await api.get("/ops/v1/triggers/other/mail")).json()["lane"] is None


async def test_a_single_broker_is_found_by_namespace_and_name(api: httpx2.AsyncClient) -> None:
    """The item of the list, on its own."""
    items = (await api.get("/ops/v1/brokers")).json()["items"]
    assert items[1] == (await api.get("/ops/v1/brokers/other/shop")).json()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/ops/v1/brokers/default/x", "there is no Broker default/x"),
        ("/ops/v1/triggers/default/x", "there is no Trigger default/x"),
        ("/ops/v1/deadletters/9", "there is no dead letter 9"),
        ("/ops/v2", "Not Found"),
    ],
)
async def test_what_is_not_there_is_a_404_with_a_message(api: httpx2.AsyncClient, path: str, message: str) -> None:
    """The body is an object with a message, whoever found nothing."""
    answer = await api.get(path)
    assert (404, {"message": message}) == (answer.status_code, answer.json())


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x"])
async def test_a_limit_out_of_range_is_refused_by_name(api: httpx2.AsyncClient, query: str) -> None:
    """1 to 1000."""
    answer = await api.get(f"/ops/v1/deadletters?{query}")
    assert (422, True) == (answer.status_code, answer.json()["message"].startswith("query.limit: "))


async def test_dead_letters_are_counted_by_reason_beyond_the_limit(api: httpx2.AsyncClient) -> None:
    """items obey the limit; total and counts tell of all that match."""
    answer = (await api.get("/ops/v1/deadletters?limit=1")).json()
    assert [3] == [item["id"] for item in answer["items"]]
    assert (3, {"retriesexhausted": 2, "refused": 1}, 2) == (
        answer["total"], answer["countByReason"], answer["evicted"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [("trigger=mail", [1]), ("reason=refused", [2]), ("broker=shop&namespace=default", [3, 2, 1]), ("broker=x", [])],
)
async def test_dead_letters_are_narrowed_by_each_parameter(
    api: httpx2.AsyncClient, query: str, expected: list[int]
) -> None:
    """All parameters must hold."""
    answer = (await api.get(f"/ops/v1/deadletters?{query}")).json()
    assert expected == [item["id"] for item in answer["items"]]


async def test_a_dead_letter_shows_the_event_and_every_attempt(api: httpx2.AsyncClient) -> None:
    """Attributes keep their JSON types, times are RFC 3339, an answer that is no UTF-8 is still shown."""
    shown = (await api.get("/ops/v1/deadletters/3")).json()
    assert {"specversion": "1.0", "id": "3", "source": "/till", "type": "sold", "weight": 5} == shown["attributes"]
    assert ("2023-11-14T22:13:21Z", "retriesexhausted", 1) == (shown["time"], shown["reason"], shown["attemptCount"])
    expected = {
        "time": "2023-11-14T22:13:20Z", "destination": "http://localhost:9000/", "status": 503, "latencyS": 0.25,
        "error": None, "answer": "over\ufffd",
    }  # fmt: skip
    assert [expected] == shown["attempts"]


@pytest.mark.parametrize(
    ("content_type", "data", "expected", "expected_base64"),
    [
        ("application/json", b'{"a": [1, null]}', {"a": [1, None]}, None),
        ("application/x+json; v=1", b"5", 5, None),
        ("application/json", b"{broken", "{broken", None),
        ("application/json", b"NaN", "NaN", None),
        ("text/plain", b"5", "5", None),
        (None, "héllo".encode(), "héllo", None),
        ("application/json", b"\xff\x00", None, "/wA="),
        (None, None, None, None),
    ],
)
async def test_data_is_shown_as_json_else_text_else_base64(
    api: httpx2.AsyncClient,
    operations: SmallOperations,
    content_type: str | None,
    data: bytes | None,
    expected: object,
    expected_base64: str | None,
) -> None:
    """What the content type claims counts only where the data keeps the promise."""
    operations.letters = [letter(1, datacontenttype=content_type, data=data)]
    shown = (await api.get("/ops/v1/deadletters/1")).json()
    assert (expected, expected_base64) == (shown["data"], shown["data_base64"])


@pytest.mark.parametrize("depth", [100, 180, 220, 260, 400, 100_000])
async def test_nested_data_never_breaks_the_answer(
    api: httpx2.AsyncClient, operations: SmallOperations, depth: int
) -> None:
    """Whatever a sender nests, its dead letter can be shown: too deep for a JSON value is shown as text."""
    text = "[" * depth + "]" * depth
    operations.letters = [letter(1, datacontenttype="application/json", data=text.encode())]
    answer = await api.get("/ops/v1/deadletters/1")
    assert 200 == answer.status_code
    assert isinstance(answer.json()["data"], list | str)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(), st.from_regex(rb'[\[{"\\u0-9a-fA-F:,.eE\]}-]{0,20}', fullmatch=True)))
async def test_any_data_can_be_shown_and_text_comes_back(
    api: httpx2.AsyncClient, operations: SmallOperations, data: bytes
) -> None:
    """No data makes the API fail; what was not JSON comes back byte for byte."""
    operations.letters = [letter(1, datacontenttype="text/plain", data=data)]
    shown = (await api.get("/ops/v1/deadletters/1")).json()
    back = base64.b64decode(shown["data_base64"]) if shown["data"] is None else shown["data"].encode()
    assert data == back
    operations.letters = [letter(1, datacontenttype="application/json", data=data)]
    assert 200 == (await api.get("/ops/v1/deadletters/1")).status_code


async def test_metrics_are_prometheus_text_and_openmetrics_for_who_accepts_it(api: httpx2.AsyncClient) -> None:
    """The scraper chooses the format."""
    plain = await api.get("/metrics")
    assert 'eventing_broker_accepted_events_total{broker="shop",namespace="default"} 20.0' in plain.text
    assert plain.headers["content-type"].startswith("text/plain; version=")
    accepted = await api.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert accepted.headers["content-type"].startswith("application/openmetrics-text")
    assert accepted.text.endswith("# EOF\n")


async def test_the_openapi_page_describes_every_answer(api: httpx2.AsyncClient) -> None:
    """Every path of /ops names the shape of its 200, and the shapes have descriptions."""
    page = (await api.get("/openapi.json")).json()
    for path, verbs in page["paths"].items():
        if path.startswith("/ops/"):
            assert "$ref" in verbs["get"]["responses"]["200"]["content"]["application/json"]["schema"], path
    shapes = page["components"]["schemas"]
    assert "One word for why it is not ready" in shapes["Broker"]["properties"]["reason"]["description"]
    assert {"items", "total", "countByReason", "evicted"} == set(shapes["DeadLetterList"]["properties"])
    assert 200 == (await api.get("/docs")).status_code
