"""Lists, page by page."""

from typing import Any

import pytest

from eventing.apiserver.query import ListOptions
from eventing.apiserver.reader import PAGE_ITEMS, Page, Reader
from eventing.apiserver.refusal import Refused
from eventing.apiserver.target import Target
from eventing.errors import Expired, InvalidToken
from eventing.resources.broker import BROKER
from eventing.resources.core import CONFIG_MAP, SECRET
from tests.eventing.apiserver.stage import config_map
from tests.eventing.store.memory_store import MemoryStore

TARGET = Target(CONFIG_MAP.served, "default")


async def stocked(count: int) -> MemoryStore:
    store = MemoryStore()
    for index in range(count):
        item = config_map(f"c{index:04}")
        item["metadata"] |= {"namespace": "default", "labels": {"tenth": str(index % 10 == 0)}}
        await store.create(item)
    return store


async def pages(store: MemoryStore, target: Target = TARGET, **options: Any) -> list[Page]:
    return [page async for page in Reader(store).pages(target, ListOptions(**options))]


async def test_a_list_without_a_limit_is_read_in_pages_to_its_end() -> None:
    """So that nobody waits for all of it at once."""
    found = await pages(await stocked(PAGE_ITEMS + 1))
    assert [len(page.items) for page in found] == [PAGE_ITEMS, 1]
    assert [page.remaining for page in found] == [1, None]
    assert found[-1].continue_token == ""


async def test_a_limit_is_filled_with_what_is_selected() -> None:
    """However many are passed over; the last page's token goes on from there."""
    store = await stocked(100)
    found = await pages(store, limit=3, label_selector="tenth=True")
    items = [item["metadata"]["name"] for page in found for item in page.items]
    assert items == ["c0000", "c0010", "c0020"]
    rest = await pages(store, limit=30, label_selector="tenth=True", continue_token=found[-1].continue_token)
    assert sum(len(page.items) for page in rest) == 7
    assert rest[-1].continue_token == ""


async def test_one_object_is_found_without_reading_the_rest() -> None:
    """What is selected by its name, where nothing else is asked for."""
    store = await stocked(3)
    (page,) = await pages(store, field_selector="metadata.name=c0001")
    assert [item["metadata"]["name"] for item in page.items] == ["c0001"]
    (page,) = await pages(store, field_selector="metadata.name=c0001", label_selector="tenth=True")
    assert page.items == ()


@pytest.mark.parametrize(
    ("target", "field", "is_known"),
    [
        (Target(SECRET.served, "default"), "type", True),
        (Target(BROKER.served, "default"), "type", False),
        (TARGET, "metadata.namespace", True),
    ],
)
async def test_kinds_have_the_fields_that_kubernetes_selects_by(target: Target, field: str, is_known: bool) -> None:
    """Custom kinds their names alone."""
    try:
        await pages(MemoryStore(), target, field_selector=f"{field}=x")
        found = True
    except Refused:
        found = False
    assert is_known is found


async def test_what_cannot_be_listed_is_refused() -> None:
    """Another version than the present, and what is no token."""
    store = await stocked(2)
    assert await pages(store, resource_version="2", resource_version_match="Exact")
    with pytest.raises(Expired):
        await pages(store, resource_version="1", resource_version_match="Exact")
    with pytest.raises(InvalidToken):
        await pages(store, continue_token="x")
