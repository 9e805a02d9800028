"""Dead letters and redrives, asked in-process through ASGI."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.dead_letter import EVERYTHING, Selector
from tests.eventing.api.stage import asked, stocked
from tests.eventing.small_operations import FAILED_S, AbsentStore, SmallOperations, SmallStore

LETTERS = "/ops/v1/deadletters"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["m3", "m2", "m1"]),
        ("trigger=mail", ["m1"]),
        ("reason=refused", ["m2"]),
        ("broker=shop&namespace=default", ["m3", "m2", "m1"]),
        ("broker=x", []),
        ("id=m1&id=m3&id=m9", ["m3", "m1"]),
        ("since=2023-11-14T22:13:21Z", ["m3", "m2", "m1"]),
        ("until=2023-11-14T22:13:21Z", []),
        ("since=1h", []),
        ("until=PT1H&since=30000d", ["m3", "m2", "m1"]),
    ],
)
async def test_dead_letters_are_narrowed_by_each_parameter(query: str, expected: list[str]) -> None:
    """All parameters must hold; newest first; a duration is how long ago."""
    async with asked(stocked()) as api:
        answer = (await api.get(f"{LETTERS}?{query}")).json()
    assert expected == [item["id"] for item in answer["items"]]


async def test_pages_follow_each_other_until_there_is_no_next() -> None:
    """Whatever fails between two of them."""
    operations = stocked()
    seen: list[str] = []
    async with asked(operations) as api:
        before = ""
        while True:
            page = (await api.get(LETTERS, params={"limit": 2, "before": before})).json()
            seen += [item["id"] for item in page["items"]]
            operations.store.fill("4")
            if not (before := page["next"]):
                break
    assert ["m3", "m2", "m1"] == seen


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "before=%00", "before=m1,m2", "since=x", "until="]
)
async def test_a_parameter_out_of_range_is_refused_by_name(query: str) -> None:
    """With 422."""
    async with asked(stocked()) as api:
        answer = await api.get(f"{LETTERS}?{query}")
    name = query.partition("=")[0]
    assert (422, True) == (answer.status_code, answer.json()["message"].startswith(f"query.{name}: "))


async def test_a_tally_counts_by_trigger_and_reason() -> None:
    """The most first, with the first and the last of each."""
    operations = stocked()
    operations.store.now_s = FAILED_S + 1
    operations.store.fill("4")
    async with asked(operations) as api:
        answer = (await api.get(f"{LETTERS}/tally?namespace=default")).json()
    at = "2023-11-14T22:13:21Z"
    assert {
        "namespace": "default", "broker": "shop", "trigger": "bill", "reason": "retriesexhausted", "count": 2,
        "first": at, "last": "2023-11-14T22:13:22Z",
    } == answer["items"][0]  # fmt: skip
    rest = [(one["trigger"], one["reason"], one["count"]) for one in answer["items"][1:]]
    assert ([("bill", "refused", 1), ("mail", "retriesexhausted", 1)], 4, 0) == (
        rest, answer["total"], answer["evicted"],
    )  # fmt: skip


async def test_a_dead_letter_shows_the_event_and_every_attempt() -> None:
    """Attributes keep their JSON types, times are RFC 3339, an answer that is no UTF-8 is still shown."""
    async with asked(stocked()) as api:
        shown = (await api.get(f"{LETTERS}/m3")).json()
    assert {"specversion": "1.0", "id": "3", "source": "/till", "type": "sold", "weight": 5} == shown["attributes"]
    assert ("2023-11-14T22:13:21Z", "retriesexhausted", 1) == (shown["time"], shown["reason"], shown["attemptCount"])
    assert (0, "", "") == (shown["redrives"], shown["redriveState"], shown["redriveId"])
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
    content_type: str | None, data: bytes | None, expected: object, expected_base64: str | None
) -> None:
    """What the content type claims counts only where the data keeps the promise."""
    operations = SmallOperations()
    operations.store.fill("1", datacontenttype=content_type, data=data)
    async with asked(operations) as api:
        shown = (await api.get(f"{LETTERS}/m1")).json()
    assert (expected, expected_base64) == (shown["data"], shown["data_base64"])


@pytest.mark.parametrize("depth", [100, 180, 220, 260, 400, 100_000])
async def test_nested_data_never_breaks_the_answer(depth: int) -> None:
    """Whatever a sender nests, its dead letter can be shown: too deep for a JSON value is shown as text."""
    operations = SmallOperations()
    operations.store.fill("1", datacontenttype="application/json", data=("[" * depth + "]" * depth).encode())
    async with asked(operations) as api:
        answer = await api.get(f"{LETTERS}/m1")
    assert 200 == answer.status_code
    assert isinstance(answer.json()["data"], list | str)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(), st.from_regex(rb'[\[{"\\u0-9a-fA-F:,.eE\]}-]{0,20}', fullmatch=True)))
async def test_any_data_can_be_shown_and_text_comes_back(data: bytes) -> None:
    """No data makes the API fail; what was not JSON comes back byte for byte."""
    operations = SmallOperations()
    operations.store.fill("1", datacontenttype="text/plain", data=data)
    operations.store.fill("2", datacontenttype="application/json", data=data)
    async with asked(operations) as api:
        shown = (await api.get(f"{LETTERS}/m1")).json()
        assert 200 == (await api.get(f"{LETTERS}/m2")).status_code
    back = base64.b64decode(shown["data_base64"]) if shown["data"] is None else shown["data"].encode()
    assert data == back


async def test_a_redrive_claims_what_is_selected_and_is_told_of_from_then_on() -> None:
    """The answer says how many; each path shows the same redrive."""
    operations = stocked()
    async with asked(operations) as api:
        begun = (await api.post(f"{LETTERS}/redrive", json={"trigger": "bill", "rate": 2.5, "since": "30000d"})).json()
        (redrive,) = begun["items"]
        assert (2, False, "bill", []) == (
            begun["count"], begun["dryRun"], begun["selector"]["trigger"], begun["selector"]["id"],
        )  # fmt: skip
        assert begun["selector"]["since"].startswith("19")
        assert (2.5, 2, 0, 0, None) == tuple(
            redrive[name] for name in ("rate", "total", "delivered", "failed", "ended")
        )  # fmt: skip
        assert [redrive] == (await api.get("/ops/v1/redrives")).json()["items"]
        assert redrive == (await api.get(f"/ops/v1/redrives/{redrive['id']}")).json()
        states = [item["redriveState"] for item in (await api.get(LETTERS)).json()["items"]]
    assert ["pending", "pending", ""] == states


async def test_a_redrive_takes_the_oldest_up_to_its_limit_and_none_twice() -> None:
    """What another redrive has claimed is not claimed again; where nothing is left, none begins."""
    async with asked(stocked()) as api:
        counts = [(await api.post(f"{LETTERS}/redrive", json={"limit": limit})).json()["count"] for limit in (1, 9, 9)]
        states = [item["redriveState"] for item in (await api.get(f"{LETTERS}")).json()["items"]]
    assert ([1, 2, 0], ["pending"] * 3) == (counts, states)


async def test_discarded_letters_are_gone_and_counted_by_trigger() -> None:
    """Oldest first, up to the limit."""
    operations = stocked()
    async with asked(operations) as api:
        answer = (await api.post(f"{LETTERS}/discard", json={"limit": 2})).json()
    expected = [
        {"namespace": "default", "broker": "shop", "trigger": "bill", "count": 1},
        {"namespace": "default", "broker": "shop", "trigger": "mail", "count": 1},
    ]
    assert (2, False, expected) == (answer["count"], answer["dryRun"], answer["items"])
    assert ["m3"] == [letter.id for letter in await operations.store.find(EVERYTHING, limit=9)]


@pytest.mark.parametrize("verb", ["redrive", "discard"])
async def test_a_dry_run_counts_and_does_nothing(verb: str) -> None:
    """Within the limit."""
    operations = stocked()
    async with asked(operations) as api:
        for body, expected in (({}, 3), ({"limit": 2}, 2), ({"id": ["m1"]}, 1), ({"broker": "x"}, 0)):
            answer = (await api.post(f"{LETTERS}/{verb}", json={**body, "dryRun": True})).json()
            assert (expected, True, []) == (answer["count"], answer["dryRun"], answer["items"])
    assert ["", "", ""] == [one.redrive_state for one in await operations.store.find(Selector(), limit=9)]
    assert [] == list(operations.store.redrives)


@pytest.mark.parametrize(
    "body", [{"triger": "bill"}, {"since": "x"}, {"limit": 0}, {"rate": 0}, {"rate": "NaN"}, {"id": "m1"}]
)
async def test_an_order_with_a_fault_does_nothing(body: dict[str, object]) -> None:
    """A member that is unknown is a fault: with a typo in it a selection would be everything."""
    operations = stocked()
    async with asked(operations) as api:
        answer = await api.post(f"{LETTERS}/redrive", json=body)
    assert (422, True) == (answer.status_code, answer.json()["message"].startswith(f"body.{next(iter(body))}"))
    assert [] == list(operations.store.redrives)


FAR = "redis far:6379/0"


def with_one_away() -> SmallOperations:
    """As `stocked`, and a server beside it that does not answer."""
    operations = stocked()
    return SmallOperations(store=operations.store, others={FAR: AbsentStore()})


async def test_a_store_that_is_away_keeps_nobody_from_the_others() -> None:
    """What they have, and who is missing in it, and why."""
    missing = [{"store": FAR, "message": "the disk is away"}]
    async with asked(with_one_away()) as api:
        page = (await api.get(LETTERS)).json()
        assert (["m3", "m2", "m1"], missing) == ([item["id"] for item in page["items"]], page["missing"])
        last = (await api.get(LETTERS, params={"before": page["next"]})).json()
        assert ([], "", missing) == (last["items"], last["next"], last["missing"])
        tally = (await api.get(f"{LETTERS}/tally")).json()
        assert (3, missing) == (tally["total"], tally["missing"])
        assert [] == (await api.get(LETTERS, params={"id": "m1"})).json()["missing"]


@pytest.mark.parametrize("verb", ["redrive", "discard"])
async def test_an_order_is_carried_out_where_it_can_be_and_says_where_it_was_not(verb: str) -> None:
    """A dry run says the same."""
    async with asked(with_one_away()) as api:
        for dry_run in (True, False):
            answer = (await api.post(f"{LETTERS}/{verb}", json={"dryRun": dry_run})).json()
            assert (3, [FAR]) == (answer["count"], [one["store"] for one in answer["missing"]])


async def test_a_letter_of_a_server_is_reached_by_its_own_id_alone() -> None:
    """That of the other with the same number stays; the page lets it through."""
    operations = SmallOperations(others={"redis one:6379/0": SmallStore(), "redis two:6379/0": SmallStore()})
    for number, store in enumerate(operations.others.values()):
        store.fill(str(number))
    async with asked(operations) as api:
        first = (await api.get(LETTERS, params={"limit": 1})).json()
        second = (await api.get(LETTERS, params={"limit": 1, "before": first["next"]})).json()
        letters = {one["attributes"]["id"]: one["id"] for one in [*first["items"], *second["items"]]}
        assert {"0", "1"} == {*letters}
        begun = (await api.post(f"{LETTERS}/redrive", json={"id": [letters["1"]]})).json()
        (redrive,) = begun["items"]
        assert ([letters["1"]], 1) == (redrive["selector"]["id"], begun["count"])
        assert redrive == (await api.get(f"/ops/v1/redrives/{redrive['id']}")).json()
        assert redrive["id"] == (await api.get(f"{LETTERS}/{letters['1']}")).json()["redriveId"]
        assert 1 == (await api.post(f"{LETTERS}/discard", json={"id": [letters["1"]]})).json()["count"]
        assert [letters["0"]] == [item["id"] for item in (await api.get(LETTERS)).json()["items"]]
        assert 404 == (await api.get(f"{LETTERS}/{letters['1']}")).status_code


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/tally"),
        ("GET", "/m1"),
        ("POST", "/redrive"),
        ("POST", "/discard"),
    ],
)
async def test_where_all_stores_are_away_there_is_a_503_with_their_words(method: str, path: str) -> None:
    """Time or the operator must act."""
    async with asked(SmallOperations(store=AbsentStore())) as api:
        answer = await api.request(method, f"{LETTERS}{path}", json={} if method == "POST" else None)
    assert (503, True) == (answer.status_code, "the disk is away" in answer.json()["message"])
