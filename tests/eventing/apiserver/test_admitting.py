"""From what was sent to what is stored."""

from dataclasses import replace
from typing import Any

import pytest

from eventing.apiserver.admitting import admit_object, admit_status, manager_of, with_managed_fields
from eventing.apiserver.query import WriteOptions
from eventing.apiserver.refusal import Refused
from eventing.apiserver.target import Target
from eventing.errors import InvalidResource
from eventing.resources.kind import Context
from eventing.resources.trigger import TRIGGER
from tests.eventing.apiserver.stage import trigger

TARGET = Target(TRIGGER.served, "default", "t")
STATUS = replace(TARGET, subresource="status")
NOW = "2026-11-27T00:00:00Z"
OPTIONS = WriteOptions(manager="kubectl")
STRICT = replace(OPTIONS, field_validation="Strict")
IGNORE = replace(OPTIONS, field_validation="Ignore")


def stored(**more: Any) -> dict[str, Any]:
    return {**trigger(namespace="default", uid="1", resourceVersion="5"), **more}


def test_a_manager_is_who_writes_what_when() -> None:
    """By the version and the subresource of the path."""
    found = manager_of(STATUS, OPTIONS, NOW)
    assert (found.name, found.api_version, found.time, found.subresource) == (
        "kubectl", "eventing.knative.dev/v1", NOW, "status",
    )  # fmt: skip


def test_an_object_is_completed_and_owned() -> None:
    """Defaults are the creator's, too."""
    fit = admit_object(TARGET, trigger(namespace="default"), None, options=OPTIONS, context=Context(), now=NOW)
    (entry,) = fit.item["metadata"]["managedFields"]
    assert entry["fieldsV1"]["f:spec"]["f:filter"] == {}
    assert fit.warnings == ()


@pytest.mark.parametrize(("options", "warnings"), [(OPTIONS, ('unknown field "spec.brokr"',)), (IGNORE, ())])
def test_unknown_fields_are_told_as_asked(options: WriteOptions, warnings: tuple[str, ...]) -> None:
    """Warned of or ignored."""
    item = trigger(namespace="default")
    item["spec"]["brokr"] = "x"
    fit = admit_object(TARGET, item, None, options=options, context=Context(), now=NOW)
    assert warnings == fit.warnings


def test_strictly_they_are_refused_before_anything_else() -> None:
    """Even where the object is invalid as well."""
    item = trigger(namespace="default")
    item["spec"] |= {"brokr": "x", "broker": [1]}
    with pytest.raises(Refused, match="strict decoding error"):
        admit_object(TARGET, item, None, options=STRICT, context=Context(), now=NOW)
    del item["spec"]["brokr"]
    with pytest.raises(InvalidResource):
        admit_object(TARGET, item, None, options=STRICT, context=Context(), now=NOW)


def test_a_status_changes_nothing_else() -> None:
    """What was sent besides is left alone; unknown fields of it are told."""
    given = {**trigger(), "status": {"subscriberUri": "x", "what": 1}, "spec": {"broker": "other"}}
    fit = admit_status(STATUS, given, stored(), options=OPTIONS, now=NOW)
    assert (fit.item["spec"]["broker"], fit.item["status"]) == ("b", {"subscriberUri": "x"})
    assert fit.warnings == ('unknown field "status.what"',)
    with pytest.raises(Refused):
        admit_status(STATUS, given, stored(), options=STRICT, now=NOW)


def test_a_status_may_be_taken_away() -> None:
    """By one that is absent or null."""
    old = stored(status={"subscriberUri": "x"})
    assert "status" not in admit_status(STATUS, {**trigger(), "status": None}, old, options=OPTIONS, now=NOW).item
    with pytest.raises(InvalidResource):
        admit_status(STATUS, {**trigger(), "status": []}, old, options=OPTIONS, now=NOW)


def test_owners_of_a_status_can_be_forgotten() -> None:
    """As those of an object: by an empty list."""
    given = {**trigger(managedFields=[]), "status": {"subscriberUri": "x"}}
    item = admit_status(STATUS, given, stored(), options=OPTIONS, now=NOW).item
    assert "managedFields" not in item["metadata"]


def test_no_owners_are_no_member() -> None:
    """Rather than an empty list."""
    assert with_managed_fields(trigger(managedFields=[1]), []) == trigger()
