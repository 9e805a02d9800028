"""`spec.delivery`: rules, view and the merge of a Trigger's with its Broker's."""

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.delivery import DeliverySpec, default_delivery, effective, validate_delivery
from eventing.resources.duck import Destination

SPECS = st.builds(
    DeliverySpec,
    dead_letter_sink=st.none() | st.builds(Destination, uri=st.just("http://dead/")),
    retry=st.none() | st.integers(0, 9),
    timeout_s=st.none() | st.floats(0.1, 9),
    backoff_policy=st.none() | st.sampled_from(("linear", "exponential")),
    backoff_delay_s=st.none() | st.floats(0, 9),
    retry_after_max_s=st.none() | st.floats(0, 9),
    format=st.none() | st.sampled_from(("json", "binary")),
)


def test_every_fault_is_told() -> None:
    """All fields are looked at, each against its own rule."""
    delivery = {
        "deadLetterSink": {},
        "retry": -1,
        "backoffPolicy": "Linear",
        "format": "JSON",
        "backoffDelay": "-PT1S",
        "timeout": "PT0S",
        "retryAfterMax": "10s",
    }
    faults = [str(error) for error in validate_delivery(delivery, "spec.delivery")]
    assert faults == [
        "spec.delivery.deadLetterSink.ref: expected at least one, got none",
        "spec.delivery.deadLetterSink.uri: expected at least one, got none",
        "spec.delivery.retry: invalid value: -1",
        "spec.delivery.backoffPolicy: invalid value: Linear",
        "spec.delivery.format: invalid value: JSON",
        "spec.delivery.backoffDelay: invalid value: -PT1S",
        "spec.delivery.retryAfterMax: invalid value: 10s",
        "spec.delivery.timeout: invalid value: PT0S",
    ]


@pytest.mark.parametrize(
    "delivery", [{}, {"retry": 0}, {"backoffDelay": "PT0S"}, {"retryAfterMax": "PT0S"}, {"timeout": "PT0.001S"}]
)
def test_the_least_of_everything_is_legal(delivery: dict[str, Any]) -> None:
    """No retries, no wait and no Retry-After are things to ask for; an attempt without any time is not."""
    assert list(validate_delivery(delivery, "spec.delivery")) == []


def test_the_view_has_seconds_and_none_for_what_is_unset() -> None:
    """Durations keep their decimals."""
    assert DeliverySpec.of(None, "demo") == DeliverySpec()
    delivery = {"deadLetterSink": {"uri": "http://dead/"}, "retry": 0, "timeout": "PT0.25S", "backoffDelay": "PT1M"}
    expected = DeliverySpec(Destination(uri="http://dead/"), 0, 0.25, None, 60.0)
    assert DeliverySpec.of(delivery, "demo") == expected


@given(SPECS, SPECS)
def test_a_trigger_decides_field_by_field(trigger: DeliverySpec, broker: DeliverySpec) -> None:
    """Each field is the Trigger's where it is set, else the Broker's: zero is set, None is not."""
    merged, own, inherited = (asdict(spec) for spec in (effective(trigger, broker), trigger, broker))
    assert merged == {name: inherited[name] if own[name] is None else own[name] for name in own}


def test_the_dead_letter_sink_points_into_its_objects_namespace() -> None:
    """A delivery without one, and no delivery, stay as they are."""
    delivery: dict[str, Any] = {"deadLetterSink": {"ref": {"kind": "Service"}}}
    for each in (delivery, {}, {"retry": 1}, None):
        default_delivery(each, "demo")
    assert delivery["deadLetterSink"]["ref"]["namespace"] == "demo"
