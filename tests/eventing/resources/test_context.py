"""Admission's context, read from ConfigMaps."""

import pytest

from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.broker_default import DEFAULTS_KEY
from eventing.resources.channel_default import CHANNEL_DEFAULTS_KEY, channel_defaults_of
from eventing.resources.context import CONTEXT_KEYS, configure
from eventing.resources.core import CONFIG_MAP
from eventing.resources.identity import Key, Object
from eventing.resources.kind import Context
from eventing.resources.ping_source import PING_DEFAULTS_KEY

BASE = Context("somebody", channel_defaults=channel_defaults_of("journal"), ping_data_size_max_bytes=7)
TEXTS = {
    DEFAULTS_KEY: ("default-br-config", "clusterDefault: {brokerClass: Wide}"),
    CHANNEL_DEFAULTS_KEY: ("default-ch-config", "clusterDefault: {apiVersion: a/v1, kind: Wide}"),
    PING_DEFAULTS_KEY: ("data-max-size", "4"),
}


def config_map(key: Key, text: str) -> Object:
    return {"data": {TEXTS[key][0]: text}}


def test_config_maps_say_what_objects_get() -> None:
    """Each in its own words; who asks stays who asks."""
    objects = {key: config_map(key, text) for key, (_, text) in TEXTS.items()}
    context = configure(BASE, objects.get).context
    assert set(CONTEXT_KEYS) == set(TEXTS)
    assert context.user == "somebody"
    assert context.broker_defaults.class_of("demo") == "Wide"
    assert context.channel_defaults.template("demo") == {"apiVersion": "a/v1", "kind": "Wide"}
    assert context.ping_data_size_max_bytes == 4


def test_what_nobody_says_stays() -> None:
    """Neither a missing ConfigMap, nor one without data or without the entry, changes anything."""
    for lookup in ({}, {DEFAULTS_KEY: {}, CHANNEL_DEFAULTS_KEY: {"data": {}}, PING_DEFAULTS_KEY: {"data": []}}):
        configured = configure(BASE, lookup.get)
        assert (configured.context, configured.faults) == (BASE, {})


def test_what_cannot_be_read_is_told_and_stays() -> None:
    """Each ConfigMap for itself: the others are read."""
    objects = {key: config_map(key, "[") for key in TEXTS} | {PING_DEFAULTS_KEY: config_map(PING_DEFAULTS_KEY, "5")}
    configured = configure(BASE, objects.get)
    assert set(configured.faults) == {DEFAULTS_KEY, CHANNEL_DEFAULTS_KEY}
    assert configured.context.channel_defaults == channel_defaults_of("journal")
    assert configured.context.ping_data_size_max_bytes == 5
    assert PING_DEFAULTS_KEY in configure(BASE, {PING_DEFAULTS_KEY: config_map(PING_DEFAULTS_KEY, "x")}.get).faults


@pytest.mark.parametrize("key", TEXTS, ids=lambda key: key.name)
def test_what_cannot_be_read_is_refused(key: Key) -> None:
    """By its name in the system namespace; elsewhere it is a ConfigMap like any other."""

    def given(name: str, namespace: str, text: str) -> Object:
        metadata = {"name": name, "namespace": namespace}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **config_map(key, text)}

    with pytest.raises(InvalidResource) as caught:
        admit(CONFIG_MAP.served, given(key.name, key.namespace, "["), context=Context())
    assert [error.path for error in caught.value.errors] == [f"data.{TEXTS[key][0]}"]
    good = given(key.name, key.namespace, TEXTS[key][1])
    for item in (good, given("other", key.namespace, "["), given(key.name, "demo", "[")):
        assert admit(CONFIG_MAP.served, item, context=Context()).item == item
