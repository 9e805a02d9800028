"""The annotations of a Trigger that say how it wants its events."""

from datetime import UTC, datetime

import pytest

from channels.contract import Start
from channels.event import Event
from dispatcher.manner import Manner, Order
from eventing.errors import InvalidResource
from eventing.resources.admission import admit
from eventing.resources.identity import Object
from eventing.resources.kind import Context
from eventing.resources.trigger import TRIGGER, Trigger

ORDER = "eventing.knative.dev/delivery.order"


def trigger(**annotations: str) -> Object:
    return {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": "t", "namespace": "default", "annotations": annotations, "uid": "u", "generation": 1},
        "spec": {"broker": "b", "subscriber": {"uri": "http://sink.test"}},
    }


def view(**annotations: str) -> Trigger:
    return Trigger.of(admit(TRIGGER.served, trigger(**annotations), context=Context()).item)


def test_without_annotations_everything_is_as_it_comes() -> None:
    """Unordered, adaptive, from now on."""
    assert (Manner(), "latest") == (view().manner, view().start)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({ORDER: "ordered"}, Manner(order=Order("subject"))),
        ({f"kafka.{ORDER}": "ordered", f"{ORDER}-by": "tenant"}, Manner(order=Order("tenant"))),
        ({ORDER: "unordered", f"{ORDER}-by": "tenant"}, Manner()),
        ({"eventing.dev/concurrency": "3"}, Manner(concurrency=3)),
        ({"eventing.dev/concurrency": "adaptive"}, Manner()),
        ({"eventing.dev/rate": "0.5"}, Manner(rate=0.5)),
        ({"eventing.dev/paused": "true"}, Manner(is_paused=True)),
        ({"eventing.dev/paused": "false"}, Manner()),
    ],
)
def test_each_annotation_says_one_thing(annotations: dict[str, str], expected: Manner) -> None:
    """Order by Knative's own annotation, under either prefix."""
    assert expected == view(**annotations).manner


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("latest", "latest"),
        ("earliest", "earliest"),
        ("2026-11-21T10:00:00+02:00", datetime(2026, 11, 21, 8, tzinfo=UTC)),
    ],
)
def test_a_start_is_a_word_or_a_time(text: str, expected: Start) -> None:
    """Times are RFC 3339, with their zone."""
    assert expected == view(**{"eventing.dev/start": text}).start


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (ORDER, "sorted", "expected ordered or unordered"),
        (f"{ORDER}-by", "Sub ject", "expected the name of a CloudEvents attribute"),
        ("eventing.dev/start", "yesterday", "expected latest, earliest or an RFC 3339 time"),
        ("eventing.dev/start", "0000-01-01T00:00:00Z", "expected latest, earliest or an RFC 3339 time"),
        ("eventing.dev/paused", "yes", "expected true or false"),
        ("eventing.dev/concurrency", "0", "expected adaptive or a number from 1 to 10000"),
        ("eventing.dev/concurrency", "10001", "expected adaptive or a number from 1 to 10000"),
        ("eventing.dev/concurrency", "٣", "expected adaptive or a number from 1 to 10000"),
        ("eventing.dev/rate", "0", "expected events per second, more than 0"),
        ("eventing.dev/rate", "inf", "expected events per second, more than 0"),
        ("eventing.dev/rate", "fast", "expected events per second, more than 0"),
    ],
)
def test_a_value_that_says_nothing_is_refused_with_its_path(name: str, value: str, words: str) -> None:
    """At admission: no Trigger ever runs in a way that nobody asked for."""
    with pytest.raises(InvalidResource) as caught:
        admit(TRIGGER.served, trigger(**{name: value}), context=Context())
    assert [f"metadata.annotations[{name}]"] == [error.path for error in caught.value.errors]
    assert words in caught.value.errors[0].reason


def test_a_change_of_annotations_alone_keeps_the_compiled_filter() -> None:
    """The generation does not grow with it, and the predicate is the very same object."""
    old = view()
    changed = Trigger.of(trigger(**{"eventing.dev/paused": "true"}), old)
    assert changed.manner.is_paused
    assert old.predicate is changed.predicate


@pytest.mark.parametrize(
    ("attributes", "key"),
    [
        ({"partitionkey": "p", "subject": "s"}, "p"),
        ({"subject": "s"}, "s"),
        ({"partitionkey": ""}, ""),
        ({}, ""),
    ],
)
def test_the_key_is_the_partition_key_else_the_attribute(attributes: dict[str, str], key: str) -> None:
    """An event with neither shares the one key of all such events."""
    event = Event.from_attributes({"id": "1", "source": "/s", "type": "t"} | {k: v for k, v in attributes.items() if v})
    assert key == Order("subject").key(event)
