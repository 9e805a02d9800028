"""A row of a Table in JSON, all but what changes with time. Pure."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from eventing.apiserver.human_duration import human_duration
from eventing.resources.identity import Object


class RowForm:
    """A row in JSON, with gaps for its ages."""

    __slots__ = ("_pieces", "_thens_s")

    def __init__(self, pieces: tuple[bytes, ...], thens_s: tuple[float, ...]) -> None:
        self._pieces = pieces
        self._thens_s = thens_s

    @classmethod
    def of(cls, cells: Iterable[Any], shown: Object | None) -> "RowForm":
        """The form of a row; cells that are a datetime are gaps."""
        pieces, thens_s, mark = [b'{"cells":['], [], b""
        for cell in cells:
            pieces[-1] += mark
            if isinstance(cell, datetime):
                thens_s.append(cell.timestamp())
                pieces.append(b"")
            else:
                pieces[-1] += orjson.dumps(cell)
            mark = b","
        pieces[-1] += b'],"object":' + orjson.dumps(shown) + b"}"
        return cls(tuple(pieces), tuple(thens_s))

    def filled(self, now_s: float) -> bytes:
        """The row as of that time, in seconds since the epoch."""
        first, *others = self._pieces
        for then_s, piece in zip(self._thens_s, others, strict=True):
            first += _age(int(now_s - then_s)) + piece
        return first


@lru_cache(maxsize=4096)
def _age(elapsed_s: int) -> bytes:
    return orjson.dumps(human_duration(elapsed_s))
