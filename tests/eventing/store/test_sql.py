"""The store in SQL obeys the laws of every store: in a SQLite file, and in a real PostgreSQL."""

import asyncio

import pytest

from channels.folder_lock import DataDirTaken
from eventing.errors import StoreUnavailable
from eventing.resources.identity import key_of
from eventing.store.conformance import BOUNDED_LAWS, CHANGES_MAX, LAWS, RACE_LAWS
from eventing.store.sql import SqlStore
from eventing.store.witness import CONFIG_MAPS, Law, PairLaw, config_map, held, next_change


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_it_obeys(law: Law, database_url: str) -> None:
    """Each law of `eventing.store.conformance`."""
    async with SqlStore(database_url) as store:
        await law(store)


@pytest.mark.parametrize("law", BOUNDED_LAWS, ids=lambda law: law.__name__)
async def test_it_obeys_within_bounds(law: Law, database_url: str) -> None:
    """What it keeps of its changes is bounded."""
    async with SqlStore(database_url, changes_max=CHANGES_MAX) as store:
        await law(store)


@pytest.mark.parametrize("law", RACE_LAWS, ids=lambda law: law.__name__)
async def test_it_obeys_under_races(law: PairLaw, database_url: str) -> None:
    """Both doors are the process's only one."""
    async with SqlStore(database_url) as store:
        await law(store, store)


@pytest.mark.parametrize("law", RACE_LAWS, ids=lambda law: law.__name__)
async def test_it_obeys_under_races_of_strangers(law: PairLaw, postgres_url: str) -> None:
    """Two stores over one PostgreSQL know nothing of each other but what it tells them."""
    async with SqlStore(postgres_url) as first, SqlStore(postgres_url) as second:
        await law(first, second)


async def test_a_file_has_one_owner(sqlite_url: str) -> None:
    """Another process, or another store of this one, is told; it may try again afterwards."""
    async with SqlStore(sqlite_url):
        with pytest.raises(DataDirTaken):
            async with SqlStore(sqlite_url):
                pass
    async with SqlStore(sqlite_url):
        pass


async def test_a_closed_store_takes_nothing_more(database_url: str) -> None:
    """Who writes too late is told, and does not wait for ever."""
    async with SqlStore(database_url) as store:
        await store.create(config_map())
    with pytest.raises(StoreUnavailable, match="the store is closed"):
        await store.create(config_map("late"))


async def test_times_are_the_clocks(database_url: str) -> None:
    """`creationTimestamp` and `deletionTimestamp`, in RFC 3339."""
    times = iter(("2024-05-01T12:00:00Z", "2024-05-01T13:00:00Z"))
    async with SqlStore(database_url, clock=lambda: next(times)) as store:
        created = await store.create(held(config_map(), "a"))
        marked = await store.delete(key_of(created))
    assert "2024-05-01T12:00:00Z" == created["metadata"]["creationTimestamp"] == marked["metadata"]["creationTimestamp"]
    assert "2024-05-01T13:00:00Z" == marked["metadata"]["deletionTimestamp"]


async def test_watches_go_on_after_a_restart(database_url: str) -> None:
    """The changes of before are known, and versions go on."""
    async with SqlStore(database_url) as store:
        first = await store.create(config_map("first"))
        second = await store.create(config_map("second"))
    async with SqlStore(database_url) as store, store.watch(since=first["metadata"]["resourceVersion"]) as changes:
        third = await store.create(config_map("third"))
        assert [second, third] == [(await next_change(changes)).item for _ in range(2)]


async def test_the_event_loop_goes_on_while_a_long_list_is_read(sqlite_url: str) -> None:
    """Ten thousand objects come in turns, not at a stretch."""
    async with SqlStore(sqlite_url) as store:
        await asyncio.gather(*(store.create(config_map(f"{number}", key="x" * 500)) for number in range(10_000)))
        listing = asyncio.ensure_future(store.list(CONFIG_MAPS))
        turns = 0
        while not listing.done():
            await asyncio.sleep(0)
            turns += 1
    assert (10_000, True) == (len(listing.result().items), turns > 50)


async def test_what_is_not_json_is_its_callers_fault(sqlite_url: str) -> None:
    """It raises where it was asked for, and spoils nobody else's write."""
    async with SqlStore(sqlite_url) as store:
        bad = config_map()
        bad["data"] = {"x": object()}
        told = await asyncio.gather(store.create(bad), store.create(config_map("good")), return_exceptions=True)
        assert isinstance(told[0], TypeError)
        assert (told[1],) == (await store.list(CONFIG_MAPS)).items


async def test_another_kind_of_database_is_refused() -> None:
    """There are two."""
    with pytest.raises(ValueError, match="a database is sqlite:///FILE or postgresql://"):
        async with SqlStore("mysql://localhost/x"):
            pass
