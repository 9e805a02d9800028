"""Errors as Statuses."""

from typing import Any

import pytest

from dispatcher.fault import FieldError
from eventing.apiserver import refusal
from eventing.apiserver.refusal import FailedPrecondition, Fault, FieldConflict, MissingNamespace, Subject, refusal_of
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
from eventing.resources.broker import BROKER
from eventing.resources.core import NAMESPACE

SUBJECT = Subject(BROKER, "b1")
NAMED = {"name": "b1", "group": "eventing.knative.dev", "kind": "brokers"}


@pytest.mark.parametrize(
    ("error", "code", "reason", "message", "details"),
    [
        (NotFound(), 404, "NotFound", 'brokers.eventing.knative.dev "b1" not found', NAMED),
        (AlreadyExists(), 409, "AlreadyExists", 'brokers.eventing.knative.dev "b1" already exists', NAMED),
        (
            Conflict("at version 5"),
            409,
            "Conflict",
            (
                'Operation cannot be fulfilled on brokers.eventing.knative.dev "b1": the object has been modified; '
                "please apply your changes to the latest version and try again"
            ),
            NAMED,
        ),
        (
            FailedPrecondition("the UID is another"),
            409,
            "Conflict",
            'Operation cannot be fulfilled on brokers.eventing.knative.dev "b1": the UID is another',
            NAMED,
        ),
        (
            FieldConflict([('"kubectl"', ".spec.a"), ('"kubectl"', ".spec.b"), ('"kn"', ".spec.c")]),
            409,
            "Conflict",
            (
                'Apply failed with 3 conflicts: conflicts with "kn":\n- .spec.c\n'
                'conflicts with "kubectl":\n- .spec.a\n- .spec.b'
            ),
            {
                "causes": [
                    {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".spec.a"},
                    {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".spec.b"},
                    {"reason": "FieldManagerConflict", "message": 'conflict with "kn"', "field": ".spec.c"},
                ]
            },
        ),
        (
            FieldConflict([('"kubectl"', ".spec.a")]),
            409,
            "Conflict",
            'Apply failed with 1 conflict: conflict with "kubectl": .spec.a',
            {"causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "kubectl"', "field": ".spec.a"}]},
        ),
        (
            MissingNamespace("nowhere"),
            404,
            "NotFound",
            'namespaces "nowhere" not found',
            {"name": "nowhere", "kind": "namespaces"},
        ),
        (Forbidden("gone soon"), 403, "Forbidden", 'brokers.eventing.knative.dev "b1" is forbidden: gone soon', NAMED),
        (InvalidToken("no token"), 400, "BadRequest", "no token", None),
        (refusal.bad_request("x"), 400, "BadRequest", "x", None),
    ],
)
def test_an_error_is_told_in_kubernetes_words(
    error: Fault, code: int, reason: str, message: str, details: dict[str, Any] | None
) -> None:
    """Code, reason and details for programs, the message for people."""
    found = refusal_of(error, SUBJECT)
    assert found.status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        **({} if details is None else {"details": details}),
        "code": code,
    }


def test_expiry_and_an_absent_store_say_what_to_do() -> None:
    """410: list again; 503: ask again, and when."""
    assert refusal_of(Expired("x"), SUBJECT).code == 410
    away = refusal_of(StoreUnavailable(), SUBJECT)
    assert (away.code, away.headers) == (503, {"Retry-After": "1"})


def test_one_fault_stands_alone_and_several_in_brackets() -> None:
    """As Kubernetes joins them; each is a cause with its field."""
    one = [FieldError("spec.a", "missing field(s)")]
    assert refusal_of(InvalidResource(one), SUBJECT).status["message"] == (
        'Broker.eventing.knative.dev "b1" is invalid: spec.a: missing field(s)'
    )
    found = refusal_of(InvalidResource([*one, FieldError("spec.b", "Forbidden: no")]), SUBJECT)
    assert found.message.endswith("is invalid: [spec.a: missing field(s), spec.b: Forbidden: no]")
    assert found.status["details"] == {
        "name": "b1",
        "group": "eventing.knative.dev",
        "kind": "Broker",
        "causes": [
            {"reason": "FieldValueRequired", "message": "missing field(s)", "field": "spec.a"},
            {"reason": "FieldValueForbidden", "message": "Forbidden: no", "field": "spec.b"},
        ],
    }


def test_core_kinds_are_named_without_a_group() -> None:
    """`Namespace "x"`, not `Namespace. "x"`."""
    found = refusal_of(InvalidResource([FieldError("metadata.name", "x")]), Subject(NAMESPACE, "n"))
    assert found.message == 'Namespace "n" is invalid: metadata.name: x'
    assert found.status["details"]["causes"][0]["reason"] == "FieldValueInvalid"


def test_a_deletion_is_answered_with_what_was_deleted() -> None:
    """Clients wait for that uid to go."""
    found = refusal.success(SUBJECT, "1")
    assert (found["status"], found["details"]) == ("Success", {**NAMED, "uid": "1"})


def test_refusals_of_requests_have_their_codes() -> None:
    """405 says what is allowed, 406 and 415 what is taken."""
    assert refusal.method_not_allowed(("GET", "PUT")).headers == {"Allow": "GET, PUT"}
    assert refusal.unsupported_media_type(("a/b", "c/d")).message == (
        "the body of the request was in an unknown format - accepted media types include: a/b, c/d"
    )
    assert refusal.not_acceptable(("a/b",)).code == 406
    assert refusal.too_large("big").status["reason"] == "RequestEntityTooLarge"
    assert refusal.unprocessable().status["details"] == {}
