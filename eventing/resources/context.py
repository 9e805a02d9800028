"""What admission may know of the server's own configuration, read from its ConfigMaps. Pure: seen through a lookup.

A ConfigMap that cannot be read is refused when it is written. One that is stored all the same, by a server that read it
differently, leaves things as they were and is told of: it must not keep everybody from writing anything.
Source: Knative's `config-br-defaults`, `default-ch-webhook` and `config-ping-defaults`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.broker_default import DEFAULTS_KEY, BrokerDefaults
from eventing.resources.channel_default import CHANNEL_DEFAULTS_DATA, CHANNEL_DEFAULTS_KEY, ChannelDefaults
from eventing.resources.document import MalformedDocument
from eventing.resources.identity import Key, Lookup, Object
from eventing.resources.kind import Context
from eventing.resources.ping_source import PING_DEFAULTS_KEY, PING_SIZE_DATA, parse_data_max_size

_ENTRIES: Final[Mapping[Key, tuple[str, str, Callable[[str], Any]]]] = {
    DEFAULTS_KEY: ("default-br-config", "broker_defaults", BrokerDefaults.parse),
    CHANNEL_DEFAULTS_KEY: (CHANNEL_DEFAULTS_DATA, "channel_defaults", ChannelDefaults.parse),
    PING_DEFAULTS_KEY: (PING_SIZE_DATA, "ping_data_size_max_bytes", parse_data_max_size),
}
CONTEXT_KEYS: Final = tuple(_ENTRIES)
"""The ConfigMaps that are read."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The context, and by ConfigMap why it could not be read: there the context is as it was."""

    context: Context
    faults: Mapping[Key, str]


def configure(context: Context, lookup: Lookup) -> Configuration:
    """That context with what the ConfigMaps say; what they do not say stays. Never raises."""
    found: dict[str, Any] = {}
    faults = {}
    for key, (_, name, _) in _ENTRIES.items():
        try:
            found.update((name, value) for value in _read(key, lookup(key)))
        except (MalformedDocument, ValueError) as error:
            faults[key] = str(error)
    return Configuration(replace(context, **found), faults)


def validate_configuration(item: Object) -> Iterator[FieldError]:
    """What is wrong with a ConfigMap that is one of them; others may say anything."""
    metadata = item["metadata"]
    key = Key("", "ConfigMap", metadata.get("namespace", ""), metadata.get("name", ""))
    if key in _ENTRIES:
        try:
            _read(key, item)
        except (MalformedDocument, ValueError) as error:
            yield FieldError(at("data", _ENTRIES[key][0]), f"invalid value: {shown(str(error))}")


def _read(key: Key, config_map: Object | None) -> list[Any]:
    """The value of its entry, where it has that."""
    entry, _, parse = _ENTRIES[key]
    data = (config_map or {}).get("data")
    text = data.get(entry) if isinstance(data, dict) else None
    return [parse(text)] if isinstance(text, str) else []
