"""Objects as rows, and back: JSON and, for Secrets where there is a key, encrypted JSON. Pure but for the nonces."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from eventing.resources.identity import GroupKind, Key, Object, key_of
from eventing.store.contract import ChangeType
from eventing.store.draft import Step
from eventing.store.errors import SecretKeyMissing, SecretKeyWrong

if TYPE_CHECKING:
    from eventing.store.cipher import Cipher, Keyring

SECRET: Final = GroupKind("", "Secret")


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change as it is logged."""

    version: int
    type: ChangeType
    key: Key
    uid: str
    body: bytes
    key_id: str | None


class Codec:
    """How objects are written and read with these keys, or none."""

    def __init__(self, keyring: "Keyring | None") -> None:
        self._keyring = keyring

    @property
    def key_id(self) -> str | None:
        """The id of the key that Secrets are encrypted with; None where they are not."""
        return None if self._keyring is None else self._keyring.first.key_id

    def check(self, key_id: str | None) -> None:
        """Raise SecretKeyMissing or SecretKeyWrong where what that key encrypted cannot be read."""
        self._cipher(key_id)

    def encode(self, item: Object) -> tuple[bytes, str | None]:
        """The body, and the id of the key that it is encrypted with."""
        body = orjson.dumps(item)
        key = key_of(item)
        if self._keyring is None or key.group_kind != SECRET:
            return body, None
        return self._keyring.first.seal(body, _context(key, item["metadata"]["uid"])), self._keyring.first.key_id

    def decode(self, key: Key, uid: str, body: bytes, key_id: str | None) -> Object:
        """The object. Raises SecretKeyMissing, SecretKeyWrong, SecretDamaged."""
        cipher = self._cipher(key_id)
        item: Object = orjson.loads(body if cipher is None else cipher.open(body, _context(key, uid)))
        return item

    def _cipher(self, key_id: str | None) -> "Cipher | None":
        if key_id is None:
            return None
        if self._keyring is None:
            raise SecretKeyMissing(key_id)
        cipher = self._keyring.find(key_id)
        if cipher is None:
            raise SecretKeyWrong(key_id, self._keyring.first.key_id)
        return cipher

    def change(self, step: Step, version: int) -> ChangeRow:
        """The row of a drafted change."""
        return ChangeRow(version, step.type, step.key, step.item["metadata"]["uid"], *self.encode(step.item))


def key_columns(key: Key) -> dict[str, str]:
    """The columns that hold a key."""
    return {"api_group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}


def change_columns(row: ChangeRow) -> dict[str, Any]:
    """The columns of a logged change."""
    values = {"version": row.version, "type": row.type, "uid": row.uid, "body": row.body, "key_id": row.key_id}
    return values | key_columns(row.key)


def copied(item: Object) -> Object:
    """A copy that shares nothing. Raises TypeError for what is not JSON."""
    copy: Object = orjson.loads(orjson.dumps(item))
    return copy


def _context(key: Key, uid: str) -> bytes:
    return orjson.dumps([key.group, key.kind, key.namespace, key.name, uid])
