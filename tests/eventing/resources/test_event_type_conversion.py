"""What is written in one version of EventType and read or changed in another."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.admission import admit
from eventing.resources.event_type import EVENT_TYPE
from eventing.resources.event_type_conversion import REQUIRED, broker_reference
from eventing.resources.identity import Object
from eventing.resources.kind import Context, Served, Version

Spec = dict[str, Any]
FIRST, SECOND, THIRD = (next(v for v in EVENT_TYPE.versions if v.name == f"v1beta{n}") for n in (1, 2, 3))
WORDS = st.sampled_from(["a", "/s/{x}", "b c"])
REFERENCES = st.builds(broker_reference, st.sampled_from(["default", "other"]), st.sampled_from(["demo", "far"]))
FIELDS = st.fixed_dictionaries(
    {"type": WORDS},
    optional={
        **dict.fromkeys(("source", "schema", "schemaData", "description"), WORDS),
        "broker": st.sampled_from(["default", "other"]),
        "reference": REFERENCES,
    },
)
ATTRIBUTES = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from([*REQUIRED, "schemadata", "subject", "x"])},
        optional={"required": st.booleans(), "value": WORDS},
    ),
    max_size=6,
    unique_by=lambda attribute: attribute["name"],
).map(lambda given: [{"name": "type", "value": "t"}, *(one for one in given if one["name"] != "type")])
LISTED = st.fixed_dictionaries(
    {"attributes": ATTRIBUTES},
    optional={
        "description": WORDS,
        "reference": REFERENCES,
        "variables": st.just([{"name": "x", "pattern": "[a-z]+", "example": "e"}]),
    },
)


def write(version: Version, spec: Spec, old: Object | None = None) -> Object:
    item = {
        "apiVersion": EVENT_TYPE.api_version_of(version.name),
        "kind": "EventType",
        "metadata": {"name": "x", "namespace": "demo"},
        "spec": spec,
    }
    return admit(Served(EVENT_TYPE, version), item, old=old, context=Context()).item


def read(version: Version, stored: Object) -> Spec:
    spec: Spec = EVENT_TYPE.from_stored(stored, version)["spec"]
    return spec


@given(LISTED)
def test_what_was_listed_is_shown_whole(spec: Spec) -> None:
    """v1beta3 shows what was written in it: every attribute with its value, the variables, braces and all."""
    shown = read(THIRD, write(THIRD, spec))
    missing = [
        {"name": name, "required": True} for name in REQUIRED if name not in {a["name"] for a in spec["attributes"]}
    ]
    written = [{"required": False, **attribute} for attribute in spec["attributes"]] + missing
    assert sorted(written, key=lambda one: one["name"]) == sorted(shown.pop("attributes"), key=lambda one: one["name"])
    assert {name: value for name, value in spec.items() if name != "attributes"} == shown


@given(FIELDS, LISTED)
def test_fields_are_shown_as_they_were_written(spec: Spec, before: Spec) -> None:
    """v1beta2 shows what was written in it, whatever v1beta3 had said before."""
    assert spec == read(SECOND, write(SECOND, spec, write(THIRD, before)))


@given(FIELDS | LISTED)
def test_writing_what_was_read_changes_nothing(spec: Spec) -> None:
    """Whoever reads an object in any version and writes it back leaves what is stored as it was."""
    stored = write(THIRD if "attributes" in spec else SECOND, spec)
    for version in (SECOND, THIRD):
        assert stored["spec"] == write(version, read(version, stored), stored)["spec"]
    once = write(FIRST, read(FIRST, stored), stored)
    assert once["spec"] == write(FIRST, read(FIRST, once), once)["spec"]


@given(FIELDS, LISTED)
def test_a_write_keeps_what_its_version_cannot_say(fields: Spec, listed: Spec) -> None:
    """The schema's text outlives v1beta3; variables and attributes without a field outlive v1beta2."""
    assert fields.get("schemaData") == read(SECOND, write(THIRD, listed, write(SECOND, fields))).get("schemaData")
    before = read(THIRD, write(THIRD, listed))
    after = read(THIRD, write(SECOND, fields, write(THIRD, listed)))
    assert before.get("variables") == after.get("variables")
    for version in (before, after):
        version["attributes"] = [a for a in version["attributes"] if a["name"] not in ("type", "source", "schemadata")]
    assert before["attributes"] == after["attributes"]


def test_a_broker_is_shown_as_a_reference_until_the_reference_changes() -> None:
    """v1beta3 cannot name a Broker; another reference, or none, takes the name away."""
    stored = write(SECOND, {"type": "a", "broker": "default"})
    shown = read(THIRD, stored)
    assert shown["reference"] == broker_reference("default", "demo")
    other = write(THIRD, shown | {"reference": broker_reference("other", "demo")}, stored)
    assert other["spec"] == {"type": "a", "reference": broker_reference("other", "demo")}
    gone = write(THIRD, {"attributes": shown["attributes"]}, stored)
    assert gone["spec"] == {"type": "a"}


def test_a_value_is_where_its_field_is() -> None:
    """Fields written later show in the list: changed, taken away or added."""
    before = write(
        THIRD, {"attributes": [{"name": "type", "value": "a"}, {"name": "source", "value": "/s"}, {"name": "x"}]}
    )
    after = read(THIRD, write(SECOND, {"type": "b", "schema": "/schema"}, before))
    assert after["attributes"] == [
        {"name": "specversion", "required": True},
        {"name": "id", "required": True},
        {"name": "type", "required": False, "value": "b"},
        {"name": "source", "required": False},
        {"name": "schemadata", "required": False, "value": "/schema"},
        {"name": "x", "required": False},
    ]
