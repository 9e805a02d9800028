"""Rows of Tables in JSON."""

from datetime import UTC, datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st

from eventing.apiserver.human_duration import human_duration
from eventing.apiserver.row_form import RowForm

_CELLS = st.none() | st.text() | st.integers(-(2**31), 2**31) | st.booleans() | st.integers(0, 2**31)


@given(cells=st.lists(st.one_of(_CELLS, st.just("age")), max_size=6), elapsed_s=st.floats(-5, 1e9))
def test_a_row_is_filled_with_ages(cells: list[object], elapsed_s: float) -> None:
    """Wherever they stand; everything else is as it was given."""
    then = datetime(2026, 11, 27, tzinfo=UTC)
    form = RowForm.of([then if cell == "age" else cell for cell in cells], {"metadata": {"name": "\u00e9"}})
    now_s = then.timestamp() + elapsed_s
    age = human_duration(int(now_s - then.timestamp()))
    expected = {"cells": [age if cell == "age" else cell for cell in cells], "object": {"metadata": {"name": "\u00e9"}}}
    assert expected == orjson.loads(form.filled(now_s))
