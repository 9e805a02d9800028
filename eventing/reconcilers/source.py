"""Sources of every kind: their sinks, resolved, and EventTypes of what they send. This server runs no adapters, and
each source says so.

Source: the conditions and reasons of Knative's source controllers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eventing.errors import ResolutionError
from eventing.reconcilers.status import NO_IDENTITY, Draft
from eventing.reconcilers.turn import INTERNAL_ERROR, Turn
from eventing.resources import (
    api_server_source,
    container_source,
    github_source,
    kafka_source,
    ping_source,
    sink_binding,
)
from eventing.resources.admission import admit
from eventing.resources.api_server_source import API_SERVER_SOURCE
from eventing.resources.container_source import CONTAINER_SOURCE
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.github_source import GITHUB_SOURCE
from eventing.resources.identity import GroupKind, Key, Lookup, Object
from eventing.resources.kafka_source import KAFKA_SOURCE
from eventing.resources.kind import Context, Kind, Served
from eventing.resources.ping_source import PING_EVENT_TYPE, PING_SOURCE
from eventing.resources.sink_binding import SINK_BINDING
from eventing.resources.source import Source
from eventing.resources.source_event_type import source_event_types
from eventing.resources.subscribable import CONTROLLER
from eventing.specification import Sinks
from eventing.world import World

UNAVAILABLE: Final = "DeploymentUnavailable"
"""Knative's reason for a source whose adapter does not run."""
SUBJECT_MISSING: Final = "SubjectMissing"
"""Knative's reason for a binding whose subject is not there."""
_NO_ADAPTERS: Final = "this server runs no adapters: no events come from this source"
_NO_SUBJECTS: Final = "this server runs no pods: there is nothing to bind"
_NOT_FOUND: Final = ("NotFound", "", "SinkNotFound")
_NOT_ADDRESSABLE: Final = ("NoAddressable", "Addressable could not be extracted from destination: ", INTERNAL_ERROR)
_EVENT_TYPE: Final = Served(EVENT_TYPE, next(one for one in EVENT_TYPE.versions if one.name == "v1beta2"))


@dataclass(frozen=True, slots=True)
class _Role:
    """What a kind's conditions are called. `missing` is for a sink that is not there: reason, how the message begins,
    and the reason of the Event.
    """

    kind: Kind
    conditions: tuple[str, ...]
    work: str
    """Which condition says whether somebody does the source's work."""
    sink: str = "SinkProvided"
    missing: tuple[str, str, str] = _NOT_FOUND
    idle: tuple[str, str] = (UNAVAILABLE, _NO_ADAPTERS)
    """Why nobody does its work."""


_ROLES: Final[Mapping[GroupKind, _Role]] = {
    role.kind.group_kind: role
    for role in (
        _Role(PING_SOURCE, ping_source.CONDITIONS, "Deployed"),
        _Role(API_SERVER_SOURCE, api_server_source.CONDITIONS, "Deployed"),
        _Role(
            CONTAINER_SOURCE,
            container_source.CONDITIONS,
            "ReceiveAdapterReady",
            sink="SinkBindingReady",
            missing=_NOT_ADDRESSABLE,
        ),
        _Role(
            SINK_BINDING,
            sink_binding.CONDITIONS,
            "SinkBindingAvailable",
            missing=_NOT_ADDRESSABLE,
            idle=(SUBJECT_MISSING, _NO_SUBJECTS),
        ),
        _Role(KAFKA_SOURCE, kafka_source.CONDITIONS, "ConsumerGroup"),
        _Role(GITHUB_SOURCE, github_source.CONDITIONS, "WebhookConfigured"),
    )
}
KINDS: Final = tuple(_ROLES)
_WITHOUT_IDENTITIES: Final = ("OIDCIdentityCreated", "OIDCTokenSecretCreated")
"""What is True where nobody is asked who they are."""


class SourceReconciler:
    """One source at a time, of any kind."""

    def __init__(self, *, world: World, sinks: Sinks) -> None:
        self._world = world
        self._sinks = sinks

    def reconcile(self, key: Key, turn: Turn) -> None:
        """Find its sink, and say so."""
        item = self._world.get(key)
        if item is None:
            self._world.forget(key)
            return
        role, lookup = _ROLES[key.group_kind], self._world.read_as(key)
        draft = Draft(item, role.conditions, turn.now)
        _mark_features(draft, role)
        missing = self._mark_sink(draft, role, Source.of(item), lookup)
        if missing is None:
            draft.mark(role.work, "False", *role.idle)
            _put_attributes(draft, key)
        turn.finish(draft, reason=missing)
        for wanted in source_event_types(role.kind, item, draft.status.get("ceAttributes", ())):
            _keep_event_type(item, wanted, lookup, turn)

    def _mark_sink(self, draft: Draft, role: _Role, view: Source, lookup: Lookup) -> str | None:
        """What was found of its sink; the reason of the Event where that is not there."""
        try:
            uri = self._sinks.locate(view.sink, lookup)
        except (ResolutionError, ValueError) as error:
            reason, words, told = role.missing
            draft.put("sinkUri", None)
            draft.mark(role.sink, "False", reason, f"{words}{error}")
            return told
        draft.put("sinkUri", uri)
        draft.put("sinkCACerts", view.sink.ca_certs)
        draft.put("sinkAudience", view.sink.audience)
        draft.mark(role.sink)
        return None


def _mark_features(draft: Draft, role: _Role) -> None:
    for name in _WITHOUT_IDENTITIES:
        if name in role.conditions:
            draft.mark(name, "True", NO_IDENTITY)
    if "TrustBundlePropagated" in role.conditions:
        draft.mark("TrustBundlePropagated")


def _put_attributes(draft: Draft, key: Key) -> None:
    """What it sends, where that is known without an adapter."""
    if key.group_kind == PING_SOURCE.group_kind:
        source = f"/apis/v1/namespaces/{key.namespace}/pingsources/{key.name}"
        draft.put("ceAttributes", [{"type": PING_EVENT_TYPE, "source": source}])


def _keep_event_type(owner: Object, wanted: Object, lookup: Lookup, turn: Turn) -> None:
    """Have it made, or changed, where it is not so."""
    metadata = wanted["metadata"]
    old = lookup(EVENT_TYPE.key(metadata["namespace"], metadata["name"]))
    given = wanted if old is None else {**EVENT_TYPE.from_stored(old, _EVENT_TYPE.version), "spec": wanted["spec"]}
    item = admit(_EVENT_TYPE, given, old=old, context=Context(CONTROLLER), is_strict=False).item
    if old is None:
        turn.create(owner, item)
    elif old["spec"] != item["spec"]:
        turn.update(old, item)
