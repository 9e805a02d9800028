"""The objects that a configuration is made of: those in files, or those that a server has stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from eventing.manifest import ManifestError, read
from eventing.resources.admission import admit
from eventing.resources.catalogue import Catalogue
from eventing.resources.context import configure
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import Context


@dataclass(frozen=True, slots=True)
class Inventory:
    """Objects as they are, or would be, stored; `faults` are what keeps files from being applied, line by line."""

    items: Sequence[Object] = ()
    faults: Sequence[str] = ()

    @classmethod
    def of_files(cls, paths: Sequence[Path]) -> Self:
        """What `serve -f` would apply. Files that are at fault hold nothing."""
        try:
            documents = read(paths, catalogue=Catalogue())
        except ManifestError as error:
            return cls(faults=error.lines)
        context = configure(Context(), {document.key: document.item for document in documents}.get).context
        return cls([admit(document.served, document.item, context=context).item for document in documents])

    def find(self, key: Key) -> Object | None:
        """The object of that key."""
        return next((item for item in self.items if key_of(item) == key), None)
