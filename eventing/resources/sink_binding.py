"""SinkBinding: tells pods of a subject, in their environment, where to send events.

Source: Knative's sources.knative.dev/v1 SinkBinding: its CRD, defaulting, validation and the words of both. Pure.
"""

from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.duck import default_destination
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Kind
from eventing.resources.metadata import is_subdomain
from eventing.resources.schema import MISSING, record, string
from eventing.resources.selector import SELECTOR, validate_selector
from eventing.resources.source import SOURCE, SOURCE_COLUMNS, SOURCE_LABELS, SOURCE_STATUS, validate_source

CONDITIONS: Final = (
    "SinkBindingAvailable",
    "SinkProvided",
    "OIDCIdentityCreated",
    "OIDCTokenSecretCreated",
    "TrustBundlePropagated",
)
"""What a SinkBinding's Ready depends on."""
_SUBJECT: Final = record(
    {
        "apiVersion": string("Group and version of its kind."),
        "kind": string("Its kind: anything with a pod template in `spec.template`."),
        "namespace": string("The binding's own namespace."),
        "name": string("Its name; or else a selector."),
        "selector": SELECTOR.described("Which objects, by their labels."),
    },
    "Whose pods are told.",
)


def _default(item: Object, _context: Context) -> None:
    namespace, spec = item["metadata"]["namespace"], item.setdefault("spec", {})
    default_destination(spec.get("sink"), namespace)
    if "subject" in spec and not spec["subject"].get("namespace"):
        spec["subject"]["namespace"] = namespace


def _validate(item: Object, _old: Object | None, _context: Context) -> list[FieldError]:
    spec, namespace = item["spec"], item["metadata"]["namespace"]
    return [*_validate_subject(spec.get("subject", {}), namespace), *validate_source(spec)]


def _validate_subject(subject: Object, namespace: str) -> Iterator[FieldError]:
    path = "spec.subject"
    yield from (FieldError(at(path, name), MISSING) for name in ("apiVersion", "kind") if not subject.get(name))
    if subject.get("apiVersion", "").count("/") > 1:
        yield FieldError(at(path, "apiVersion"), f"invalid value: {shown(subject['apiVersion'])}")
    if (other := subject.get("namespace", namespace)) != namespace:
        yield FieldError(at(path, "namespace"), f"invalid value: {shown(other)}")
    given = [name for name in ("name", "selector") if subject.get(name) not in (None, "")]
    if len(given) != 1:
        reason = f"expected exactly one, got {'both' if given else 'neither'}"
        yield from (FieldError(at(path, name), reason) for name in ("name", "selector"))
    elif given == ["selector"]:
        yield from validate_selector(subject["selector"], at(path, "selector"))
    elif not is_subdomain(subject["name"]):
        yield FieldError(at(path, "name"), f"invalid value: {shown(subject['name'])}")


SINK_BINDING: Final = Kind(
    group="sources.knative.dev",
    version="v1",
    name="SinkBinding",
    plural="sinkbindings",
    description="Tells the pods of a subject, in `K_SINK`, where to send events.",
    categories=("all", "knative", "sources", "bindings"),
    labels={**SOURCE_LABELS, "duck.knative.dev/binding": "true"},
    columns=SOURCE_COLUMNS,
    fields={
        "spec": record({**SOURCE, "subject": _SUBJECT}, "What the user wants."),
        "status": record(
            {**SOURCE_STATUS, "oidcTokenSecretName": string("The Secret that holds the subject's token.")},
            "What there is.",
        ),
    },
    default=_default,
    validate=_validate,
)
