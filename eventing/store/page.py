"""What clients hand back to a store: versions, and the continue tokens of pages. Pure.

The token is opaque to clients; to us it is the version of the first page, the last key shown, and the list it belongs
to, so that it continues no other.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

import msgspec

from eventing.errors import Expired, InvalidToken
from eventing.resources.identity import GroupKind

_WORDS: Final = "continue: the token is not one of this list; leave it out to begin again"

_DIGITS_MAX: Final = 18
"""A version is less than 2^63."""


@dataclass(frozen=True, slots=True)
class Page:
    """What precedes a page: everything up to this key, and the version that the first page was read at."""

    version: int
    namespace: str
    name: str


def position_of(version: str) -> int:
    """The version as a number. Raises Expired for what no store of this kind ever gave."""
    if not (version.isascii() and version.isdigit() and len(version) <= _DIGITS_MAX):
        raise Expired(f"{version!r} is no version of this store")
    return int(version)


def token_of(page: Page, group_kind: GroupKind, namespace: str | None) -> str:
    """The token that asks for what comes after the page, in the list of that kind and namespace."""
    text = msgspec.json.encode([page.version, page.namespace, page.name, *group_kind, namespace])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def page_of(token: str, group_kind: GroupKind, namespace: str | None) -> Page:
    """What the token holds. Raises InvalidToken, also for one of another list."""
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        version, after, name, *of = msgspec.json.decode(text, type=tuple[int, str, str, str, str, str | None])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidToken(_WORDS) from error
    if of != [*group_kind, namespace] or "\0" in after + name:
        raise InvalidToken(_WORDS)
    return Page(version, after, name)
