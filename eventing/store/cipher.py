"""How Secrets rest in a database: AES-256-GCM, bound to the object's name and uid: none can pass for another."""

import base64
import binascii
import hashlib
import os
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


def read_cipher(file: Path) -> Cipher:
    """The cipher of the key in a file: 32 random bytes in base64. Raises SecretKeyInvalid."""
    try:
        key = base64.b64decode(file.read_bytes().strip(), validate=True)
    except OSError as error:
        raise SecretKeyInvalid(f"{file} cannot be read: {error.strerror}") from error
    except binascii.Error as error:
        raise SecretKeyInvalid(f"{file} does not hold base64: {_ADVICE}") from error
    if len(key) != _KEY_BYTES:
        raise SecretKeyInvalid(f"{file} holds {len(key)} bytes in base64, not {_KEY_BYTES}: {_ADVICE}")
    return Cipher(key)


_ADVICE: Final = "a key is made by `head -c 32 /dev/urandom | base64`"
