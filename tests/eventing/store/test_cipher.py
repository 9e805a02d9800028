"""How Secrets rest."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.store.cipher import Cipher, Keyring, read_keyring
from eventing.store.errors import SecretDamaged, SecretKeyInvalid

KEY = bytes(range(32))


@given(st.binary(), st.text().map(str.encode))
def test_what_is_sealed_opens_in_its_context_alone(text: bytes, context: bytes) -> None:
    """Each time it looks different, and nothing of it is told."""
    cipher = Cipher(KEY)
    sealed = cipher.seal(text, context)
    assert text == Cipher(KEY).open(sealed, context)
    assert sealed != cipher.seal(text, context)
    with pytest.raises(SecretDamaged):
        cipher.open(sealed, context + b"x")


@given(st.binary(min_size=1), st.data())
def test_a_changed_bit_is_noticed(text: bytes, data: st.DataObject) -> None:
    """Wherever it is; so is a text cut short."""
    sealed = bytearray(Cipher(KEY).seal(text, b"context"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SecretDamaged, match="context is not what was stored: restore the database"):
        Cipher(KEY).open(bytes(sealed), b"context")
    with pytest.raises(SecretDamaged):
        Cipher(KEY).open(bytes(sealed[:11]), b"context")


def test_a_key_has_a_name_that_does_not_tell_it() -> None:
    """The same for the same key."""
    assert Cipher(KEY).key_id == Cipher(KEY).key_id != Cipher(bytes(32)).key_id
    assert KEY.hex()[:16] != Cipher(KEY).key_id


def test_a_key_comes_from_a_file(tmp_path: Path) -> None:
    """In base64; an editor's line feed does no harm."""
    file = tmp_path / "key"
    file.write_bytes(base64.b64encode(KEY) + b"\n")
    assert Cipher(KEY).key_id == read_keyring(file).first.key_id


def test_a_file_may_hold_several_keys(tmp_path: Path) -> None:
    """The first encrypts, all are found; notes and empty lines are none of them."""
    file = tmp_path / "keys"
    file.write_bytes(b"# of this year\n" + base64.b64encode(KEY) + b"\n\n" + base64.b64encode(bytes(32)) + b"\r\n")
    keyring, old = read_keyring(file), Cipher(bytes(32))
    assert Cipher(KEY).key_id == keyring.first.key_id
    found = keyring.find(old.key_id)
    assert found is not None
    assert b"text" == found.open(old.seal(b"text", b""), b"")
    assert None is keyring.find("another") is Keyring([old]).find(Cipher(KEY).key_id)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"***", ", line 1 does not hold base64: a key is made by `head -c 32 /dev/urandom | base64`"),
        (base64.b64encode(bytes(16)), ", line 1 holds 16 bytes in base64, not 32: a key is made by"),
        (b"", " holds no key: a key is made by"),
        (b"# none\n\n", " holds no key"),
        (base64.b64encode(KEY) + b"\n\nx", ", line 3 does not hold base64"),
    ],
)
def test_what_is_no_key_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    """With the way to make one, and without what is in the file."""
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(SecretKeyInvalid) as told:
        read_keyring(file)
    assert f"{file}{words}" in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(SecretKeyInvalid, match="absent cannot be read: No such file"):
        read_keyring(tmp_path / "absent")
