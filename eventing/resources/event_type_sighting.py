"""From a type of event that was sighted to the EventType that tells of it.

Source: Knative's auto-created EventTypes (pkg/eventtype): their names, owners and attributes. Pure.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from dispatcher.sighting import Sighting
from eventing.resources.identity import Object

API_VERSION: Final = "eventing.knative.dev/v1beta3"
DESCRIPTION: Final = "Event Type auto-created by controller"
NAME_MAX: Final = 253
"""Of an object (RFC 1123 subdomain)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose events they are: the Broker or Channel that they came to, or the Trigger or Subscription that they are
    replies for. The EventType goes with it.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


def event_type_of(sighting: Sighting, owner: Owner) -> Object:
    """The EventType to create, unless there is one of its name."""
    return {
        "apiVersion": API_VERSION,
        "kind": "EventType",
        "metadata": {
            "name": event_type_name(sighting, owner),
            "namespace": owner.namespace,
            "ownerReferences": [
                {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
            ],
        },
        "spec": {
            "reference": {
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "name": owner.name,
                "namespace": owner.namespace,
            },
            "description": DESCRIPTION,
            "attributes": [
                {"name": "type", "value": sighting.type, "required": True},
                {"name": "source", "value": sighting.source, "required": True},
                {"name": "schemadata", "value": sighting.dataschema, "required": True},
                {"name": "specversion", "value": sighting.specversion, "required": True},
                {"name": "id", "required": True},
            ],
        },
    }


def event_type_name(sighting: Sighting, owner: Owner) -> str:
    """The same for the same type, source and owner. Of an owner's name that is too long the end is left out, not of the
    digest.
    """
    words = f"{sighting.type}{sighting.source}{owner.namespace}{owner.name}"
    digest = hashlib.md5(words.encode(), usedforsecurity=False).hexdigest()
    room = NAME_MAX - len(f"et--{digest}")
    return f"et-{owner.name[:room].rstrip('-.')}-{digest}"
