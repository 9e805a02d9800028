from typing import get_args

from dispatcher.attempt import HISTORY_MAX
from dispatcher.breaker import is_failure
from dispatcher.outcome import Reason, error_attributes
from dispatcher.redrive import UNDER_WAY_MAX
from dispatcher.retry import SPREAD_MAX, SPREAD_MIN, is_retried
from eventing.resources.delivery import DELIVERY
from eventing.resources.trigger_manner import (
    CONCURRENCY_ANNOTATION,
    ORDER_ANNOTATIONS,
    ORDER_BY_ANNOTATION,
    PAUSED_ANNOTATION,
    RATE_ANNOTATION,
    START_ANNOTATION,
)
from tests.docs.page import code, fenced, first_column, page, rows, section

PAGE = page("docs/delivery.md")


def test_every_reason_of_a_dead_letter_stands_there() -> None:
    """Neither is a reason without its line, nor a line without its reason."""
    for_good = section(PAGE, "Failed for good")
    attributes = {name for name in first_column(for_good) if name.startswith("knative")}
    assert set(get_args(Reason)) == first_column(for_good) - attributes


def test_every_attribute_of_a_dead_letter_stands_there() -> None:
    """They are what the subscriber of a dead letter sink works with."""
    from dispatcher.outcome import Outcome

    told = {name for name in first_column(section(PAGE, "Failed for good")) if name.startswith("knative")}
    assert set(error_attributes(Outcome(503, {}, b"", None, 0.0), "http://sink")) == told


def test_every_field_of_a_delivery_stands_there() -> None:
    """The table has the fields that the schema has."""
    assert set(DELIVERY.properties) == first_column(section(PAGE, "Retries"))


def test_the_statuses_that_are_tried_again_stand_there() -> None:
    """All 4xx that pass with time are listed, and no others."""
    listed = next(row[0] for row in rows(section(PAGE, "What the answer means")) if "5xx" in row[0])
    expected = [str(status) for status in range(400, 500) if is_retried(status)]
    assert [*expected, "5xx"] == listed.split(", ")


def test_the_failures_that_a_breaker_counts_stand_there() -> None:
    """They differ from those that are tried again."""
    expected = ", ".join(str(status) for status in range(400, 500) if is_failure(status))
    assert f"no answer, {expected} and 5xx" in section(PAGE, "The breaker")


def test_the_jitter_stands_there() -> None:
    """Whoever computes waits needs it."""
    assert f"between {SPREAD_MIN} and {SPREAD_MAX}" in PAGE


def test_every_annotation_that_changes_a_delivery_stands_there() -> None:
    """With the values that it may have."""
    names = {*ORDER_ANNOTATIONS, ORDER_BY_ANNOTATION, START_ANNOTATION, CONCURRENCY_ANNOTATION, RATE_ANNOTATION}
    assert set() == names - {*code(PAGE), *ORDER_ANNOTATIONS[1:]}
    assert f"{ORDER_ANNOTATIONS[1]}: ordered" in fenced(PAGE, "yaml")[0]
    assert f'`{PAUSED_ANNOTATION}: "true"`' in PAGE


def test_the_bounds_of_a_redrive_and_of_a_history_stand_there() -> None:
    """Whoever redrives a million needs the one, and who reads attempts the other."""
    assert f"at most {UNDER_WAY_MAX} events are under way" in " ".join(PAGE.split())
    assert f"last {HISTORY_MAX} attempts" in " ".join(PAGE.split())
