"""JSON Patch (RFC 6902) with JSON Pointers (RFC 6901). Pure.

The RFC stands over kube-apiserver's library where the two differ: a member that is absent is not equal to null, no
index is negative, and a patch with one operation that is none changes nothing.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from dispatcher.fault import kind_of, shown
from eventing.patch.fault import MalformedPatch, PatchNotApplicable, PatchTooLarge
from eventing.patch.json_value import copied, is_equal, is_too_deep, size_of

OPERATIONS_MAX: Final = 10_000
"""kube-apiserver's limit of operations in one patch."""
COPIED_MAX_BYTES: Final = 3 * 1024 * 1024
"""What all `copy` operations of a patch may add together; each could double the document (kube-apiserver's limit)."""
_VALUED: Final = frozenset({"add", "replace", "test"})
_SOURCED: Final = frozenset({"copy", "move"})
_VERBS: Final = _VALUED | _SOURCED | {"remove"}
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,9}")
_POINTER: Final = re.compile(r"(/([^~/]|~[01])*)*", re.DOTALL)
_ROOT: Final = ("",)
_Pointer = tuple[str, ...]


class _NoFitError(Exception):
    """An operation does not fit the document; the message says why."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation that is well formed. Pointers begin with the empty name, under which the document lies."""

    verb: str
    path: _Pointer
    value: Any = None
    source: _Pointer = _ROOT


def apply_json_patch(document: Any, patch: Any) -> Any:
    """The document with all operations applied in order.

    Raises `MalformedPatch` before anything is applied, `PatchTooLarge` for more than `OPERATIONS_MAX` operations, and
    `PatchNotApplicable` where an operation does not fit, a test fails, or what is copied or nested goes too far.
    """
    application = _Application(document)
    for index, operation in enumerate(_read(patch)):
        try:
            application.apply(operation)
        except _NoFitError as error:
            raise PatchNotApplicable(str(error), index=index, path=patch[index]["path"]) from error
    if is_too_deep(application.document):
        raise PatchNotApplicable("the patched document is nested too deep")
    return application.document


def _read(patch: Any) -> list[_Operation]:
    if not isinstance(patch, list):
        raise MalformedPatch(f"a JSON patch is a list of operations, not a {kind_of(patch)}")
    if len(patch) > OPERATIONS_MAX:
        raise PatchTooLarge(
            f"The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {len(patch)}"
        )  # kube-apiserver's words
    if is_too_deep(patch):
        raise MalformedPatch("the patch is nested too deep")
    return [_read_operation(item, index) for index, item in enumerate(patch)]


def _read_operation(item: Any, index: int) -> _Operation:
    if not isinstance(item, dict):
        raise MalformedPatch(f"an operation is a map, not a {kind_of(item)}", index=index)
    verb, path = item.get("op"), _read_pointer(item, "path", index)
    place = item["path"]
    if not isinstance(verb, str) or verb not in _VERBS:
        raise MalformedPatch(f'unknown op "{shown(str(verb))}"', index=index, path=place)
    if verb in _VALUED and "value" not in item:
        raise MalformedPatch(f"{verb} needs a value", index=index, path=place)
    source = _read_pointer(item, "from", index) if verb in _SOURCED else _ROOT
    if verb == "move" and len(source) < len(path) and path[: len(source)] == source:
        raise MalformedPatch("a value cannot be moved into itself", index=index, path=place)
    return _Operation(verb, path, item.get("value"), source)


def _read_pointer(item: dict[str, Any], name: str, index: int) -> _Pointer:
    text = item.get(name)
    if not isinstance(text, str) or not _POINTER.fullmatch(text):
        raise MalformedPatch(f'"{name}" must be a JSON pointer', index=index)
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text.split("/"))


class _Application:
    """A copy of the document under the empty name of a map, so that the root is a member like any other."""

    def __init__(self, document: Any) -> None:
        self._box: dict[str, Any] = {"": copied(document)}
        self._copied_bytes = 0

    @property
    def document(self) -> Any:
        """What the operations have made of it."""
        return self._box[""]

    def apply(self, operation: _Operation) -> None:
        """One operation, or `_NoFitError`."""
        match operation.verb:
            case "add":
                self._add(operation.path, copied(operation.value))
            case "remove":
                self._remove(operation.path)
            case "replace":
                self._replace(operation.path, copied(operation.value))
            case "move":
                self._move(operation.source, operation.path)
            case "copy":
                self._copy(operation.source, operation.path)
            case _:
                self._test(operation.path, operation.value)

    def _add(self, path: _Pointer, value: Any) -> None:
        parent = self._find(path[:-1])
        if isinstance(parent, list):
            length = len(parent)
            parent.insert(length if path[-1] == "-" else _index(path[-1], length), value)
        elif isinstance(parent, dict):
            parent[path[-1]] = value
        else:
            raise _NoFitError(f"a {kind_of(parent)} has no members")

    def _remove(self, path: _Pointer) -> Any:
        if path == _ROOT:
            raise _NoFitError("the whole document cannot be removed")
        value, parent = self._find(path), self._find(path[:-1])
        del parent[int(path[-1]) if isinstance(parent, list) else path[-1]]
        return value

    def _replace(self, path: _Pointer, value: Any) -> None:
        self._find(path)
        parent = self._find(path[:-1])
        parent[int(path[-1]) if isinstance(parent, list) else path[-1]] = value

    def _move(self, source: _Pointer, path: _Pointer) -> None:
        if source == path:
            self._find(path)
        else:
            self._add(path, self._remove(source))

    def _copy(self, source: _Pointer, path: _Pointer) -> None:
        value = self._find(source)
        self._copied_bytes += size_of(value)
        if self._copied_bytes > COPIED_MAX_BYTES:
            raise _NoFitError(f"the patch copies more than {COPIED_MAX_BYTES} bytes")
        if is_too_deep(value):
            raise _NoFitError("the value to copy is nested too deep")
        self._add(path, copied(value))

    def _test(self, path: _Pointer, expected: Any) -> None:
        if not is_equal(self._find(path), expected):
            raise _NoFitError("the test failed: the value there is another")

    def _find(self, path: _Pointer) -> Any:
        found: Any = self._box
        for token in path:
            if isinstance(found, dict) and token in found:
                found = found[token]
            elif isinstance(found, list):
                found = found[_index(token, len(found) - 1)]
            else:
                raise _NoFitError(f'there is no "{shown(token)}"')
        return found


def _index(token: str, last: int) -> int:
    """The position a token names, at most `last`."""
    if not _INDEX.fullmatch(token) or int(token) > last:
        raise _NoFitError(f'no element of the list has the index "{shown(token)}"')
    return int(token)
