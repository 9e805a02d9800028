"""What the user of the resource API can do wrong, or must wait for. The API turns each into one Kubernetes `Status`."""

from collections.abc import Iterable

from dispatcher.fault import FieldError


class InvalidResource(Exception):  # noqa: N818 - named for what it is, like its neighbours
    """The object breaks rules of its kind: all of them, by path. HTTP 422, reason `Invalid`, one cause per error."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.path, error.reason)))
        super().__init__("; ".join(f"{error.path}: {error.reason}" for error in self.errors))


class NotFound(Exception):  # noqa: N818
    """There is no object of that key. HTTP 404."""


class AlreadyExists(Exception):  # noqa: N818
    """An object of that key is there already. HTTP 409, reason `AlreadyExists`."""


class Conflict(Exception):  # noqa: N818
    """The object changed since the caller read it: read again, decide again. HTTP 409, reason `Conflict`."""


class Expired(Exception):  # noqa: N818
    """Changes since that resource version are no longer known: list again, watch from there. HTTP 410."""


class InvalidToken(Exception):  # noqa: N818
    """The continue token is none that this list gave: list again from the start. HTTP 400, reason `BadRequest`."""


class Forbidden(Exception):  # noqa: N818
    """The object may not be written as things are, as in a namespace that is being deleted. HTTP 403."""


class StoreUnavailable(Exception):  # noqa: N818
    """The store cannot be reached: time or the operator must act. What was asked for may have been done. HTTP 503."""


class LeaseLost(Exception):  # noqa: N818
    """The lease that the caller holds is another's: what it wants to write was not written, and it must stop."""


class ResolutionError(Exception):
    """What a resource refers to cannot be had at this moment; a condition shows `reason` (one word) and `message`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
