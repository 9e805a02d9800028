"""Text in columns, as kubectl writes it: for eyes, and for scripts that were written for kubectl. Pure.

Source: Go's text/tabwriter, with the parameters that kubectl gives it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

_TABLE_PADDING: Final = 3
_TABLE_WIDTH_MIN: Final = 6
_LINES_PADDING: Final = 2


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows in columns, a line each. The last column is as wide as it is."""
    columns = len(rows[0]) if rows else 0
    widths = [
        max(_TABLE_WIDTH_MIN, _TABLE_PADDING + max(len(row[column]) for row in rows)) for column in range(columns - 1)
    ]
    return "".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + row[-1] + "\n"


def lines(texts: Sequence[str]) -> str:
    """Lines of `label TAB value`: the values of neighbours stand below each other; a line without a tab parts them."""
    return "".join(
        _aligned([*group]) if has_tab else "".join(f"{text}\n" for text in group) for has_tab, group in _runs(texts)
    )


def _runs(texts: Sequence[str]) -> Iterator[tuple[bool, Iterator[str]]]:
    return groupby(texts, key=lambda text: "\t" in text)


def _aligned(texts: Sequence[str]) -> str:
    cells = [text.split("\t", 1) for text in texts]
    width = max(len(label) for label, _ in cells) + _LINES_PADDING
    return "".join(f"{label.ljust(width)}{value}\n" for label, value in cells)
