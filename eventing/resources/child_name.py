"""Names of objects that others create: the parent's name and a suffix, cut to what a label's value may be.

Source: Knative's `kmeta.ChildName`, by which its users find the children. Pure.
"""

import hashlib
import re
from typing import Final

_LENGTH_MAX: Final = 63
"""A DNS label (RFC 1123)."""
_HEAD: Final = _LENGTH_MAX - 2 * hashlib.md5(usedforsecurity=False).digest_size
_TAIL: Final = re.compile(r"[^A-Za-z0-9]+$")


def child_name(parent: str, suffix: str) -> str:
    """The parent's name with the suffix. What would be longer than 63 characters is told apart by a hash instead."""
    if len(parent) + len(suffix) <= _LENGTH_MAX:
        return parent + suffix
    if len(suffix) < _HEAD:
        return parent[: _HEAD - len(suffix)] + _hash(parent) + suffix
    head = parent[:_HEAD] + _hash(parent + suffix)
    return _TAIL.sub("", head + suffix[: _LENGTH_MAX - len(head)])


def _hash(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
