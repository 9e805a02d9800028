"""What a Broker gets that says nothing: the ConfigMap `config-br-defaults`, by namespace and class. Pure.

Source: Knative's `default-br-config`. A namespace's entry for a class comes before the cluster's entry for it, and the
cluster's default is what is left. Unlike Knative, which copies four fields of a delivery, all of it is taken.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from eventing.resources.delivery import DELIVERY
from eventing.resources.document import MalformedDocument, read_yaml
from eventing.resources.duck import REFERENCE
from eventing.resources.identity import Key, Object
from eventing.resources.schema import BOOLEAN, STRING, fit, mapping, record

DEFAULT_CLASS: Final = "MTChannelBasedBroker"
SYSTEM_NAMESPACE: Final = "knative-eventing"
DEFAULTS_KEY: Final = Key("", "ConfigMap", SYSTEM_NAMESPACE, "config-br-defaults")
DEFAULT_CHANNEL_KEY: Final = Key("", "ConfigMap", SYSTEM_NAMESPACE, "config-br-default-channel")
_ENTRY: Final = {**REFERENCE.properties, "delivery": DELIVERY}
_DEFAULT: Final = record(
    {
        **_ENTRY,
        "brokerClass": STRING,
        "brokerClasses": mapping(record(_ENTRY)),
        "disallowDifferentNamespaceConfig": BOOLEAN,
    }
)
_DEFAULTS: Final = record(
    {"clusterDefault": _DEFAULT, "namespaceDefaults": mapping(_DEFAULT)}, required=("clusterDefault",)
)
_SHIPPED: Final = {
    "brokerClass": DEFAULT_CLASS,
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "name": DEFAULT_CHANNEL_KEY.name,
    "namespace": SYSTEM_NAMESPACE,
    "delivery": {"retry": 10, "backoffPolicy": "exponential", "backoffDelay": "PT0.2S"},
}


@dataclass(frozen=True, slots=True)
class BrokerDefaults:
    """`default-br-config`, decoded: the cluster's default and those of namespaces that have their own."""

    cluster: Mapping[str, Any]
    namespaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The defaults in the text of `default-br-config`. Raises MalformedDocument."""
        documents = read_yaml(text)
        fitted = fit(documents[0].value if documents else None, _DEFAULTS)
        if fitted.errors:
            raise MalformedDocument(1, f"default-br-config: {fitted.errors[0]}")
        return cls(fitted.value["clusterDefault"], fitted.value.get("namespaceDefaults", {}))

    def class_of(self, namespace: str) -> str:
        """The class of a Broker that names none."""
        entry = self.namespaces.get(namespace, {})
        return str(entry.get("brokerClass") or self.cluster.get("brokerClass") or DEFAULT_CLASS)

    def config(self, namespace: str, broker_class: str) -> Object | None:
        """The `spec.config` of a Broker that has none."""
        entry = self._entry(namespace, broker_class)
        return {name: entry[name] for name in REFERENCE.properties if entry.get(name)} or None

    def delivery(self, namespace: str, broker_class: str) -> Object | None:
        """The `spec.delivery` of a Broker that has none."""
        return copy.deepcopy(self._entry(namespace, broker_class).get("delivery"))

    def forbids_foreign_config(self, namespace: str) -> bool:
        """True where a Broker may refer to objects of its own namespace only."""
        own = self.namespaces.get(namespace, {}).get("disallowDifferentNamespaceConfig")
        return bool(self.cluster.get("disallowDifferentNamespaceConfig") if own is None else own)

    def _entry(self, namespace: str, broker_class: str) -> Mapping[str, Any]:
        for defaults in (self.namespaces.get(namespace, {}), self.cluster):
            by_class: Mapping[str, Mapping[str, Any]] = defaults.get("brokerClasses", {})
            if broker_class in by_class:
                return by_class[broker_class]
            if defaults.get("brokerClass") == broker_class and defaults.get("name"):
                return defaults
        return self.cluster


SHIPPED: Final = BrokerDefaults(_SHIPPED)
"""The values Knative is installed with."""
