"""Columns as kubectl's."""

from eventing.cli.tabular import lines, table


def test_a_table_has_room_between_columns_and_none_after_the_last() -> None:
    """Three spaces at least, six characters at least, and the last column as it comes."""
    assert (
        "NAME     AGE   REASON\n"
        "orders   1s    \n"
        "a        10d   long words here\n"
    ) == table([["NAME", "AGE", "REASON"], ["orders", "1s", ""], ["a", "10d", "long words here"]])  # fmt: skip


def test_no_rows_are_no_table() -> None:
    assert "" == table([])


def test_values_of_neighbours_stand_below_each_other() -> None:
    """A line without a value parts one group from the next, which has a width of its own."""
    expected = "a:     1\nlong:  2\nMiddle:\n  b:  3\n"
    assert expected == lines(["a:\t1", "long:\t2", "Middle:", "  b:\t3"])
