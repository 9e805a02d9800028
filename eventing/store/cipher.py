"""How Secrets rest in a database: AES-256-GCM, bound to the object's name and uid: none can pass for another."""

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventing.store.errors import SecretDamaged, SecretKeyInvalid

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
"""What GCM is made for; random ones are safe for 2^32 writes with one key (NIST SP 800-38D)."""


class Cipher:
    """One key. `key_id` names it without telling anything of it."""

    def __init__(self, key: bytes) -> None:
        self.key_id: Final = hashlib.sha256(b"eventing secret key" + key).hexdigest()[:16]
        self._cipher: Final = AESGCM(key)

    def seal(self, text: bytes, context: bytes) -> bytes:
        """The encrypted text; only with the same context it can be opened."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The text. Raises SecretDamaged."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except InvalidTag as error:
            raise SecretDamaged(f"{context.decode()} is not what was stored: restore the database") from error


class Keyring:
    """Several keys: the first encrypts, all decrypt. Kubernetes' encryption configuration has such a list."""

    def __init__(self, ciphers: Iterable[Cipher]) -> None:
        self._ciphers: Final = {cipher.key_id: cipher for cipher in ciphers}
        self.first: Final = next(iter(self._ciphers.values()))

    def find(self, key_id: str) -> Cipher | None:
        """The cipher of the key with that id."""
        return self._ciphers.get(key_id)


def read_keyring(file: Path) -> Keyring:
    """The keys in a file, one a line, each 32 random bytes in base64; what begins with # is no key. Raises
    SecretKeyInvalid.
    """
    try:
        lines = [line.strip() for line in file.read_bytes().splitlines()]
    except OSError as error:
        raise SecretKeyInvalid(f"{file} cannot be read: {error.strerror}") from error
    ciphers = [
        _cipher(f"{file}, line {number}", line)
        for number, line in enumerate(lines, 1)
        if line and not line.startswith(b"#")
    ]
    if not ciphers:
        raise SecretKeyInvalid(f"{file} holds no key: {_ADVICE}")
    return Keyring(ciphers)


def _cipher(place: str, text: bytes) -> Cipher:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise SecretKeyInvalid(f"{place} does not hold base64: {_ADVICE}") from error
    if len(key) != _KEY_BYTES:
        raise SecretKeyInvalid(f"{place} holds {len(key)} bytes in base64, not {_KEY_BYTES}: {_ADVICE}")
    return Cipher(key)


_ADVICE: Final = "a key is made by `head -c 32 /dev/urandom | base64`"
