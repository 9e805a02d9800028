"""ISO 8601 durations. Pure."""

import re
from typing import Final

_YEAR_S: Final = 365.2425 * 86400
_UNITS: Final = {"Y": _YEAR_S, "M": _YEAR_S / 12, "W": 7 * 86400.0, "D": 86400.0}
_TIME_UNITS: Final = {"H": 3600.0, "M": 60.0, "S": 1.0}
_NUMBER = r"\d+(?:[.,]\d+)?"
_DURATION = re.compile(
    rf"P(?=\d|T\d)(?:({_NUMBER})Y)?(?:({_NUMBER})M)?(?:({_NUMBER})W)?(?:({_NUMBER})D)?"
    rf"(?:T(?=\d)(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?",
    re.ASCII,
)


def parse_duration(text: str) -> float:
    """Seconds in a duration such as `PT0.25S` or `P1DT2H`, with all its decimals; a comma is a decimal separator too.

    A year is 365.2425 days, a month its twelfth (the precedent is Knative's period library). Raises ValueError for
    anything else: signs, an empty text, units out of order.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no ISO 8601 duration such as PT0.2S")
    factors = (*_UNITS.values(), *_TIME_UNITS.values())
    return sum(
        float(number.replace(",", ".")) * factor
        for number, factor in zip(found.groups(), factors, strict=True)
        if number
    )
