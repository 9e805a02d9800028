"""What a Channel gets that names no template: the ConfigMap `default-ch-webhook`, by namespace. Pure.

Source: Knative's `default-ch-config`. A namespace's entry comes before the cluster's.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from eventing.resources.broker_default import SYSTEM_NAMESPACE
from eventing.resources.document import MalformedDocument, read_yaml
from eventing.resources.engine import CHANNEL_TYPES, EngineName
from eventing.resources.identity import Key, Object
from eventing.resources.schema import OPEN, STRING, fit, mapping, record

CHANNEL_DEFAULTS_KEY: Final = Key("", "ConfigMap", SYSTEM_NAMESPACE, "default-ch-webhook")
CHANNEL_DEFAULTS_DATA: Final = "default-ch-config"
"""The ConfigMap's entry that holds them."""
CHANNEL_TEMPLATE: Final = record(
    {
        "apiVersion": STRING.described("Group and version of the channel's kind."),
        "kind": STRING.described("The channel's kind."),
        "spec": OPEN.described("The channel's `spec`."),
    },
    "The channel that is created: its kind, and what its spec holds beside subscribers.",
)
_DEFAULTS: Final = record({"clusterDefault": CHANNEL_TEMPLATE, "namespaceDefaults": mapping(CHANNEL_TEMPLATE)})


@dataclass(frozen=True, slots=True)
class ChannelDefaults:
    """`default-ch-config`, decoded: the cluster's template, and those of namespaces that have their own."""

    cluster: Mapping[str, Any] | None = None
    namespaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The defaults in the text of `default-ch-config`. Raises MalformedDocument."""
        documents = read_yaml(text)
        fitted = fit(documents[0].value if documents else None, _DEFAULTS)
        if fitted.errors:
            raise MalformedDocument(1, f"{CHANNEL_DEFAULTS_DATA}: {fitted.errors[0]}")
        return cls(fitted.value.get("clusterDefault"), fitted.value.get("namespaceDefaults", {}))

    def template(self, namespace: str) -> Object | None:
        """The `spec.channelTemplate` of a Channel that has none; None where it must name one."""
        found = self.namespaces.get(namespace, self.cluster)
        return copy.deepcopy(dict(found)) if found else None


def channel_defaults_of(engine: EngineName) -> ChannelDefaults:
    """The value of a server whose channels are of that engine unless somebody says otherwise. Knative is installed with
    that of `memory`.
    """
    api_version, kind = CHANNEL_TYPES[engine]
    return ChannelDefaults({"apiVersion": api_version, "kind": kind})
