"""Which channel a Broker's events rest in. Pure: its ConfigMap is seen through a lookup.

Source: Knative's multi-tenant Broker: the class annotation, the ConfigMap's `channel-template-spec`, the words of its
errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from eventing.errors import ResolutionError
from eventing.resources.broker import Broker
from eventing.resources.broker_default import DEFAULT_CHANNEL_KEY, DEFAULT_CLASS
from eventing.resources.document import MalformedDocument, read_yaml
from eventing.resources.duck import Reference
from eventing.resources.identity import Lookup, Object

Engine = Literal["journal", "memory"]
TEMPLATE_FAILED: Final = "ChannelTemplateFailed"
CLASS_NOT_AVAILABLE: Final = "BrokerClassNotAvailable"
_TEMPLATE_KEYS: Final = ("channel-template-spec", "channelTemplateSpec")
CHANNEL_TYPES: Final[Mapping[Engine, tuple[str, str]]] = {
    "memory": ("messaging.knative.dev/v1", "InMemoryChannel"),
    "journal": ("messaging.knative.dev/v1alpha1", "JournalChannel"),
}
"""The apiVersion and kind of a channel of each engine."""
_ENGINES: Final = {names: engine for engine, names in CHANNEL_TYPES.items()}


@dataclass(frozen=True, slots=True)
class BrokerChannel:
    """The engine, and the `spec` that the template gives its channel."""

    engine: Engine
    spec: Mapping[str, Any] = field(default_factory=dict)


def choose_channel(broker: Broker, lookup: Lookup, *, default: Engine) -> BrokerChannel:
    """The channel of a Broker; `default` where neither the Broker nor its ConfigMap asks for one.

    The ConfigMap that Knative is installed with need not exist. Raises ResolutionError with what TriggerChannelReady
    shows.
    """
    if broker.broker_class != DEFAULT_CLASS:
        message = f"Broker class {broker.broker_class!r} is not available in this server; use {DEFAULT_CLASS}"
        raise ResolutionError(CLASS_NOT_AVAILABLE, message)
    if broker.config is None:
        return BrokerChannel(default)
    if (broker.config.kind, broker.config.api_version) != ("ConfigMap", "v1"):
        raise _failed("Broker.Spec.Config configuration not supported, only [kind: ConfigMap, apiVersion: v1]")
    item = lookup(broker.config.key)
    if item is None and broker.config.key == DEFAULT_CHANNEL_KEY:
        return BrokerChannel(default)
    return _from_template(_template(item, broker.config))


def _template(item: Object | None, config: Reference) -> str:
    if item is None:
        raise _failed(f'configmap "{config.name}" not found')
    data = item.get("data", {})
    text: str | None = next((data[key] for key in _TEMPLATE_KEYS if data.get(key)), None)
    if text is None:
        raise _failed("empty or missing value for config")
    return text


def _from_template(text: str) -> BrokerChannel:
    try:
        documents = read_yaml(text)
    except MalformedDocument as error:
        raise _failed(f"ConfigMap's value could not be converted to JSON. yaml: {error}, {text}") from error
    template = documents[0].value if documents else None
    if not isinstance(template, dict) or not isinstance(template.get("spec", {}), dict):
        raise _failed("the value must be a map of apiVersion, kind and spec")
    api_version, kind = template.get("apiVersion"), template.get("kind")
    engine = _ENGINES.get((str(api_version), str(kind)))
    if engine is None:
        known = ", ".join(f"{name} ({version})" for version, name in _ENGINES)
        raise _failed(f"the server has no channel of kind {kind} in {api_version}; it has {known}")
    return BrokerChannel(engine, template.get("spec", {}))


def _failed(message: str) -> ResolutionError:
    return ResolutionError(TEMPLATE_FAILED, f"Error on setting up the ChannelTemplate: {message}")
