"""The shapes that kinds share: references, destinations, addresses, status. Fields, defaults, validation and views.

Source: Knative's duck types (knative.dev/pkg apis/duck/v1) and their messages. Pure.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from dispatcher.fault import FieldError, at, shown
from eventing.resources.identity import Key, Object, group_of
from eventing.resources.schema import INT64, MISSING, STRING, Node, array, mapping, record, string

REFERENCE: Final = record(
    {
        "apiVersion": string("Group and version of the object's kind, such as `eventing.knative.dev/v1`."),
        "kind": string("The object's kind."),
        "name": string("The object's name."),
        "namespace": string("The object's namespace. That of the object it stands in by default."),
    },
    "An object by name.",
)
DESTINATION: Final = record(
    {
        "ref": REFERENCE.described("An object that has an address: a Broker, a Channel, a Service."),
        "uri": string("An absolute URI, or with `ref` a path below the object's address."),
        "CACerts": string("Certificates in PEM that are trusted there besides the system's."),
        "audience": string("The audience of the tokens that are sent along."),
    },
    "Where events go: an address, an object that has one, or a path below that. `ref` or `uri` must be given.",
)
ADDRESS: Final = record(
    {
        "name": string("Which one it is, where there are several."),
        "url": string("The URL that events are POSTed to."),
        "CACerts": string("Certificates in PEM to trust there."),
        "audience": string("The audience of tokens for it."),
    },
    "An address.",
)
CONDITION: Final = record(
    {
        "type": string("What it is about. Ready sums up the others."),
        "status": string("True, False or Unknown."),
        "severity": string("Empty where Ready depends on it, else Info."),
        "reason": string("Why, in one word. Empty where all is well."),
        "message": string("Why, for people."),
        "lastTransitionTime": string("When it last changed, RFC 3339."),
    },
    "One thing that is known about the object.",
    required=("type", "status"),
)
STATUS: Final[dict[str, Node]] = {
    "observedGeneration": INT64.described("The `metadata.generation` that all this is about."),
    "conditions": array(CONDITION, "What is known about the object, by type.", list_type="map", list_keys=("type",)),
    "annotations": mapping(STRING, "More that there is to tell, by name."),
}
"""What the status of every kind of Knative has."""
DEAD_LETTER_SINK_STATUS: Final = {
    "deadLetterSinkUri": string("Where events go that could not be delivered."),
    "deadLetterSinkCACerts": string("Certificates in PEM to trust there."),
    "deadLetterSinkAudience": string("The audience of tokens for it."),
}
POLICIES: Final = array(
    record({"apiVersion": string("The policy's version."), "name": string("The policy's name.")}, "An EventPolicy."),
    "The EventPolicies that apply.",
)
ACCOUNTS: Final = record(
    {
        "serviceAccountName": string("The identity's service account."),
        "serviceAccountNames": array(STRING, "All of its service accounts."),
    },
    "The identity that a receiver is spoken to with.",
)
_NO_ABSOLUTE = "Absolute URI is not allowed when Ref or [apiVersion, kind, name] is present"
_NO_RELATIVE = "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is absent"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----")
_DER_SEQUENCE: Final = b"\x30"


@dataclass(frozen=True, slots=True)
class Reference:
    """An object by name, in some version of its kind."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, ref: Object, namespace: str = "") -> Self:
        """The view of a `ref`; `namespace` stands in where it names none."""
        api_version, kind, name = (ref.get(field, "") for field in ("apiVersion", "kind", "name"))
        return cls(api_version, kind, ref.get("namespace") or namespace, name)

    @property
    def key(self) -> Key:
        """The key of the object referred to, taken for namespaced."""
        return Key(group_of(self.api_version), self.kind, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go: an address (`uri`), an object, or a path below an object's address."""

    ref: Reference | None = None
    uri: str | None = None
    ca_certs: str | None = None
    audience: str | None = None

    @classmethod
    def of(cls, destination: Object, namespace: str) -> Self:
        """The view of a destination in an object of that namespace."""
        ref = destination.get("ref")
        return cls(
            Reference.of(ref, namespace) if ref else None,
            destination.get("uri"),
            destination.get("CACerts"),
            destination.get("audience"),
        )


def default_destination(destination: Any, namespace: str) -> None:
    """Let the reference of a destination, where there is one, point into the namespace of the object it stands in."""
    ref = destination.get("ref") if destination else None
    if ref and not ref.get("namespace"):
        ref["namespace"] = namespace


def validate_reference(ref: Object, path: str) -> Iterator[FieldError]:
    """A reference names an object by apiVersion, kind and name."""
    for name in ("apiVersion", "kind", "name"):
        if not ref.get(name):
            yield FieldError(at(path, name), MISSING)


def validate_destination(destination: Object, path: str) -> Iterator[FieldError]:
    """A destination has an absolute URI, or a reference and perhaps a relative URI; certificates are PEM."""
    ref, uri = destination.get("ref"), destination.get("uri")
    if ref is None and uri is None:
        yield from (FieldError(at(path, name), "expected at least one, got none") for name in ("ref", "uri"))
        return
    if ref is not None:
        yield from validate_reference(ref, at(path, "ref"))
    if uri is not None and ref is not None and _is_absolute(uri):
        yield from (FieldError(at(path, name), _NO_ABSOLUTE) for name in ("ref", "uri"))
    elif uri is not None and ref is None and not _is_absolute(uri):
        yield FieldError(at(path, "uri"), _NO_RELATIVE)
    elif uri is not None and not _is_usable(uri):
        yield FieldError(at(path, "uri"), f"invalid value: {shown(uri)}")
    if (certificates := destination.get("CACerts")) and not _is_pem(certificates):
        yield FieldError(at(path, "CACerts"), "invalid value: expected certificates in PEM")


def _is_absolute(uri: str) -> bool:
    return _ABSOLUTE.match(uri) is not None


def _is_usable(uri: str) -> bool:
    """True for what an HTTP request can be sent to, or for a path below that."""
    try:
        parts = urlsplit(uri)
        has_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return uri.isprintable() and " " not in uri and (has_address or not _is_absolute(uri))


def _is_pem(text: str) -> bool:
    blocks = _PEM.findall(text)
    return bool(blocks) and not _PEM.sub("", text).strip() and all(map(_is_der, blocks))


def _is_der(block: str) -> bool:
    try:
        return base64.b64decode("".join(block.split()), validate=True).startswith(_DER_SEQUENCE)
    except binascii.Error:
        return False
