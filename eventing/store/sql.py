"""The store in SQL: a SQLite file of one process, or a PostgreSQL database of many."""

import asyncio
import copy
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from dispatcher.tasks import supervise
from eventing.errors import Expired, NotFound
from eventing.resources.identity import GroupKind, Key, Object
from eventing.store import schema, verb
from eventing.store.contract import Changes, Listing, Propagation, Scan, Written
from eventing.store.database import Database, open_database
from eventing.store.feed import Feed
from eventing.store.lease import Lease
from eventing.store.lease_table import SqlLeases
from eventing.store.mirror import Mirror, Row
from eventing.store.notice import WORDS_SIZE_MAX_BYTES, notify, say
from eventing.store.page import Page, page_of, position_of, token_of
from eventing.store.resealer import Resealer
from eventing.store.row import Codec, copied
from eventing.store.table import decoded, read_bounds, read_key_ids, read_object, read_version, sliced
from eventing.store.watcher import Watcher
from eventing.store.writer import Verb, Writer

if TYPE_CHECKING:
    from eventing.store.cipher import Keyring

CHANGES_MAX: Final = 10_000
"""Changes that are kept for watchers to catch up with; the Kubernetes API server keeps some minutes of them."""
_TURN_BYTES: Final = 64 * 1024
"""JSON decoded at a stretch, in well under a millisecond; then the event loop has its turn."""

_TURN_ITEMS: Final = 50
"""The same, of objects to encode."""
T = TypeVar("T")


def timestamp() -> str:
    """The present second, in UTC, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class SqlStore:
    """Resources in the database at a URL, `sqlite:///FILE` or `postgresql://...`, for the length of the context.

    A SQLite file is made, and brought to the present revision, where needed, and belongs to one process: it is
    locked. A PostgreSQL database must be at that revision. `secret_key` is the file of the keys that Secrets are
    encrypted with: see `cipher.Keyring`; what is stored otherwise is encrypted by and by. Entering raises
    StoreUnavailable, SchemaNotCurrent, SecretKeyInvalid, SecretKeyMissing, SecretKeyWrong, DataDirTaken, ValueError
    for another kind of URL, and OSError for the folder.
    """

    def __init__(
        self,
        url: str,
        *,
        changes_max: int = CHANGES_MAX,
        secret_key: Path | None = None,
        clock: Callable[[], str] = timestamp,
    ) -> None:
        self._url: Final = url
        self._changes_max: Final = changes_max
        self._secret_key: Final = secret_key
        self._clock: Final = clock
        self._lease: Lease | None = None
        self.hear: Callable[[str], None] = lambda _: None
        """Called with what other processes, and this one, say."""

    async def __aenter__(self) -> Self:
        self._codec = Codec(_keyring(self._secret_key) if self._secret_key else None)
        self._database = open_database(self._url)
        try:
            feed = Feed(self._database, await self._prepare(self._database), changes_max=self._changes_max)
        except BaseException:
            await self._database.close()
            raise
        self._feed = feed
        self._mirror = Mirror(self._database, self._codec, feed)
        self._writer = Writer(self._database, self._codec, self._changes_max, feed.offer, notify)
        resealer = Resealer(self._database, self._codec)
        loops = {"resource writer": self._writer.run, "resource feed": feed.run, "resealer": resealer.run}
        if self._database.is_shared:
            from eventing.store.listener import Listener  # PostgreSQL's driver, as in `open_database`

            loops["resource listener"] = Listener(self._url, feed.wake, self._hear).run
        self._tasks = [asyncio.create_task(supervise(name, run), name=name) for name, run in loops.items()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._database.close()

    async def version(self) -> str:
        """See the contract, as for all verbs."""
        return str(await self._database.read(read_version))

    async def get(self, key: Key) -> Object:
        """One statement."""
        row = await self._database.read(lambda connection: read_object(connection, key))
        if row is None:
            raise NotFound(f"{key} not found")
        return decoded(self._codec, row)

    async def list(
        self,
        group_kind: GroupKind,
        namespace: str | None = None,
        *,
        limit: int | None = None,
        continue_token: str = "",
    ) -> Listing:
        """The rows of one moment, decoded between other work."""
        rows, scan = await self._page(group_kind, namespace, limit, continue_token)
        items = tuple([item async for item in _decoded(rows)])
        return Listing(items, scan.resource_version, scan.continue_token, scan.remaining)

    async def scan(
        self,
        group_kind: GroupKind,
        namespace: str | None = None,
        *,
        limit: int | None = None,
        continue_token: str = "",
    ) -> Scan:
        """From memory, after one look at the database; a later page needs none while nothing changes."""
        return (await self._page(group_kind, namespace, limit, continue_token))[1]

    async def create(self, item: Object, *, dry_run: bool = False) -> Object:
        """The uid is random."""
        item, uid, now = copied(item), str(uuid.uuid4()), self._clock()
        return await self._do(lambda draft: copied(verb.create(draft, item, uid=uid, now=now)), dry_run=dry_run)

    async def update(self, item: Object, *, dry_run: bool = False) -> Object:
        """An object whose last finalizer leaves is returned as it was removed."""
        item, now = copied(item), self._clock()
        return await self._do(lambda draft: copied(verb.update(draft, item, now=now)), dry_run=dry_run)

    async def update_status(self, item: Object, *, dry_run: bool = False) -> Object:
        """Of `item` only what the contract names is read."""
        item = copied(item)
        return await self._do(lambda draft: copied(verb.update_status(draft, item)), dry_run=dry_run)

    async def update_statuses(self, items: Sequence[Object]) -> Written:
        """A few statements for each two hundred."""
        copies = []
        for some in sliced(items, _TURN_ITEMS):
            copies += [copied(item) for item in some]
            await asyncio.sleep(0)
        return await self._do(
            lambda draft: [copied(one) if isinstance(one, dict) else one for one in verb.update_statuses(draft, copies)]
        )

    async def delete(
        self,
        key: Key,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
        dry_run: bool = False,
    ) -> Object:
        """What the object owned has gone, or is marked, before this returns."""
        now = self._clock()
        return await self._do(
            lambda draft: copied(
                verb.delete(draft, key, uid=uid, resource_version=resource_version, propagation=propagation, now=now)
            ),
            dry_run=dry_run,
        )

    @asynccontextmanager
    async def watch(
        self, group_kind: GroupKind | None = None, *, namespace: str | None = None, since: str | None = None
    ) -> AsyncIterator[Changes]:
        """Any number of them cost one reader of the database, if they keep up."""
        bounds = await self._database.read(read_bounds)
        position = bounds[1] if since is None else _checked(position_of(since), bounds)
        yield Watcher(self._feed, self._codec, position, group_kind=group_kind, namespace=namespace)

    @property
    def leases(self) -> SqlLeases:
        """Those of the same database."""
        return SqlLeases(self._database)

    def under(self, lease: Lease) -> Self:
        """The same store, for who holds this lease: whoever lost it cannot write, every verb that writes raises
        LeaseLost.
        """
        fenced = copy.copy(self)
        fenced._lease = lease  # noqa: SLF001 - another door of the same store
        return fenced

    async def say(self, words: str) -> bool:
        """Tell that to whoever uses the database at this moment; nobody keeps it. False for more than 7999 bytes, which
        nobody is told, as where the database is this process's alone. Raises StoreUnavailable.
        """
        if not self._database.is_shared or len(words.encode()) > WORDS_SIZE_MAX_BYTES:
            return False
        await self._database.write(lambda connection: say(connection, words))
        return True

    def _hear(self, words: str) -> None:
        self.hear(words)

    async def _do(self, verb: Verb[T], *, dry_run: bool = False) -> T:
        return await self._writer.do(verb, dry_run=dry_run, lease=self._lease)

    async def _page(
        self, group_kind: GroupKind, namespace: str | None, limit: int | None, continue_token: str
    ) -> tuple[tuple[Row, ...], Scan]:
        """The rows, twice: as what they are, too."""
        page = page_of(continue_token, group_kind, namespace) if continue_token else None
        latest = self._feed.position
        if page is None or page.version != latest:
            bounds = await self._database.read(read_bounds)
            latest = bounds[1]
            _checked(latest if page is None else page.version, bounds)
        shelf = await self._mirror.shelf(group_kind, latest)
        rows, left = shelf.page(namespace, page, limit)
        shown = shelf.position if page is None else page.version
        if not left or not rows:
            return rows, Scan(rows, str(shown))
        last = Page(shown, rows[-1].key.namespace, rows[-1].key.name)
        return rows, Scan(rows, str(shown), token_of(last, group_kind, namespace), left)

    async def _prepare(self, database: Database) -> int:
        """Have the tables as they should be, and everything in them readable; return the version."""
        if database.is_shared:
            await database.read(schema.check)
        else:
            await database.write(schema.prepare)
        for key_id in await database.read(read_key_ids):
            self._codec.check(key_id)
        return await database.read(read_version)


def _keyring(file: Path) -> "Keyring":
    # Only who encrypts anything pays for the library.
    from eventing.store.cipher import read_keyring

    return read_keyring(file)


async def _decoded(rows: Iterable[Row]) -> AsyncIterator[Object]:
    size_bytes = 0
    for row in rows:
        size_bytes += row.size_bytes
        if size_bytes > _TURN_BYTES:
            size_bytes = 0
            await asyncio.sleep(0)
        yield row.item


def _checked(version: int, bounds: tuple[int, int]) -> int:
    """The version, if all changes since it are known. Raises Expired."""
    oldest, latest = bounds
    if not oldest <= version <= latest:
        raise Expired(f"changes since version {version} are not known; the store is at {latest}")
    return version
