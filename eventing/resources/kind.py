"""What a kind is: its names, columns, field tree and rules. Each kind's file holds one `Kind`; `catalogue` lists them.

Source: Kubernetes' CustomResourceDefinition, whose fields these are. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dispatcher.fault import FieldError
from eventing.resources.broker_default import SHIPPED, BrokerDefaults
from eventing.resources.identity import GroupKind, Key, Object
from eventing.resources.schema import Node


@dataclass(frozen=True, slots=True)
class Context:
    """What defaulting and validation may know besides the object: who asks, and the defaults of the server."""

    user: str = "admin"
    broker_defaults: BrokerDefaults = SHIPPED


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`: `path` is a JSONPath; a priority above 0 shows with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


def _leave(_item: Object, _context: Context) -> None:
    """Nothing is defaulted."""


def _accept(_item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    """Whatever fits the fields is valid."""
    return []


@dataclass(frozen=True, slots=True)
class Kind:
    """The definition of a kind.

    `fields` are those besides apiVersion, kind and metadata. `default` fills in, in place, what the user left out.
    `validate` takes a defaulted object, and the stored one (None in a creation), and returns everything that is wrong.
    """

    group: str
    version: str
    name: str
    plural: str
    fields: Mapping[str, Node]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the CRD: the ducks that clients look for."""
    columns: tuple[Column, ...] = ()
    is_namespaced: bool = True
    default: Callable[[Object, Context], None] = _leave
    validate: Callable[[Object, Object | None, Context], list[FieldError]] = _accept

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> GroupKind:
        """What objects of this kind are found under."""
        return GroupKind(self.group, self.name)

    @property
    def is_knative(self) -> bool:
        """Knative's own kinds record who made and last changed them, in annotations of their group."""
        return self.group.endswith("knative.dev")

    def key(self, namespace: str, name: str) -> Key:
        """The key of the object of that name."""
        return Key(self.group, self.name, namespace if self.is_namespaced else "", name)
