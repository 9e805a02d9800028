"""Every kind the server has, in an order in which objects can be created. A kind is one file and a line here. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from eventing.resources.broker import BROKER
from eventing.resources.core import CONFIG_MAP, NAMESPACE, SECRET, SERVICE
from eventing.resources.identity import GroupKind, group_of
from eventing.resources.kind import Kind
from eventing.resources.trigger import TRIGGER

KINDS: Final = (NAMESPACE, SECRET, CONFIG_MAP, SERVICE, BROKER, TRIGGER)


class Catalogue:
    """Kinds by group and name, and their order."""

    def __init__(self, kinds: Iterable[Kind] = KINDS) -> None:
        self._kinds = {kind.group_kind: kind for kind in kinds}
        self._ranks = {group_kind: rank for rank, group_kind in enumerate(self._kinds)}

    def find(self, api_version: str, name: str) -> Kind | None:
        """The kind served under that version, None where there is none."""
        kind = self._kinds.get(GroupKind(group_of(api_version), name))
        return kind if kind is not None and kind.api_version == api_version else None

    def rank(self, group_kind: GroupKind) -> int:
        """Its place in the order of creation; deletion goes the other way."""
        return self._ranks[group_kind]

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())
