"""Laws of a store: the pages of a list."""

from typing import Final

from eventing.errors import Expired, InvalidToken
from eventing.resources.identity import GroupKind, Object, key_of
from eventing.store.contract import Listing, Store
from eventing.store.witness import CONFIG_MAPS, Law, config_map, ends, next_change, raises

CHANGES_MAX: Final = 8
"""What a store of `BOUNDED_LAWS` keeps of its changes."""


async def _pages(store: Store, limit: int, namespace: str | None = None) -> list[Listing]:
    pages = [await store.list(CONFIG_MAPS, namespace, limit=limit)]
    while pages[-1].continue_token:
        token = pages[-1].continue_token
        pages.append(await store.list(CONFIG_MAPS, namespace, limit=limit, continue_token=token))
    return pages


def _names(page: Listing) -> list[str]:
    return [f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in page.items]


async def _fill(store: Store) -> list[Object]:
    """Five objects whose order as paths, or by another alphabet, is not that by namespace and name."""
    places = [("a", "b"), ("a", "b-c"), ("a", "b.c"), ("a-b", "a"), ("a.b", "\u00e9"), ("b", "A"), ("b", "a")]
    return [await store.create(config_map(name, space)) for space, name in reversed(places)][::-1]


async def pages_are_the_list_cut(store: Store) -> None:
    """Together they are the list, in order; all but the last say how many come, and are as long as was asked for."""
    items = tuple(await _fill(store))
    whole = await store.list(CONFIG_MAPS)
    assert (whole.items, whole.continue_token, whole.remaining) == (items, "", None)
    for limit in range(1, 9):
        pages = await _pages(store, limit)
        assert tuple(item for page in pages for item in page.items) == items
        assert [len(page.items) for page in pages[:-1]] == [limit] * (len(pages) - 1)
        left = [7 - limit * (number + 1) for number in range(len(pages) - 1)]
        assert [page.remaining for page in pages] == [*left, None]
    assert [_names(page) for page in await _pages(store, 1, "b")] == [["b/A"], ["b/a"]]


async def pages_bear_the_first_ones_version(store: Store) -> None:
    """Each shows what is there when it is read; a watch from its version shows what changed since the first."""
    items = await _fill(store)
    first = await store.list(CONFIG_MAPS, limit=2)
    await store.delete(key_of(items[0]))
    await store.delete(key_of(items[2]))
    await store.create(config_map("z", "z"))
    second = await store.list(CONFIG_MAPS, limit=9, continue_token=first.continue_token)
    assert _names(second) == ["a-b/a", "a.b/\u00e9", "b/A", "b/a", "z/z"]
    assert second.resource_version == first.resource_version
    async with store.watch(CONFIG_MAPS, since=second.resource_version) as changes:
        seen = [await next_change(changes) for _ in range(3)]
    assert ends(*seen) == [("DELETED", "b"), ("DELETED", "b.c"), ("ADDED", "z")]


async def what_a_page_went_on_from_may_be_gone(store: Store) -> None:
    """The next page begins after it all the same."""
    items = await _fill(store)
    first = await store.list(CONFIG_MAPS, limit=3)
    await store.delete(key_of(items[2]))
    second = await store.list(CONFIG_MAPS, limit=1, continue_token=first.continue_token)
    assert second.items == (items[3],)
    assert second.remaining == 3


async def what_is_no_token_is_refused(store: Store) -> None:
    """Nor does the token of one list go on with another."""
    await _fill(store)
    good = (await store.list(CONFIG_MAPS, limit=2)).continue_token
    for bad in ("x", "\u00e9", "!!!!", "e30", "WzFd", good[:-3], good + "x", "A" * 5000):
        await raises(InvalidToken, store.list(CONFIG_MAPS, continue_token=bad))
    await raises(InvalidToken, store.list(CONFIG_MAPS, "a", continue_token=good))
    await raises(InvalidToken, store.list(GroupKind("", "Secret"), continue_token=good))
    assert (await store.list(CONFIG_MAPS, continue_token=good)).items


LAWS: Final[tuple[Law, ...]] = (
    pages_are_the_list_cut,
    pages_bear_the_first_ones_version,
    what_a_page_went_on_from_may_be_gone,
    what_is_no_token_is_refused,
)


async def a_page_after_forgotten_changes_is_expired(store: Store) -> None:
    """Nobody could watch on from it."""
    await _fill(store)
    token = (await store.list(CONFIG_MAPS, limit=2)).continue_token
    for number in range(CHANGES_MAX):
        await store.create(config_map(f"n{number}", "new"))
    assert (await store.list(CONFIG_MAPS, continue_token=token)).items
    await store.create(config_map("last", "new"))
    await raises(Expired, store.list(CONFIG_MAPS, continue_token=token))


async def a_watch_from_forgotten_changes_is_expired(store: Store) -> None:
    """Of so many changes, one more is one too old: listing again is the way on."""
    created = [await store.create(config_map(f"n{number}")) for number in range(CHANGES_MAX + 1)]
    oldest = created[0]["metadata"]["resourceVersion"]
    async with store.watch(since=oldest) as changes:
        assert (await next_change(changes)).item == created[1]
    await store.create(config_map("more"))
    await raises(Expired, _enter(store, oldest))


async def _enter(store: Store, since: str) -> None:
    async with store.watch(since=since):
        pass


async def a_reader_that_falls_behind_is_told(store: Store) -> None:
    """What it has not read in time is gone; it costs the store no memory."""
    async with store.watch() as changes:
        for number in range(CHANGES_MAX + 1):
            await store.create(config_map(f"n{number}"))
        await raises(Expired, next_change(changes))


BOUNDED_LAWS: Final[tuple[Law, ...]] = (
    a_page_after_forgotten_changes_is_expired,
    a_watch_from_forgotten_changes_is_expired,
    a_reader_that_falls_behind_is_told,
)
