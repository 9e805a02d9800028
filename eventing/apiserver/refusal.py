"""What the API answers instead of what was asked for: errors as Kubernetes' `Status`, in Kubernetes' words.

Clients match on code and reason, and people read the message. Source: apimachinery's `api/errors`. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from dispatcher.fault import FieldError
from eventing.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    Forbidden,
    InvalidResource,
    InvalidToken,
    NotFound,
    StoreUnavailable,
)
from eventing.resources.identity import Object
from eventing.resources.kind import Kind

MODIFIED: Final = "the object has been modified; please apply your changes to the latest version and try again"
RETRY_AFTER_S: Final = 1
"""When to ask again while the store is away: what the Kubernetes API server says."""
_CAUSES: Final = (
    ("Required value", "FieldValueRequired"),
    ("missing field(s)", "FieldValueRequired"),
    ("Forbidden", "FieldValueForbidden"),
    ("must not set the field(s)", "FieldValueForbidden"),
    ("Unsupported value", "FieldValueNotSupported"),
    ("Duplicate value", "FieldValueDuplicate"),
    ("Too long", "FieldValueTooLong"),
    ("invalid value: expected a", "FieldValueTypeInvalid"),
)
"""The cause's reason by the beginning of a field error's own reason, which is Kubernetes' or Knative's vocabulary."""


class Refused(Exception):  # noqa: N818 - named for what it is
    """The client must act; `reason` is one of Kubernetes' words, `details` what a Status holds under that name."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = headers or {}

    @property
    def status(self) -> Object:
        """The answer's body."""
        details = {} if self.details is None else {"details": dict(self.details)}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **details,
            "code": self.code,
        }


class MissingNamespace(NotFound):
    """The namespace that an object was to be created in is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(f'namespaces "{name}" not found')
        self.name = name


class FailedPrecondition(Conflict):
    """The object is another than the caller said, by uid or version; the message says which, in Kubernetes' words."""


class FieldConflict(Conflict):
    """A server-side apply would take fields from other managers. `causes` are pairs: who, as `"kubectl"`, and path."""

    def __init__(self, causes: Iterable[tuple[str, str]]) -> None:
        self.causes = tuple(causes)
        super().__init__(f"{len(self.causes)} conflicts")


Fault = (
    AlreadyExists
    | Conflict
    | Expired
    | Forbidden
    | InvalidResource
    | InvalidToken
    | NotFound
    | Refused
    | StoreUnavailable
)
FAULTS: Final = get_args(Fault)
"""All errors of the verbs: what to catch."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about, as messages name it."""

    kind: Kind
    name: str = ""

    @property
    def named(self) -> str:
        """Such as `brokers.eventing.knative.dev "default"`."""
        return f'{self.kind.resource} "{self.name}"'

    @property
    def details(self) -> dict[str, Any]:
        """What a Status says about it."""
        return _named(self.name, self.kind.group, self.kind.plural)


def bad_request(message: str) -> Refused:
    """What was sent cannot be understood."""
    return Refused(400, "BadRequest", message)


def invalid_options(kind: str, errors: Iterable[FieldError]) -> Refused:
    """The parameters of a request are understood, and may not be so; `kind` is `ListOptions` and the like."""
    return _invalid(f"{kind}.meta.k8s.io", _named("", "meta.k8s.io", kind), errors)


def method_not_allowed(allowed: Iterable[str] = ()) -> Refused:
    """Nothing can be done to what the path leads to by this method."""
    message = "the server does not allow this method on the requested resource"
    headers = {"Allow": ", ".join(allowed)}
    return Refused(405, "MethodNotAllowed", message, details={}, headers=headers)


def unsupported_media_type(accepted: Iterable[str]) -> Refused:
    """The body's type is none that this path takes."""
    types = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {types}"
    return Refused(415, "UnsupportedMediaType", message)


def not_acceptable(offered: Iterable[str]) -> Refused:
    """The client takes none of the formats that there are."""
    message = f"only the following media types are accepted: {', '.join(offered)}"
    return Refused(406, "NotAcceptable", message)


def too_large(message: str) -> Refused:
    """The request is beyond a bound."""
    details = {"causes": [{"reason": "FieldValueInvalid", "message": message}]}
    return Refused(413, "RequestEntityTooLarge", message, details=details)


def unprocessable() -> Refused:
    """A test in a patch failed, or it does not fit the object: the words that `kubectl` knows for it."""
    message = "the server rejected our request due to an error in our request"
    return Refused(422, "Invalid", message, details={})


def refusal_of(error: Fault, subject: Subject) -> Refused:
    """The refusal for an error of the verbs, where the request was about that."""
    match error:
        case Refused():
            return error
        case InvalidResource():
            named = f"{subject.kind.name}.{subject.kind.group}" if subject.kind.group else subject.kind.name
            details = _named(subject.name, subject.kind.group, subject.kind.name)
            return _invalid(named, details, error.errors)
        case MissingNamespace():
            return Refused(404, "NotFound", str(error), details=_named(error.name, "", "namespaces"))
        case NotFound():
            return Refused(404, "NotFound", f"{subject.named} not found", details=subject.details)
        case AlreadyExists():
            return Refused(409, "AlreadyExists", f"{subject.named} already exists", details=subject.details)
        case FieldConflict():
            return _field_conflict(error)
        case Conflict():
            why = str(error) if isinstance(error, FailedPrecondition) else MODIFIED
            return Refused(
                409, "Conflict", f"Operation cannot be fulfilled on {subject.named}: {why}", details=subject.details
            )
        case Forbidden():
            return Refused(403, "Forbidden", f"{subject.named} is forbidden: {error}", details=subject.details)
        case Expired():
            return Refused(410, "Expired", f"The resourceVersion for the provided watch or list is too old: {error}")
        case InvalidToken():
            return bad_request(str(error))
        case StoreUnavailable():
            return _unavailable()


def success(subject: Subject, uid: str) -> Object:
    """The Status that answers a deletion."""
    details = {**subject.details, "uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _unavailable() -> Refused:
    message = "the store cannot be reached at this moment; what was asked for may have been done"
    details = {"retryAfterSeconds": RETRY_AFTER_S}
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return Refused(503, "ServiceUnavailable", message, details=details, headers=headers)


def _field_conflict(error: FieldConflict) -> Refused:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, path in error.causes
    ]
    if len(error.causes) == 1:
        ((manager, path),) = error.causes
        message = f"Apply failed with 1 conflict: conflict with {manager}: {path}"
    else:
        lines = []
        for manager in sorted({manager for manager, _ in error.causes}):
            lines += [f"conflicts with {manager}:", *(f"- {path}" for who, path in error.causes if who == manager)]
        message = f"Apply failed with {len(error.causes)} conflicts: " + "\n".join(lines)
    return Refused(409, "Conflict", message, details={"causes": causes})


def _invalid(named: str, details: Mapping[str, Any], errors: Iterable[FieldError]) -> Refused:
    errors = tuple(errors)
    texts = list(dict.fromkeys(str(error) for error in errors))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f'{named} "{details.get("name", "")}" is invalid: {listed}'
    causes = [{"reason": _cause(error), "message": error.reason, "field": error.path} for error in errors]
    return Refused(422, "Invalid", message, details={**details, "causes": causes})


def _cause(error: FieldError) -> str:
    return next((cause for words, cause in _CAUSES if error.reason.startswith(words)), "FieldValueInvalid")


def _named(name: str, group: str, kind: str) -> dict[str, Any]:
    """Details without what is empty, as Go's `omitempty` writes them."""
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}
