"""ApiServerSource: what the recordings of `test_recorded` do not show."""

from eventing.resources.api_server_source import API_SERVER_SOURCE, event_types
from tests.eventing.resources.request import admitted, faults, of_kind

RESOURCES = [{"apiVersion": "v1", "kind": "Event"}]
SINK = {"uri": "http://a/"}


def test_types_of_events_are_those_of_the_mode() -> None:
    """Three for each."""
    assert event_types("Reference") == tuple(f"dev.knative.apiserver.ref.{one}" for one in ("add", "delete", "update"))
    assert event_types("Resource")[0] == "dev.knative.apiserver.resource.add"


def test_what_is_wrong_is_told_at_once() -> None:
    """Mode, owner, filters and resources, each with its path."""
    spec = {
        "sink": SINK,
        "mode": "Full",
        "owner": {"kind": ""},
        "filters": [{"exact": {"Type": "a"}}],
        "resources": [{"apiVersion": "a/b/c", "kind": "K"}, {}],
    }
    told = faults(API_SERVER_SOURCE, of_kind(API_SERVER_SOURCE, spec))
    assert [one for one in told if not one.startswith("spec.filters")] == [
        "spec.mode: invalid value: Full",
        "spec.owner.kind: missing field(s)",
        "spec.resources[0].apiVersion: invalid value: a/b/c",
        "spec.resources[1].kind: missing field(s)",
    ]
    (fault,) = [one for one in told if one.startswith("spec.filters")]
    assert fault.startswith('spec.filters[0].exact.Type: invalid key name "Type"')


def test_resources_are_missing_in_whatever_way() -> None:
    """Without the field, the list empty."""
    for spec in ({"sink": SINK}, {"sink": SINK, "resources": []}):
        assert faults(API_SERVER_SOURCE, of_kind(API_SERVER_SOURCE, spec)) == ["spec.resources: missing field(s)"]
    without = {**of_kind(API_SERVER_SOURCE)}
    del without["spec"]
    assert "spec.resources: missing field(s)" in faults(API_SERVER_SOURCE, without)


def test_defaults_are_those_of_knative() -> None:
    """Empty values count as none, and an empty list of filters is dropped."""
    spec = {"sink": SINK, "resources": RESOURCES, "mode": "", "filters": []}
    assert admitted(API_SERVER_SOURCE, of_kind(API_SERVER_SOURCE, spec))["spec"] == {
        "sink": SINK,
        "resources": RESOURCES,
        "mode": "Reference",
        "serviceAccountName": "default",
    }
