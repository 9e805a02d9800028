"""What is left of a journal whose file was cut, or has flipped bytes: everything but what was hit."""

import random
from pathlib import Path

import apsw
import pytest

from channels.journal import Journal
from channels.journal.disk import FILE_NAME
from channels.journal.salvage import mark_damaged, mend
from channels.witness import an_event, events_of, receive
from tests.channels.journal.stage import take_all, without_index

EVENTS = 402
PAGE = 4096


async def fill(folder: Path) -> None:
    """As many runs of three events as make a tree of several levels, all waiting for one group."""
    async with (
        Journal(folder, size_max_bytes=2**30) as journal,
        journal.channel("ns/b") as channel,
        channel.subscribe("g"),
    ):
        for first in range(1, EVENTS + 1, 3):
            await channel.publish([an_event(str(number), bytes(1000)) for number in range(first, first + 3)])


async def read(folder: Path) -> tuple[set[str], int]:
    """The ids that still come, and the damage that was counted. The channel goes on taking events."""
    async with (
        Journal(folder, size_max_bytes=2**30) as journal,
        journal.channel("ns/b") as channel,
        channel.subscribe("g") as member,
    ):
        found: set[str] = set()
        while member.lag:
            deliveries = await member.receive(100)
            member.ack(deliveries)
            found |= {delivery.event.id for delivery in deliveries}
        await channel.publish(events_of(9999, 9999))
        [last] = await member.receive(1)
        assert "9999" == last.event.id
        return found, journal.statistics().damaged


def aside(folder: Path) -> list[Path]:
    return [*folder.glob("journal.damaged-*")]


async def test_a_sound_file_is_left_alone(tmp_path: Path) -> None:
    """It is opened as it is, and nothing is kept aside."""
    await fill(tmp_path)
    assert mend(tmp_path / FILE_NAME) is None
    assert (EVENTS, 0) == (len((await read(tmp_path))[0]), len(aside(tmp_path)))


async def test_where_there_is_no_file_there_is_nothing_to_mend(tmp_path: Path) -> None:
    """The first start of all."""
    assert mend(tmp_path / FILE_NAME) is None


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
async def test_of_a_file_that_was_cut_the_rest_is_served(tmp_path: Path, share: float) -> None:
    """What was cut off is gone; the file as it was found is kept."""
    await fill(tmp_path)
    path = tmp_path / FILE_NAME
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
    found, _ = await read(tmp_path)
    assert found <= {str(number) for number in range(1, EVENTS + 1)}
    assert 0 < len(found) < EVENTS
    assert 1 == len(aside(tmp_path))


@pytest.mark.parametrize("seed", range(12))
async def test_flipped_bytes_cost_what_they_hit_and_no_more(tmp_path: Path, seed: int) -> None:
    """Wherever they are but on the pages that say what tables there are; nothing that was never stored comes out."""
    await fill(tmp_path)
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    rng = random.Random(seed)
    pages = len(content) // PAGE
    page = rng.randrange(pages - 100, pages)
    for _ in range(4):
        content[page * PAGE + rng.randrange(PAGE)] ^= rng.randrange(1, 256)
    path.write_bytes(content)
    found, damaged = await read(tmp_path)
    assert found <= {str(number) for number in range(1, EVENTS + 1)}
    assert len(found) >= EVENTS - 60
    if len(found) < EVENTS:
        assert damaged or aside(tmp_path), "a loss is never without a word"


async def test_damage_met_at_work_is_salvaged_by_the_next_start(tmp_path: Path) -> None:
    """A file too large to be checked whole at each start leaves a mark when it turns out to be damaged."""
    await fill(tmp_path)
    mark_damaged(tmp_path)
    found, _ = await read(tmp_path)
    assert EVENTS == len(found)
    assert 1 == len(aside(tmp_path))
    await read(tmp_path)
    assert 1 == len(aside(tmp_path))


async def test_a_file_that_is_no_database_is_kept_and_a_new_one_begun(tmp_path: Path) -> None:
    """There is nothing to save, and no reason never to start again."""
    await fill(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"no database at all " * 1000)
    async with Journal(tmp_path, size_max_bytes=2**30) as journal:
        assert [] == journal.names
    assert 1 == len(aside(tmp_path))


async def test_a_gap_is_read_from_both_sides(tmp_path: Path) -> None:
    """Rows before and behind a page that cannot be read are all found."""
    await fill(tmp_path)
    path = tmp_path / FILE_NAME
    connection = apsw.Connection(str(path))
    keys = [row[0] for row in connection.execute("SELECT key FROM log ORDER BY key")]
    connection.close()
    content = bytearray(path.read_bytes())
    leaves = [page for page in range(2, len(content) // PAGE) if content[page * PAGE] == 13]
    middle = leaves[len(leaves) // 2]
    content[middle * PAGE] = 0
    path.write_bytes(content)
    salvage = mend(path)
    assert salvage is not None
    assert 1 <= salvage.gaps
    connection = apsw.Connection(str(path))
    saved = [row[0] for row in connection.execute("SELECT key FROM log ORDER BY key")]
    connection.close()
    lost = sorted(set(keys) - set(saved))
    assert 0 < len(lost) < 60
    places = [keys.index(key) for key in lost]
    assert places == [*range(places[0], places[-1] + 1)], "one stretch"


async def test_text_that_is_no_text_costs_its_row_alone(tmp_path: Path) -> None:
    """SQLite does not look into text; who reads it does."""
    await fill(tmp_path)
    path = tmp_path / FILE_NAME
    connection = apsw.Connection(str(path))
    for number in range(1, 4):
        row = (100 + number, b"", b"")
        connection.execute("INSERT INTO dead_letter VALUES (?, 0, 'n', 'b', 't', '', 9, 0, '', 0, ?, ?)", row)
    connection.execute("UPDATE dead_letter SET trigger = CAST(x'd7' AS TEXT) WHERE id = 102")
    connection.close()
    mark_damaged(tmp_path)
    salvage = mend(path)
    assert salvage is not None
    assert salvage.gaps == 1
    connection = apsw.Connection(str(path))
    assert [(101,), (103,)] == list(connection.execute("SELECT id FROM dead_letter"))
    connection.close()


@pytest.mark.parametrize("column", ["queue", "rank", "events", "size_bytes"])
@pytest.mark.parametrize("is_index", [True, False], ids=["index", "row"])
async def test_where_a_row_and_its_index_differ_the_checksum_tells_which_is_right(
    tmp_path: Path, column: str, *, is_index: bool
) -> None:
    """A start finds that, and all of the run is what it was."""
    async with (
        Journal(tmp_path, size_max_bytes=2**30) as journal,
        journal.channel("ns/b") as channel,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        member.queue("q").park(held, attempts=2, note=b"why")
        member.ack(held)
    connection = apsw.Connection(str(tmp_path / FILE_NAME))
    before = list(connection.execute("SELECT * FROM parked"))
    if is_index:
        connection.execute(f"UPDATE parked SET {column} = {column} + 1")
    without_index(connection, f"UPDATE parked SET {column} = {column} {'-' if is_index else '+'} 1")
    connection.close()
    assert mend(tmp_path / FILE_NAME) is not None
    connection = apsw.Connection(str(tmp_path / FILE_NAME))
    assert before == list(connection.execute("SELECT * FROM parked"))
    connection.close()
    async with (
        Journal(tmp_path, size_max_bytes=2**30) as journal,
        journal.channel("ns/b") as channel,
        channel.subscribe("g") as member,
    ):
        assert ["1", "2", "3"] == await take_all(member, "q", 3)
        assert {} == dict(member.queues)


@pytest.mark.parametrize("column", ["note = NULL", "body = CAST(body AS TEXT)", "due = 'x'", "checksum = 1"])
async def test_whatever_became_of_a_parked_row_it_is_saved(tmp_path: Path, column: str) -> None:
    """Its numbers are looked at when it is read."""
    async with (
        Journal(tmp_path, size_max_bytes=2**30) as journal,
        journal.channel("ns/b") as channel,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 3))
        held = await receive(member, 3)
        member.queue("q").park(held, attempts=2)
        member.ack(held)
    connection = apsw.Connection(str(tmp_path / FILE_NAME))
    connection.pragma("writable_schema", 1)
    connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'parked'")
    connection.pragma("writable_schema", "reset")
    connection.execute(f"UPDATE parked SET {column}")
    connection.close()
    mark_damaged(tmp_path)
    async with (
        Journal(tmp_path, size_max_bytes=2**30) as journal,
        journal.channel("ns/b") as channel,
        channel.subscribe("g") as member,
    ):
        assert ["1", "2", "3"] == await take_all(member, "q", 3)
        assert {} == dict(member.queues)
