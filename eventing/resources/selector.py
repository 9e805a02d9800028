"""Label selectors: which objects are meant, by their labels.

Source: Kubernetes' LabelSelector (meta/v1) and the words of its errors. Pure.
"""

from collections.abc import Iterator
from typing import Final

from dispatcher.fault import FieldError, at, shown
from eventing.resources.identity import Object
from eventing.resources.schema import STRING, array, mapping, record, string

SELECTOR: Final = record(
    {
        "matchLabels": mapping(STRING, "Labels that an object has, each with this value."),
        "matchExpressions": array(
            record(
                {
                    "key": string("The label."),
                    "operator": string("What holds for its value: In, NotIn, Exists or DoesNotExist."),
                    "values": array(STRING, "The values of In and NotIn."),
                },
                "What holds for one label.",
            ),
            "More that holds for its labels.",
        ),
    },
    "Objects by their labels: all that is said must hold. An empty one means every object.",
)
_WITH_VALUES: Final = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}


def validate_selector(selector: Object, path: str) -> Iterator[FieldError]:
    """Each expression that cannot be evaluated."""
    for index, expression in enumerate(selector.get("matchExpressions", ())):
        where = at(path, "matchExpressions", index)
        operator = expression.get("operator", "")
        if operator not in _WITH_VALUES:
            reason = f'invalid value: "{shown(operator)}" is not a valid label selector operator'
            yield FieldError(at(where, "operator"), reason)
        elif _WITH_VALUES[operator] != bool(expression.get("values")):
            must = "for 'in', 'notin' operators, values set can't be empty"
            must_not = "values set must be empty for exists and does not exist"
            yield FieldError(at(where, "values"), f"invalid value: {must if _WITH_VALUES[operator] else must_not}")
