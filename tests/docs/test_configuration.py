from eventing.resources.broker import EXTERNAL_TOPIC_ANNOTATION, SIZE_ANNOTATION
from eventing.resources.broker_default import SYSTEM_NAMESPACE
from eventing.resources.catalogue import Catalogue
from eventing.resources.context import CONTEXT_KEYS
from eventing.resources.kafka_config import (
    BROKER_CONFIG_KEY,
    CHANNEL_CONFIG_KEY,
    CONFIG_KEYS,
    TOPIC_CONFIG_PREFIX,
)
from eventing.resources.login import MECHANISMS, PROTOCOLS
from eventing.resources.retention import RETENTION_ANNOTATION
from eventing.resources.trigger_manner import (
    CONCURRENCY_ANNOTATION,
    ORDER_ANNOTATIONS,
    ORDER_BY_ANNOTATION,
    PAUSED_ANNOTATION,
    RATE_ANNOTATION,
    START_ANNOTATION,
)
from eventing.settings import Settings
from tests.docs.page import code, first_column, page, rows, section

PAGE = page("docs/configuration.md")


def test_every_setting_stands_there_with_its_default() -> None:
    """Neither is a setting without its line, nor a line without its setting."""
    expected = {f"EVENTING_{name.upper()}": str(field.default) for name, field in Settings.model_fields.items()}
    told = {code(row[0])[0]: code(row[1])[0] for row in rows(PAGE) if row[0].startswith("`EVENTING_")}
    del told["EVENTING_SERVER"]  # of the commands, not of the server
    assert expected == told


def test_every_kind_of_a_manifest_stands_there() -> None:
    """What `serve -f` reads is exactly what the page tells."""
    expected = {(kind.name, kind.api_version) for kind in Catalogue()}
    told = {(code(row[0])[0], code(row[1])[0]) for row in rows(section(PAGE, "Manifests"))}
    assert expected == told


def test_every_annotation_stands_there() -> None:
    """Annotations are settings, too: of a single Broker or Trigger."""
    names = {SIZE_ANNOTATION, RETENTION_ANNOTATION, ORDER_ANNOTATIONS[1], ORDER_BY_ANNOTATION, START_ANNOTATION}
    names |= {PAUSED_ANNOTATION, CONCURRENCY_ANNOTATION, RATE_ANNOTATION, EXTERNAL_TOPIC_ANNOTATION}
    told = section(PAGE, "Annotations")
    assert names == {code(row[1])[0] for row in rows(told)}
    assert set() == set(ORDER_ANNOTATIONS) - set(code(told))


def test_every_config_map_with_defaults_stands_there() -> None:
    """By name: all are in one namespace."""
    told = section(PAGE, "Defaults")
    assert {key.name for key in CONTEXT_KEYS} == {code(row[0])[0] for row in rows(told)}
    assert {SYSTEM_NAMESPACE} == {key.namespace for key in CONTEXT_KEYS}
    assert SYSTEM_NAMESPACE in code(told)


def test_what_is_read_of_kafkas_config_maps_and_of_secrets_stands_there() -> None:
    """Every entry of a Broker's ConfigMap, and every protocol and mechanism."""
    told = set(code(section(PAGE, "Where events rest")))
    assert {*CONFIG_KEYS, f"{TOPIC_CONFIG_PREFIX}*", BROKER_CONFIG_KEY.name, CHANNEL_CONFIG_KEY.name} <= told
    assert {*PROTOCOLS, *MECHANISMS} <= told


def test_no_other_page_names_a_setting_that_does_not_exist() -> None:
    """Pages go on telling of settings after these were renamed; this one at least is right (see above)."""
    for name in ("README.md", "ARCHITECTURE.md", *(f"docs/{one}.md" for one in ("delivery", "ingress", "operations"))):
        mentioned = {word.partition("=")[0] for word in code(page(name)) if word.startswith("EVENTING_")}
        assert set() == mentioned - first_column(PAGE), name
