"""Letters in pieces: what is cut is whole again, and nothing of it stays behind."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from channels.dead_letter_witness import BILL, REFUSED
from channels.errors import ChannelUnavailable
from channels.kafka.batch import Found
from channels.kafka.letter import LETTER, LetterState, pack_letter, unpack_letter
from channels.kafka.piece import PIECE_BYTES, Pieces, Post, cut, is_large, key_of
from channels.kafka.producing import Record
from channels.witness import an_event

HOUR_S = 3600


def a_letter(data_bytes: int, *, key: bytes = LETTER + b"1") -> Record:
    return Record(key, pack_letter(7, 1.0, BILL, "r", an_event("1", bytes(data_bytes)), (REFUSED,)), [("h", b"")])


@given(st.integers(0, 3 * PIECE_BYTES))
def test_a_letter_is_its_pieces_in_order(data_bytes: int) -> None:
    """None larger than may be. The record that names them says what is known of the letter without its body."""
    letter = a_letter(data_bytes)
    *pieces, head = cut(letter, b"name")
    assert letter.value == b"".join([one.value or b"" for one in pieces])
    assert max([len(one.value or b"") for one in pieces]) <= PIECE_BYTES
    assert [key_of(b"name", number) for number in range(len(pieces))] == [one.key for one in pieces]
    state, whole = unpack_letter(head.value or b""), unpack_letter(letter.value or b"")
    assert state is not None
    assert whole is not None
    assert LetterState(7, 1.0, BILL, "r", whole.size_bytes, 0, "", "", (), b"", b"name", len(pieces)) == state
    assert (letter.key, letter.headers) == (head.key, head.headers)


def test_what_is_damaged_stays_as_it_is() -> None:
    """It has no parts."""
    damaged = Record(LETTER + b"1", b"\xff" * (PIECE_BYTES + 1), [])
    assert [damaged] == cut(damaged, b"name")


def test_what_is_too_large_is_stored_after_its_pieces() -> None:
    """With what was to be stored with it; letters that are small are in nobody's way."""
    names, told = count(1), []

    def failed(_: ChannelUnavailable) -> None:
        raise AssertionError

    large, small, other = a_letter(PIECE_BYTES), a_letter(1, key=LETTER + b"2"), Record(b"b", None, [])
    post = Post((small, large, other), lambda: b"%d" % next(names), told.append, failed)
    assert [False, True, False] == [is_large(one) for one in post.records]
    *pieces, last = post.split()
    assert cut(large, b"1") == [*[one.records[0] for one in pieces], last.records[1]]
    assert [small, other] == [last.records[0], last.records[2]]
    assert [1, 1] == [len(one.records) for one in pieces]
    assert [last] == last.split()
    last.stored(5)
    assert [5] == told
    assert post.size_bytes > PIECE_BYTES > last.size_bytes


def test_pieces_that_no_letter_names_end_once_it_is_not_on_its_way() -> None:
    """Those that one names stay for as long as it does."""
    pieces = Pieces()
    for offset, (name, number) in enumerate([(b"a", 0), (b"a", 1), (b"b", 0), (b"c", 0)]):
        pieces.tell(Found(offset, key_of(name, number), b"", (), 1000))
    pieces.tell(Found(9, key_of(b"c", 0), None, (), 1000))
    assert {key_of(b"a", 0): 0, key_of(b"a", 1): 1, key_of(b"b", 0): 2} == pieces.offsets
    assert [] == pieces.lost({b"b"}, HOUR_S + 1.0)
    ends = [Record(key_of(b"a", number), None, []) for number in (0, 1)]
    assert ends == pieces.lost({b"b"}, HOUR_S + 1.1)
