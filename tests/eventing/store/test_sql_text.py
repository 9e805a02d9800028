"""Text that PostgreSQL cannot hold never reaches a database: both refuse it alike, with the path of the field."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventing.apiserver.registry import Registry
from eventing.apiserver.router import create_router
from eventing.resources.catalogue import Catalogue
from eventing.resources.crd import served_crd_of
from eventing.resources.openapi_document import OpenApiDocuments
from eventing.store.sql import SqlStore
from tests.eventing.apiserver.stage import (
    BROKERS,
    CONFIG_MAPS,
    MERGE,
    TRIGGERS,
    broker,
    config_map,
    context_of,
    trigger,
)

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "1234"}
MARKS = {"labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["example.com/x"], "ownerReferences": [OWNER]}
DELIVERY = {"deadLetterSink": {"uri": "http://sink.test/"}, "backoffPolicy": "linear"}
ITEMS: dict[str, dict[str, Any]] = {
    CONFIG_MAPS: config_map("made", a="b") | {"metadata": {"name": "made", **MARKS}},
    BROKERS: broker("made", **MARKS) | {"spec": {"delivery": DELIVERY}, "status": {"address": {"url": "http://x"}}},
    TRIGGERS: trigger("made", **MARKS)
    | {
        "spec": {
            "broker": "b",
            "filters": [{"exact": {"type": "x"}}, {"cesql": "type = 'x'"}],
            "subscriber": {"ref": {"apiVersion": "v1", "kind": "Service", "name": "s"}},
        }
    },
}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all texts, those of members' names among them: these end in None."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield (*path, name, None)
            yield from places(item, (*path, name))


def named(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {**item, "metadata": {**item["metadata"], "name": name}}


PLACES = [
    (way, collection, place)
    for collection, item in ITEMS.items()
    for place in places(item)
    for way in (range(3) if collection == CONFIG_MAPS else range(4))
]


def spoilt(item: Any, place: tuple[Any, ...], text: str) -> Any:
    """A copy with that text at that place."""
    copy = json.loads(json.dumps(item))
    at = copy
    *way, last = place if place[-1] is not None else place[:-1]
    for step in way:
        at = at[step]
    if place[-1] is None:
        at[text] = at.pop(last)
    else:
        at[last] = text
    return copy


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def client(database_url: str, runner: asyncio.Runner) -> Iterator[httpx2.AsyncClient]:
    """Of an API over that database."""
    stack = AsyncExitStack()

    async def start() -> httpx2.AsyncClient:
        store = await stack.enter_async_context(SqlStore(database_url))
        await store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        registry = Registry(store=store, catalogue=Catalogue(), context_of=context_of)
        app, documents = FastAPI(), OpenApiDocuments(Catalogue())
        app.include_router(create_router(registry, crd_of=served_crd_of, openapi=documents, closing=asyncio.Event()))
        transport = httpx2.ASGITransport(app=app)
        client = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://server"))
        for collection, item in ITEMS.items():
            (await client.post(collection, json=named(item, "kept"))).raise_for_status()
        return client

    yield runner.run(start())
    runner.run(stack.aclose())


def test_text_with_a_nul_is_refused_wherever_it_is(client: httpx2.AsyncClient, runner: asyncio.Runner) -> None:
    """By every way to write, with a Status; what is pruned with its field is gone."""

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(PLACES), st.text(max_size=3), st.text(max_size=3))
    def refused(place: tuple[int, str, tuple[Any, ...]], before: str, after: str) -> None:
        way, collection, path = place
        item = spoilt(named(ITEMS[collection], "kept" if way else "made"), path, f"{before}\0{after}")
        answer = runner.run(sent(client, way, collection, item))
        assert answer.status_code < 500, answer.text
        if answer.is_success:
            assert "\\u0000" not in answer.text
            assert path[-1] is None or (path[0] == "status") != (way == 3)
        else:
            assert ("Status", True) == (answer.json()["kind"], answer.status_code in (400, 422))

    refused()


async def sent(client: httpx2.AsyncClient, way: int, collection: str, item: Any) -> httpx2.Response:
    """The answer to a creation, a change, an apply or a change of the status, each without effect."""
    kept, dry = f"{collection}/kept", {"dryRun": "All"}
    if way == 0:
        return await client.post(collection, json=item, params=dry)
    content = json.dumps(item)
    if way == 1:
        return await client.patch(kept, content=content, headers=MERGE, params=dry)
    if way == 2:
        params = dry | {"fieldManager": "m", "force": "true"}
        return await client.patch(kept, content=content, headers=APPLY, params=params)
    return await client.patch(f"{kept}/status", content=content, headers=MERGE, params=dry)


@pytest.mark.parametrize(
    "path",
    [
        f"{BROKERS}/a%00b",
        BROKERS.replace("default", "a%00b"),
        f"{BROKERS}?fieldSelector=metadata.name%3Da%00b",
        f"{BROKERS}?continue=WzEsImFcdTAwMDAiLCJiIiwiZXZlbnRpbmcua25hdGl2ZS5kZXYiLCJCcm9rZXIiLCJkZWZhdWx0Il0",
    ],
)
def test_no_address_holds_a_nul(client: httpx2.AsyncClient, runner: asyncio.Runner, path: str) -> None:
    """Names, namespaces, selectors and tokens are asked for in the database, too."""
    answer = runner.run(client.get(path))
    assert (400, "Status") == (answer.status_code, answer.json()["kind"])


def test_an_owners_uid_is_named(client: httpx2.AsyncClient, runner: asyncio.Runner) -> None:
    """Uids of owners are in a table of their own."""
    item = broker("made", ownerReferences=[OWNER | {"uid": "12\00034"}])
    answer = runner.run(client.post(BROKERS, json=item))
    (cause,) = answer.json()["details"]["causes"]
    assert (422, "metadata.ownerReferences[0].uid") == (answer.status_code, cause["field"])
