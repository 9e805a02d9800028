"""What a kind is: its names, versions, columns, field trees and rules. Each kind's file holds one `Kind`, which
`catalogue` lists.

Source: Kubernetes' CustomResourceDefinition, whose fields these are. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from dispatcher.fault import FieldError
from eventing.resources.broker_default import SHIPPED, BrokerDefaults
from eventing.resources.channel_default import ChannelDefaults, channel_defaults_of
from eventing.resources.identity import GroupKind, Key, Object
from eventing.resources.schema import Node

_SHIPPED_CHANNEL: Final = channel_defaults_of("memory")
"""The value Knative is installed with."""


@dataclass(frozen=True, slots=True)
class Context:
    """What defaulting and validation may know besides the object: who asks, and the defaults of the server."""

    user: str = "admin"
    broker_defaults: BrokerDefaults = SHIPPED
    channel_defaults: ChannelDefaults = _SHIPPED_CHANNEL
    ping_data_size_max_bytes: int | None = None
    """The most data a PingSource may hold; None for no bound."""
    draw_uuid: Callable[[], UUID] = uuid4
    """Names what must be told apart from all that was before."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`: `path` is a JSONPath; a priority above 0 shows with `-o wide` only.

    Where no path can say what belongs there, `cell` makes it of the object; only core kinds, which have no CRD, may.
    """

    name: str
    path: str = ""
    type: str = "string"
    priority: int = 0
    description: str = ""
    cell: Callable[[Object], str] | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the `scale` subresource finds its numbers: JSONPaths into the object."""

    spec_replicas: str
    status_replicas: str
    selector: str = ""


def _leave(_item: Object, _context: Context) -> None:
    """Nothing is defaulted."""


Validation = Callable[[Object, Object | None, Context], list[FieldError]]
"""Everything wrong with an object: the new one, the old one in an update, and what is known of the server."""


def _accept(_item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    """Whatever fits the fields is valid."""
    return []


def _keep(item: Object, _old: Object | None = None) -> Object:
    """Nothing is converted."""
    return item


@dataclass(frozen=True, slots=True)
class Version:
    """A kind as one of its versions shows it.

    `fields` are those besides apiVersion, kind and metadata. `default` fills in, in place, what the user left out.
    `validate` takes a defaulted object of this version, and the stored one as this version shows it (None in a
    creation), and returns everything that is wrong. `to_stored` makes of an object of this version, and what is stored
    (None in a creation), the one to store, keeping what this version cannot say; `from_stored` goes the other way.
    Neither changes its arguments, and neither need care for `apiVersion`.
    """

    name: str
    fields: Mapping[str, Node]
    columns: tuple[Column, ...] = ()
    deprecation: str = ""
    """The warning for whoever uses it, empty where it is not deprecated."""
    default: Callable[[Object, Context], None] = _leave
    validate: Validation = _accept
    to_stored: Callable[[Object, Object | None], Object] = _keep
    from_stored: Callable[[Object], Object] = _keep


@dataclass(frozen=True)
class Kind:
    """The definition of a kind. `version`, `fields`, `columns`, `default` and `validate` are of the version that is
    stored, as in `Version`; `others` are served as well. One of them may have its name: it is what that version serves
    where more is stored than it shows.
    """

    group: str
    version: str
    name: str
    plural: str
    fields: Mapping[str, Node]
    description: str = ""
    others: tuple[Version, ...] = ()
    order: tuple[str, ...] = ()
    """The versions' names as a CustomResourceDefinition lists them; empty where there is one."""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the CRD: the ducks that clients look for."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the CRD."""
    columns: tuple[Column, ...] = ()
    is_namespaced: bool = True
    scale: Scale | None = None
    default: Callable[[Object, Context], None] = _leave
    validate: Validation = _accept

    @property
    def api_version(self) -> str:
        """`group/version` of what is stored, or the version alone in the core group."""
        return self.api_version_of(self.version)

    @property
    def group_kind(self) -> GroupKind:
        """What objects of this kind are found under."""
        return GroupKind(self.group, self.name)

    @property
    def singular(self) -> str:
        """The name in small letters, which commands take."""
        return self.name.lower()

    @property
    def resource(self) -> str:
        """`plural.group`, or the plural alone in the core group: how messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def is_knative(self) -> bool:
        """Knative's own kinds record who made and last changed them, in annotations of their group."""
        return self.group.endswith("knative.dev")

    @property
    def has_status(self) -> bool:
        """True where the status is a subresource, written apart."""
        return "status" in self.fields

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """All that are served, as a CustomResourceDefinition lists them."""
        stored = Version(self.version, self.fields, self.columns, default=self.default, validate=self.validate)
        found = {one.name: one for one in (stored, *self.others)}
        return tuple(found[name] for name in self.order or found)

    @property
    def served(self) -> "Served":
        """The kind in the version that is stored."""
        return Served(self, self.versions[[one.name for one in self.versions].index(self.version)])

    def find_version(self, name: str) -> Version | None:
        """The version of that name, None where it is not served."""
        return next((one for one in self.versions if one.name == name), None)

    def api_version_of(self, version: str) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{version}" if self.group else version

    def to_stored(self, item: Object, version: Version, old: Object | None = None) -> Object:
        """What to store for an object of that version, where `old` is stored."""
        return {**version.to_stored(item, old), "apiVersion": self.api_version}

    def from_stored(self, item: Object, version: Version) -> Object:
        """The stored object as that version shows it. Kubernetes counts no generations of core kinds, and ours have
        theirs for themselves.
        """
        shown = {**version.from_stored(item), "apiVersion": self.api_version_of(version.name)}
        if not self.group:
            shown["metadata"] = {name: value for name, value in shown["metadata"].items() if name != "generation"}
        return shown

    def key(self, namespace: str, name: str) -> Key:
        """The key of the object of that name."""
        return Key(self.group, self.name, namespace if self.is_namespaced else "", name)


class Served(NamedTuple):
    """A kind in one of its versions: what a path of the API leads to."""

    kind: Kind
    version: Version

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return self.kind.api_version_of(self.version.name)


READY_PATH: Final = '.status.conditions[?(@.type=="Ready")]'
"""Where kinds of Knative say whether they work."""
READY_COLUMNS: Final = (
    Column("Ready", f"{READY_PATH}.status"),
    Column("Reason", f"{READY_PATH}.reason"),
)
AGE_COLUMN: Final = Column("Age", ".metadata.creationTimestamp", "date")
URL_COLUMN: Final = Column("URL", ".status.address.url")
