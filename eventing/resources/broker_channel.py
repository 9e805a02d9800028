"""Which engine a Broker's events rest in. Pure: its ConfigMap and Secret are seen through a lookup.

Source: Knative's multi-tenant Broker: the class annotation, the ConfigMap's `channel-template-spec`, the words of its
errors. What a Broker of class Kafka says is read by `kafka_config`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from eventing.errors import InvalidResource, ResolutionError
from eventing.resources.admission import admit
from eventing.resources.broker import KAFKA_CLASS, Broker
from eventing.resources.broker_default import DEFAULT_CHANNEL_KEY, DEFAULT_CLASS
from eventing.resources.channel_engine import KINDS, channel_engine, default_engine
from eventing.resources.child_name import child_name
from eventing.resources.document import MalformedDocument, read_yaml
from eventing.resources.duck import Reference
from eventing.resources.engine import CHANNEL_TYPES, Engine, EngineDefaults
from eventing.resources.identity import Lookup, Object
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.journal_channel import JOURNAL_CHANNEL
from eventing.resources.kafka_channel import KAFKA_CHANNEL
from eventing.resources.kafka_config import broker_engine
from eventing.resources.kind import Context, Kind, Served
from eventing.resources.redis_stream_channel import REDIS_STREAM_CHANNEL

TEMPLATE_FAILED: Final = "ChannelTemplateFailed"
CLASS_NOT_AVAILABLE: Final = "BrokerClassNotAvailable"
CHILD_SUFFIX: Final = "-kne-trigger"
"""What Knative calls the channel of a Broker, after the Broker's name. Here only its topic is named so."""
_TEMPLATE_KEYS: Final = ("channel-template-spec", "channelTemplateSpec")


def _versions(*kinds: Kind) -> Iterator[tuple[tuple[str, str], Served]]:
    for kind in kinds:
        for version in kind.versions:
            served = Served(kind, version)
            yield (served.api_version, kind.name), served


_SERVED: Final[Mapping[tuple[str, str], Served]] = dict(
    _versions(IN_MEMORY_CHANNEL, JOURNAL_CHANNEL, REDIS_STREAM_CHANNEL, KAFKA_CHANNEL)
)


def choose_channel(broker: Broker, lookup: Lookup, defaults: EngineDefaults) -> Engine:
    """The engine of a Broker; the default one where neither the Broker nor its ConfigMap asks for another.

    The ConfigMap that Knative is installed with need not exist. Raises ResolutionError with what TriggerChannelReady
    shows, or for a Broker of class Kafka ConfigParsed.
    """
    chosen = broker.config
    if broker.broker_class == KAFKA_CLASS:
        return broker_engine(broker, lookup, defaults)
    if broker.broker_class != DEFAULT_CLASS:
        message = (
            f"Broker class {broker.broker_class!r} is not available in this server; "
            f"use {DEFAULT_CLASS} or {KAFKA_CLASS}"
        )
        raise ResolutionError(CLASS_NOT_AVAILABLE, message)
    namespace, channel = broker.key.namespace, child_name(broker.key.name, CHILD_SUFFIX)
    if chosen is None:
        return default_engine(namespace, channel, lookup, defaults)
    if (chosen.kind, chosen.api_version) != ("ConfigMap", "v1"):
        raise _failed("Broker.Spec.Config configuration not supported, only [kind: ConfigMap, apiVersion: v1]")
    item = lookup(chosen.key)
    if item is None and chosen.key == DEFAULT_CHANNEL_KEY:
        return default_engine(namespace, channel, lookup, defaults)
    served, template = _read(_template(item, chosen))
    spec = _admitted(served, namespace, channel, template)
    return channel_engine(KINDS[served.kind.group_kind], namespace, channel, spec, lookup, defaults)


def _template(item: Object | None, config: Reference) -> str:
    if item is None:
        raise _failed(f'configmap "{config.name}" not found')
    data = item.get("data", {})
    text: str | None = next((data[key] for key in _TEMPLATE_KEYS if data.get(key)), None)
    if text is None:
        raise _failed("empty or missing value for config")
    return text


def _read(text: str) -> tuple[Served, Mapping[str, Any]]:
    """The kind that the template names, and the template."""
    try:
        documents = read_yaml(text)
    except MalformedDocument as error:
        raise _failed(f"ConfigMap's value could not be converted to JSON. yaml: {error}, {text}") from error
    template = documents[0].value if documents else None
    if not isinstance(template, dict) or not isinstance(template.get("spec", {}), dict):
        raise _failed("the value must be a map of apiVersion, kind and spec")
    api_version, kind = template.get("apiVersion"), template.get("kind")
    served = _SERVED.get((str(api_version), str(kind)))
    if served is None:
        known = ", ".join(f"{name} ({version})" for version, name in CHANNEL_TYPES.values())
        raise _failed(f"the server has no channel of kind {kind} in {api_version}; it has {known}")
    return served, template


def _admitted(served: Served, namespace: str, channel: str, template: Mapping[str, Any]) -> Object:
    """The `spec` as it would be stored, were there such a channel: with its defaults, and its rules obeyed."""
    item = {
        "apiVersion": served.api_version,
        "kind": served.kind.name,
        "metadata": {"name": channel, "namespace": namespace},
        "spec": template.get("spec", {}),
    }
    try:
        spec: Object = admit(served, item, context=Context(), is_strict=False).item["spec"]
    except InvalidResource as error:
        raise _failed(str(error)) from error
    return spec


def _failed(message: str) -> ResolutionError:
    return ResolutionError(TEMPLATE_FAILED, f"Error on setting up the ChannelTemplate: {message}")
