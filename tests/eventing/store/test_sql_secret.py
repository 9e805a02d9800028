"""Secrets in a database: what is on the disk, and what the operator is told."""

import base64
from pathlib import Path

import pytest

from eventing.errors import NotFound
from eventing.resources.identity import GroupKind, Object, key_of
from eventing.store.errors import SecretKeyInvalid, SecretKeyMissing, SecretKeyWrong
from eventing.store.sql import SqlStore
from eventing.store.witness import config_map, next_change

PASSWORD = "correct horse battery staple"
SECRETS = GroupKind("", "Secret")


def secret(password: str = PASSWORD) -> Object:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"data":{{"password":"{password}"}}}}'}
    metadata = {"name": "s", "namespace": "default", "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": password}}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key."""
    file = tmp_path / "key"
    file.write_bytes(base64.b64encode(bytes(range(32))))
    return file


@pytest.fixture
def other_key_file(tmp_path: Path) -> Path:
    """Another one."""
    file = tmp_path / "other-key"
    file.write_bytes(base64.b64encode(bytes(32)))
    return file


async def test_with_the_key_secrets_are_like_other_objects(database_url: str, key_file: Path) -> None:
    """Read, listed, changed, watched, and also after a restart."""
    async with SqlStore(database_url, secret_key=key_file) as store, store.watch(since="0") as changes:
        created = await store.create(secret())
        changed = await store.update(secret("changed"))
        assert [created, changed] == [(await next_change(changes)).item for _ in range(2)]
    async with SqlStore(database_url, secret_key=key_file) as store:
        assert changed == await store.get(key_of(changed))
        assert (changed,) == (await store.list(SECRETS)).items
        async with store.watch(since="0") as changes:
            assert created == (await next_change(changes)).item


async def test_no_byte_of_a_secret_is_on_the_disk(tmp_path: Path, sqlite_url: str, key_file: Path) -> None:
    """Neither as an object nor as a change, nor in what the file was before; without a key all of that is plain."""
    files = [tmp_path / "resources.db", tmp_path / "resources.db-journal"]
    async with SqlStore(sqlite_url, secret_key=key_file) as store:
        await store.create(secret())
        await store.update(secret(PASSWORD + "!"))
        await store.delete(key_of(secret()))
        await store.create(secret())
        await store.create(config_map(key="plain"))
    held = b"".join(file.read_bytes() for file in files if file.exists())
    assert (False, True) == (PASSWORD.encode() in held, b"plain" in held)


async def test_a_start_without_the_key_is_refused(database_url: str, key_file: Path, other_key_file: Path) -> None:
    """With the id of the key that is needed, and before anything is served; with the right one all is there."""
    async with SqlStore(database_url, secret_key=key_file) as store:
        await store.create(secret())
    with pytest.raises(SecretKeyMissing, match="set EVENTING_SECRET_KEY_FILE to the file that holds it"):
        async with SqlStore(database_url):
            pass
    with pytest.raises(SecretKeyWrong, match="add the former to the file of EVENTING_SECRET_KEY_FILE"):
        async with SqlStore(database_url, secret_key=other_key_file):
            pass
    async with SqlStore(database_url, secret_key=key_file) as store:
        assert secret()["data"] == (await store.get(key_of(secret())))["data"]


async def test_a_key_may_come_later(database_url: str, key_file: Path) -> None:
    """What was stored plainly is read, and encrypted when it is written next, or by and by."""
    async with SqlStore(database_url) as store:
        created = await store.create(secret())
    async with SqlStore(database_url, secret_key=key_file) as store:
        assert created == await store.get(key_of(created))
        await store.update(secret("changed"))
    with pytest.raises(SecretKeyMissing):
        async with SqlStore(database_url):
            pass


async def test_a_secret_of_another_process_cannot_be_read_without_its_key(postgres_url: str, key_file: Path) -> None:
    """Who reads it is told; who reads others is not disturbed."""
    async with SqlStore(postgres_url) as plain, SqlStore(postgres_url, secret_key=key_file) as keeper:
        created = await keeper.create(secret())
        with pytest.raises(SecretKeyMissing):
            await plain.get(key_of(created))
        with pytest.raises(SecretKeyMissing):
            await plain.list(SECRETS)
        with pytest.raises(SecretKeyMissing):
            await plain.update(secret("changed"))
        other = await plain.create(config_map())
        assert other == await keeper.get(key_of(other))
        async with plain.watch(SECRETS, since="0") as changes:
            for _ in range(2):
                with pytest.raises(SecretKeyMissing):
                    await next_change(changes)


async def test_a_key_that_is_none_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    """Before the database is opened."""
    with pytest.raises(SecretKeyInvalid):
        async with SqlStore(sqlite_url, secret_key=tmp_path / "absent"):
            pass
    async with SqlStore(sqlite_url) as store:
        with pytest.raises(NotFound):
            await store.get(key_of(secret()))


async def test_the_log_of_a_secret_that_is_gone_needs_the_key_too(sqlite_url: str, key_file: Path) -> None:
    """As long as a watch may begin before its deletion; afterwards nothing asks for the key any more."""
    async with SqlStore(sqlite_url, secret_key=key_file, changes_max=3) as store:
        await store.create(secret())
        await store.delete(key_of(secret()))
    with pytest.raises(SecretKeyMissing):
        async with SqlStore(sqlite_url):
            pass
    async with SqlStore(sqlite_url, secret_key=key_file, changes_max=3) as store:
        for name in "abc":
            await store.create(config_map(name))
    async with SqlStore(sqlite_url) as store:
        assert await store.version() == "5"
