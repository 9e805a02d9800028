"""The queues of one lane: which of them is asked next, and what of them is known."""

import asyncio
from math import inf

import pytest

from channels.contract import Subscription
from dispatcher.parking import Parking, Shelf
from tests.dispatcher.stage import a_delivery, positions
from tests.dispatcher.street import SlowGroup

pytestmark = pytest.mark.looptime


def a_parking(group: Subscription, *, is_replayed: bool = True) -> Parking:
    now_s = asyncio.get_running_loop().time
    return Parking(group, "lane", now_s=now_s, is_replayed=lambda: is_replayed)


def next_name(parking: Parking) -> str | None:
    shelf = parking.next(only_keys=False)
    return None if shelf is None else shelf.name


async def taken(parking: Parking, shelf: Shelf, max_events: int = 99) -> list[int]:
    found = positions(await parking.take(shelf, max_events))
    parking.resume(shelf, was_empty=not found)
    return found


async def test_the_shelf_that_was_due_first_is_next(group: Subscription) -> None:
    """Each is told once until something was taken from it."""
    parking = a_parking(group)
    assert (None, inf) == (parking.next(only_keys=False), parking.due_s())
    parking.park(parking.plain, [a_delivery()], after_s=3.0)
    parking.park(parking.ordered, [a_delivery()], after_s=1.0)
    parking.park(parking.of_key("a"), [a_delivery()], after_s=2.0)
    assert (1.0, None, 3) == (parking.due_s(), next_name(parking), parking.events)
    await asyncio.sleep(5.0)
    assert ["lane/ordered", "lane#a", "lane", None] == [next_name(parking) for _ in range(4)]


async def test_a_shelf_is_due_again_when_its_queue_says_so(group: Subscription) -> None:
    parking = a_parking(group)
    parking.park(parking.plain, [a_delivery(1)])
    parking.park(parking.plain, [a_delivery(2)], after_s=5.0, attempts=1)
    assert (parking.plain, 1) == (parking.next(only_keys=False), parking.retries)
    assert [1] == await taken(parking, parking.plain)
    assert (1, pytest.approx(5.0)) == (parking.events, parking.due_s())
    await asyncio.sleep(6.0)
    assert parking.plain is parking.next(only_keys=False)
    assert ([2], 0, 0, inf) == (await taken(parking, parking.plain), parking.events, parking.retries, parking.due_s())


async def test_what_is_parked_behind_others_in_order_does_not_make_them_due(group: Subscription) -> None:
    """What is older does."""
    parking = a_parking(group)
    parking.park(parking.ordered, [a_delivery(5)], after_s=5.0)
    parking.park(parking.ordered, [a_delivery(6)])
    assert 5.0 == parking.due_s()
    parking.park(parking.ordered, [a_delivery(4)], is_first=True)
    assert 0.0 == parking.due_s()


async def test_a_key_that_has_a_head_is_not_asked_before_it_is_free(group: Subscription) -> None:
    parking = a_parking(group)
    parking.park(parking.of_key("a"), [a_delivery(1), a_delivery(2)])
    shelf = parking.next(only_keys=True)
    assert shelf is parking.keys["a"]
    assert [1] == positions(await parking.take(shelf, 1))
    assert (None, inf) == (parking.next(only_keys=True), parking.due_s())
    parking.free("b")
    parking.free(None)
    parking.free("a")
    assert shelf is parking.next(only_keys=True)
    assert [2] == positions(await parking.take(shelf, 1))
    assert ({}, 0) == (parking.keys, parking.events)


async def test_where_keys_are_too_many_nothing_else_is_asked(group: Subscription) -> None:
    parking = a_parking(group)
    parking.park(parking.plain, [a_delivery(1)])
    parking.park(parking.of_key("a"), [a_delivery(2)], after_s=0.001)
    await asyncio.sleep(0.002)
    assert parking.keys["a"] is parking.next(only_keys=True)
    await asyncio.sleep(1.0)
    assert parking.plain is parking.next(only_keys=False)


async def test_the_ordered_queue_waits_for_what_the_log_gives_out_again(group: Subscription) -> None:
    """Others do not."""
    for name in ("lane", "lane/ordered", "lane#a", "lane#", "elsewhere", "lane2"):
        group.queue(name, is_ordered="/" in name or "#" in name).park([a_delivery()])
    parking = a_parking(group, is_replayed=False)
    assert (4, True, {"a", ""}) == (parking.events, parking.has_order, {*parking.keys})
    assert ["lane", "lane#a", "lane#", None] == [next_name(parking) for _ in range(4)]


async def test_a_take_during_which_something_older_came_is_undone(group: Subscription) -> None:
    """Or the younger one would go first."""
    slow = SlowGroup(group, Fixed(0.01))
    parking = a_parking(slow)
    parking.park(parking.ordered, [a_delivery(5)])
    parking.park(parking.plain, [a_delivery(5)])
    taking = asyncio.create_task(parking.take(parking.ordered, 9))
    taking_unordered = asyncio.create_task(parking.take(parking.plain, 9))
    await asyncio.sleep(0.015)
    parking.park(parking.ordered, [a_delivery(4)], is_first=True)
    parking.park(parking.plain, [a_delivery(4)], is_first=True)
    assert ([], [5], 3) == (await taking, positions(await taking_unordered), parking.events)
    assert [4, 5] == await taken(parking, parking.ordered)


class Fixed:
    """Dice that always show the same."""

    def __init__(self, number: float) -> None:
        self.number = number

    def uniform(self, *_: float) -> float:
        return self.number


async def test_what_was_taken_and_not_tried_may_be_given_back(group: Subscription) -> None:
    parking = a_parking(group)
    parking.park(parking.plain, [a_delivery(1), a_delivery(2)])
    found = await parking.take(parking.plain, 9)
    assert 0 == parking.events
    parking.give_back(found)
    assert (2, 0.0, 1000.0) == (parking.events, parking.due_s(), parking.size_bytes(parking.plain))


async def test_what_was_lost_is_not_counted_any_more(group: Subscription) -> None:
    parking = a_parking(group)
    parking.park(parking.plain, [a_delivery(1)])
    group.queue("lane").clear()
    assert [] == await taken(parking, parking.plain)
    assert (0, inf) == (parking.events, parking.due_s())


async def test_everything_may_be_cleared(group: Subscription) -> None:
    parking = a_parking(group)
    parking.park(parking.plain, [a_delivery(1)], attempts=1)
    parking.park(parking.of_key("a"), [a_delivery(2)])
    parking.clear()
    assert (0, 0, {}, {}, inf) == (parking.events, parking.retries, parking.keys, group.queues, parking.due_s())


def nobody(_: str | None) -> bool:
    return False


async def test_shelves_become_what_other_processes_made_of_the_queues(group: Subscription) -> None:
    """What is more was adopted, what is less was ceded; nothing is counted twice, and what is due is known."""
    parking = a_parking(group)
    parking.park(parking.plain, [a_delivery(1), a_delivery(2)], attempts=1)
    parking.park(parking.of_key("a"), [a_delivery(3)])
    (_, key) = await parking.take(parking.plain, 1), parking.keys["a"]
    group.queue("lane#a", is_ordered=True).clear()
    group.queue("lane").park([a_delivery(4), a_delivery(5)], after_s=5.0)
    group.queue("lane#b", is_ordered=True).park([a_delivery(6)])
    group.queue("elsewhere").park([a_delivery(7)])
    assert parking.conform(group.queues, nobody) is False
    assert (4, 3, 1) == (parking.events, parking.adopted, parking.ceded)
    assert (3, 0, 1, ["b"]) == (parking.plain.events, key.events, parking.keys["b"].events, [*parking.keys])
    assert ["lane", "lane#b", None] == [next_name(parking) for _ in range(3)]
    for queue in [*group.queues.values()]:
        queue.clear()
    assert parking.conform(group.queues, nobody) is False
    assert (0, 0, {}, 3, 5, inf) == (
        parking.events, parking.retries, parking.keys, parking.adopted, parking.ceded, parking.due_s(),
    )  # fmt: skip


async def test_what_is_adopted_in_order_is_told_and_waits_for_its_head(group: Subscription) -> None:
    """What the log gives out once more is older; and so is what is on its way of the same key."""
    parking = a_parking(group)
    group.queue("lane#a", is_ordered=True).park([a_delivery(1)])
    group.queue("lane/ordered", is_ordered=True).park([a_delivery(2)])
    assert parking.conform(group.queues, lambda key: key == "a") is True
    assert ["lane/ordered", None] == [next_name(parking) for _ in range(2)]
    parking.free("a")
    assert "lane#a" == next_name(parking)


async def test_a_take_during_which_another_process_had_a_part_is_counted_anew(group: Subscription) -> None:
    """What is held no more is not taken; in order, nothing is, for something older may have come."""
    slow = SlowGroup(group, Fixed(0.01))
    parking = a_parking(slow)
    parking.park(parking.plain, [a_delivery(1)])
    parking.park(parking.of_key("a"), [a_delivery(2)])
    key = parking.keys["a"]
    takes = [asyncio.create_task(parking.take(shelf, 9)) for shelf in (parking.plain, key)]
    await asyncio.sleep(0.015)
    for name, number in (("lane", 3), ("lane#a", 4)):
        group.queue(name, is_ordered="#" in name).park([a_delivery(number)])
    parking.conform(group.queues, nobody)
    plain, ordered = [positions(await one) for one in takes]
    assert [] == ordered
    assert 2 == parking.adopted
    assert 4 == parking.events + len(plain)
    parking.resume(key, was_empty=True)
    await asyncio.sleep(1.0)
    assert [2, 4] == await taken(parking, parking.keys["a"])
