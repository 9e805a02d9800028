"""Protocol Buffers, written."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.protobuf import double_field, integer_field, message_field, text_field
from tests.eventing.resources.message import fields_of

NUMBERS = st.integers(1, 2**29 - 1)


def test_the_examples_of_the_specification() -> None:
    """Those in its text: a number, a string, a message within a message."""
    assert integer_field(1, 150) == bytes.fromhex("089601")
    assert text_field(2, "testing") == bytes.fromhex("120774657374696e67")
    assert message_field(3, [integer_field(1, 150)]) == bytes.fromhex("1a03089601")
    assert integer_field(1, -2) == bytes.fromhex("08feffffffffffffffff01")
    assert message_field(4, []) == bytes.fromhex("2200")


@given(NUMBERS, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text())
def test_what_is_written_can_be_read(number: int, integer: int, double: float, text: str) -> None:
    """Whatever the field's number and value; a message is the sum of its fields."""
    inner = [integer_field(number, integer), double_field(number, double), text_field(number, text)]
    assert fields_of(message_field(number, inner)) == [(number, b"".join(inner))]
    assert fields_of(b"".join(inner)) == [
        (number, integer % 2**64),
        (number, struct.pack("<d", double)),
        (number, text.encode()),
    ]
