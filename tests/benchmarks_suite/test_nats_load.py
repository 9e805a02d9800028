"""Counting NATS' acknowledgements in a stream of bytes."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.nats_load import acknowledgements

ACKNOWLEDGEMENT = b'MSG inbox 1 28\r\n{"stream":"bench","seq":1234}\r\n'


@given(st.lists(st.sampled_from([ACKNOWLEDGEMENT, b"PING\r\n"])), st.lists(st.integers(0, 500)))
def test_each_acknowledgement_counts_once_wherever_the_stream_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    """A pause in the middle of a line, or a PING among them, is counted neither twice nor as one."""
    stream = b"".join(parts)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    counted, held = 0, b""
    for begin, end in itertools.pairwise(places):
        count, held = acknowledgements(held + stream[begin:end])
        counted += count
    assert counted == parts.count(ACKNOWLEDGEMENT)
    assert held == b""
