"""Label selectors that cannot be evaluated."""

import pytest

from eventing.resources.identity import Object
from eventing.resources.selector import validate_selector

UNKNOWN = "is not a valid label selector operator"


@pytest.mark.parametrize(
    "expression",
    [
        {"key": "a", "operator": "In", "values": ["b"]},
        {"key": "a", "operator": "NotIn", "values": ["b", "c"]},
        {"key": "a", "operator": "Exists"},
        {"key": "a", "operator": "DoesNotExist", "values": []},
    ],
)
def test_four_operators_can_be_evaluated(expression: Object) -> None:
    """Two with values, two without; labels always can."""
    assert list(validate_selector({"matchLabels": {"a": "b"}, "matchExpressions": [expression]}, "s")) == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ({"key": "a", "operator": "Is"}, f'operator: invalid value: "Is" {UNKNOWN}'),
        ({"key": "a"}, f'operator: invalid value: "" {UNKNOWN}'),
        ({"operator": "In"}, "values: invalid value: for 'in', 'notin' operators, values set can't be empty"),
        (
            {"operator": "Exists", "values": ["a"]},
            "values: invalid value: values set must be empty for exists and does not exist",
        ),
    ],
)
def test_what_cannot_is_told_with_its_path(expression: Object, fault: str) -> None:
    """Each expression by its place."""
    selector = {"matchExpressions": [{"operator": "Exists"}, expression]}
    assert [str(one) for one in validate_selector(selector, "s")] == [f"s.matchExpressions[1].{fault}"]
