"""Objects as rows."""

import pytest

from eventing.resources.identity import Object, key_of
from eventing.store.cipher import Cipher, Keyring
from eventing.store.draft import Step
from eventing.store.errors import SecretDamaged, SecretKeyMissing, SecretKeyWrong
from eventing.store.row import Codec, change_columns, copied, key_columns
from eventing.store.witness import config_map

MINE, OTHER = Cipher(bytes(32)), Cipher(bytes(range(32)))


def secret(name: str = "s", uid: str = "u") -> Object:
    metadata = {"name": name, "namespace": "default", "uid": uid, "annotations": {"last-applied": "hunter2"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": "hunter2"}}


def test_a_secret_is_encrypted_whole() -> None:
    """Its annotations may repeat its data, as those of `kubectl apply` do."""
    item = secret()
    body, key_id = Codec(Keyring([MINE])).encode(item)
    assert MINE.key_id == key_id
    assert b"hunter2" not in body
    assert item == Codec(Keyring([MINE])).decode(key_of(item), "u", body, key_id)


def test_other_kinds_are_not() -> None:
    """Nor is a Secret without a key; both are read with and without one."""
    for codec, item in ((Codec(Keyring([MINE])), config_map(key="hunter2")), (Codec(None), secret())):
        item["metadata"]["uid"] = "u"
        body, key_id = codec.encode(item)
        assert (None, True) == (key_id, b"hunter2" in body)
        for reader in (Codec(None), Codec(Keyring([MINE]))):
            assert item == reader.decode(key_of(item), "u", body, key_id)


def test_a_kind_of_that_name_in_another_group_is_none() -> None:
    """Secrets are the core group's."""
    item = secret() | {"apiVersion": "example.com/v1"}
    assert Codec(Keyring([MINE])).encode(item)[1] is None


def test_the_operator_is_told_which_key_is_missing() -> None:
    """By its id."""
    item = secret()
    body, key_id = Codec(Keyring([MINE])).encode(item)
    with pytest.raises(SecretKeyMissing, match=f"with the key {key_id}, and no key is given: set EVENTING_SECRET_KEY"):
        Codec(None).decode(key_of(item), "u", body, key_id)
    with pytest.raises(SecretKeyWrong, match=f"with the key {key_id}, and the one given is {OTHER.key_id}"):
        Codec(Keyring([OTHER])).decode(key_of(item), "u", body, key_id)


def test_no_secret_passes_for_another() -> None:
    """A row that was moved to another name, or to a successor of that name, does not open."""
    item = secret()
    body, key_id = Codec(Keyring([MINE])).encode(item)
    for other in (secret(name="t"), secret(uid="v")):
        with pytest.raises(SecretDamaged):
            Codec(Keyring([MINE])).decode(key_of(other), other["metadata"]["uid"], body, key_id)


def test_a_change_is_logged_with_its_key_and_version() -> None:
    """Every column of its table."""
    item = secret()
    row = Codec(None).change(Step("ADDED", key_of(item), item, None), 7)
    columns = change_columns(row)
    assert {"api_group": "", "kind": "Secret", "namespace": "default", "name": "s"} == key_columns(key_of(item))
    assert (7, "ADDED", "u", None) == tuple(columns[name] for name in ("version", "type", "uid", "key_id"))
    assert item == Codec(None).decode(row.key, row.uid, columns["body"], None)


def test_a_copy_shares_nothing() -> None:
    """What is not JSON has none."""
    item = secret()
    copy = copied(item)
    copy["data"]["password"] = "changed"
    assert secret() == item
    with pytest.raises(TypeError):
        copied({"x": object()})
