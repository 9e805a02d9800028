"""JSON values: copied, compared and measured. Pure."""

import json
from itertools import chain
from typing import Any, Final

DEPTH_MAX: Final = 100
"""How many containers may stand in each other. Kubernetes' decoder allows 10,000, but no kind nests a tenth of this,
and whatever walks a value by recursion must come to its end.
"""
_CELL_BYTES: Final = 8
_ESCAPED: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def copied(value: Any) -> Any:
    """The same value in containers of its own. It must not be deeper than `DEPTH_MAX`."""
    if isinstance(value, dict):
        return {name: copied(item) for name, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def compact(value: Any) -> str:
    """The value's one JSON text: names sorted, no spaces, and escaped as Go's encoder escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.translate(_ESCAPED)


def is_equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: numbers by what they count (1 is 1.0), and a boolean is no number (RFC 6902, 4.6)."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_equal(item, right[name]) for name, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def is_too_deep(value: Any) -> bool:
    """True where more than `DEPTH_MAX` containers stand in each other. Needs no recursion to find out."""
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            return False
        level = list(chain.from_iterable(_children(item) for item in level))
    return True


def size_of(value: Any) -> int:
    """About how many bytes a copy of the value takes: a cell for each value in it, and its texts."""
    size_bytes, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        size_bytes += _CELL_BYTES
        if isinstance(item, str):
            size_bytes += len(item)
        elif isinstance(item, dict | list):
            waiting += _children(item)
            size_bytes += sum(map(len, item)) if isinstance(item, dict) else 0
    return size_bytes


def _children(container: dict[str, Any] | list[Any]) -> list[Any]:
    return list(container.values()) if isinstance(container, dict) else container
