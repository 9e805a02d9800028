"""Resources as they were last seen, and who looked at which, so that a change is told to those it concerns. Pure."""

from collections.abc import Collection, Iterable, Mapping

from eventing.resources.identity import GroupKind, Key, Lookup, Object


class World:
    """Objects by key. A reader is an object whose meaning depends on others, as a Trigger's does on its Broker."""

    def __init__(self) -> None:
        self._items: dict[Key, Object] = {}
        self._seen: dict[Key, set[Key]] = {}
        self._readers: dict[Key, set[Key]] = {}

    def get(self, key: Key) -> Object | None:
        """The object of that key, None where there is none. It belongs to the world: read it, do not write it."""
        return self._items.get(key)

    def find(self, kinds: Collection[GroupKind]) -> list[Object]:
        """The objects of these kinds."""
        return [item for key, item in self._items.items() if key.group_kind in kinds] if kinds else []

    def put(self, key: Key, item: Object | None) -> None:
        """See one object as it is, or that it is gone (None)."""
        if item is None:
            self._items.pop(key, None)
        else:
            self._items[key] = item

    def replace(self, items: Mapping[Key, Object]) -> set[Key]:
        """See these objects and no others. Returns which are gone."""
        gone = self._items.keys() - items.keys()
        self._items = dict(items)
        return gone

    def read_as(self, reader: Key) -> Lookup:
        """A lookup that remembers for the reader what it is asked for, found or not, and nothing from before."""
        self.forget(reader)
        seen = self._seen[reader] = set()

        def look(key: Key) -> Object | None:
            seen.add(key)
            self._readers.setdefault(key, set()).add(reader)
            return self._items.get(key)

        return look

    def forget(self, reader: Key) -> None:
        """The reader depends on nothing any more."""
        for key in self._seen.pop(reader, ()):
            readers = self._readers[key]
            readers.discard(reader)
            if not readers:
                del self._readers[key]

    def readers(self, key: Key) -> set[Key]:
        """Those that looked at it, by their last reading."""
        return self._readers.get(key, set())

    def affected(self, changed: Iterable[Key]) -> set[Key]:
        """Those that changed, those that looked at them, and so on."""
        found = set(changed)
        edge = found
        while edge:
            edge = {reader for key in edge for reader in self._readers.get(key, ())} - found
            found = found | edge
        return found
