"""The parameters of a request: what is asked of a list, a watch or a write, checked as Kubernetes checks it. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast

from dispatcher.fault import FieldError, shown
from eventing.apiserver.refusal import bad_request, invalid_options

FieldValidation = Literal["Ignore", "Strict", "Warn"]
Propagation = Literal["Background", "Foreground", "Orphan"]
MATCHES: Final = ("Exact", "NotOlderThan")
INCLUDES: Final = ("Metadata", "None", "Object")
FIELD_VALIDATIONS: Final = ("Ignore", "Strict", "Warn")
PROPAGATIONS: Final = ("Background", "Foreground", "Orphan")
MANAGER_MAX_CHARACTERS: Final = 128
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")


class Query:
    """The parameters of a request by name; the first value counts where one is expected. Raises Refused (400) for the
    character that no database keeps, wherever it is.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if "\0" in value:
                raise bad_request(f"{shown(name)}: holds the character U+0000")
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """The value, empty where there is none."""
        return self._values.get(name, [""])[0]

    def texts(self, name: str) -> list[str]:
        """All values."""
        return self._values.get(name, [])

    def flag(self, name: str) -> bool | None:
        """False for `false` and `0`, true for everything else, as the Kubernetes API server reads it; None where it is
        absent.
        """
        return None if name not in self._values else self.text(name).lower() not in ("false", "0")

    def number(self, name: str) -> int | None:
        """The number, None where it is absent or empty. Raises Refused (400)."""
        text = self.text(name)
        if not text:
            return None
        if not _INTEGER.fullmatch(text):
            raise bad_request(f'{name}: strconv.ParseInt: parsing "{shown(text)}": invalid syntax')
        return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """What is asked of a list or a watch. Texts are empty, and numbers None, where nothing is said."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int | None = None
    continue_token: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    is_watch: bool = False
    timeout_s: int | None = None
    allow_bookmarks: bool = False
    send_initial_events: bool | None = None

    @classmethod
    def of(cls, query: Query) -> "ListOptions":
        """The options in a request's parameters. Raises Refused (400, 422)."""
        options = cls(
            label_selector=query.text("labelSelector"),
            field_selector=query.text("fieldSelector"),
            limit=_count(query, "limit"),
            continue_token=query.text("continue"),
            resource_version=query.text("resourceVersion"),
            resource_version_match=query.text("resourceVersionMatch"),
            is_watch=bool(query.flag("watch")),
            timeout_s=_count(query, "timeoutSeconds"),
            allow_bookmarks=bool(query.flag("allowWatchBookmarks")),
            send_initial_events=query.flag("sendInitialEvents"),
        )
        if errors := [*options._errors()]:
            raise invalid_options("ListOptions", errors)
        return options

    @property
    def is_from_now(self) -> bool:
        """True where no version to start from is named, or `0` is, which is any."""
        return self.resource_version in ("", "0")

    def _errors(self) -> Iterator[FieldError]:
        match, version = self.resource_version_match, self.resource_version
        if version and not version.isdecimal():
            yield FieldError("resourceVersion", f'Invalid value: "{shown(version)}": is no version of this server')
        if match and match not in MATCHES:
            yield _unsupported("resourceVersionMatch", match, MATCHES)
        elif self.is_watch:
            yield from self._watch_errors()
        elif self.send_initial_events is not None:
            yield FieldError("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list")
        elif match and not version:
            reason = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
            yield FieldError("resourceVersionMatch", reason)
        elif match and self.continue_token:
            reason = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
            yield FieldError("resourceVersionMatch", reason)
        elif match == "Exact" and version == "0":
            reason = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            yield FieldError("resourceVersionMatch", reason)

    def _watch_errors(self) -> Iterator[FieldError]:
        match = self.resource_version_match
        if self.send_initial_events is None:
            if match:
                reason = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
                yield FieldError("resourceVersionMatch", reason)
        elif match != "NotOlderThan":
            reason = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            yield FieldError("resourceVersionMatch", reason)
        if self.continue_token:
            yield FieldError("continue", "Forbidden: continue is forbidden for watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """What is asked of a write, and who asks."""

    user: str = "admin"
    manager: str = "unknown"
    field_validation: FieldValidation = "Warn"
    is_dry_run: bool = False
    is_forced: bool = False

    @classmethod
    def of(cls, query: Query, *, user: str, agent: str, kind: str, is_apply: bool = False) -> "WriteOptions":
        """The options in a request's parameters; `kind` is `CreateOptions` and the like, `agent` the User-Agent, which
        names the manager of fields where nothing else does. Raises Refused (422).
        """
        manager, validation, force = query.text("fieldManager"), query.text("fieldValidation"), query.flag("force")
        errors = [*_dry_run_errors(query.texts("dryRun"))]
        if validation and validation not in FIELD_VALIDATIONS:
            errors.append(_unsupported("fieldValidation", validation, FIELD_VALIDATIONS))
        if len(manager) > MANAGER_MAX_CHARACTERS:
            errors.append(FieldError("fieldManager", f"Too long: may not be more than {MANAGER_MAX_CHARACTERS} bytes"))
        elif not manager.isprintable():
            errors.append(FieldError("fieldManager", "Invalid value: should only contain printable characters"))
        elif is_apply and not manager:
            errors.append(FieldError("fieldManager", "Required value: is required for apply patch"))
        if force is not None and kind == "PatchOptions" and not is_apply:
            errors.append(FieldError("force", "Forbidden: may not be specified for non-apply patch"))
        if errors:
            raise invalid_options(kind, errors)
        return cls(
            user=user,
            manager=manager or (agent.partition("/")[0] or "unknown")[:MANAGER_MAX_CHARACTERS],
            field_validation=cast("FieldValidation", validation or "Warn"),
            is_dry_run=bool(query.texts("dryRun")),
            is_forced=bool(force),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """What is asked of a deletion."""

    propagation: Propagation = "Background"
    uid: str | None = None
    resource_version: str | None = None
    is_dry_run: bool = False

    @classmethod
    def of(cls, query: Query, body: Mapping[str, object]) -> "DeleteOptions":
        """The options in a request's body, and those of its parameters that the body leaves open. Raises Refused
        (400, 422).
        """
        policy = body.get("propagationPolicy") or query.text("propagationPolicy")
        orphan = body.get("orphanDependents", query.flag("orphanDependents"))
        dry_run = body.get("dryRun") or query.texts("dryRun")
        preconditions = body.get("preconditions") or {}
        if not isinstance(preconditions, dict) or not isinstance(dry_run, list):
            raise bad_request("DeleteOptions: preconditions must be a map, and dryRun a list")
        errors = [*_dry_run_errors(dry_run)]
        if policy and policy not in PROPAGATIONS:
            errors.append(_unsupported("propagationPolicy", str(policy), PROPAGATIONS))
        if policy and orphan is not None:
            reason = "Invalid value: orphanDependents and propagationPolicy cannot be both set"
            errors.append(FieldError("propagationPolicy", reason))
        if errors:
            raise invalid_options("DeleteOptions", errors)
        uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
        return cls(
            propagation=cast("Propagation", policy or ("Orphan" if orphan else "Background")),
            uid=None if uid is None else str(uid),
            resource_version=None if version is None else str(version),
            is_dry_run=bool(dry_run),
        )


def _count(query: Query, name: str) -> int | None:
    number = query.number(name)
    if number is not None and number < 0:
        raise bad_request(f"{name}: must not be negative")
    return number or None


def _dry_run_errors(values: Iterable[object]) -> Iterator[FieldError]:
    for value in values:
        if value != "All":
            yield _unsupported("dryRun", str(value), ("All",))


def _unsupported(path: str, value: str, supported: Iterable[str]) -> FieldError:
    listed = ", ".join(f'"{one}"' for one in supported)
    return FieldError(path, f'Unsupported value: "{shown(value)}": supported values: {listed}')
