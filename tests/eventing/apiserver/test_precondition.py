"""Preconditions of writes."""

from typing import Any

import pytest

from eventing.apiserver.precondition import check_deletable, check_same, check_versioned
from eventing.apiserver.query import DeleteOptions
from eventing.apiserver.refusal import FailedPrecondition
from eventing.apiserver.target import Target
from eventing.errors import InvalidResource
from eventing.resources.broker import BROKER
from eventing.resources.core import CONFIG_MAP

OLD: dict[str, Any] = {"metadata": {"uid": "1", "resourceVersion": "5"}}


def test_custom_kinds_are_replaced_by_who_has_read_them() -> None:
    """Core kinds by everybody, as in Kubernetes."""
    bare: dict[str, Any] = {"metadata": {}}
    with pytest.raises(InvalidResource, match=r"metadata.resourceVersion: Invalid value: 0x0"):
        check_versioned(bare, Target(BROKER.served))
    check_versioned(OLD, Target(BROKER.served))
    check_versioned(bare, Target(CONFIG_MAP.served))


@pytest.mark.parametrize("metadata", [{}, {"uid": "1"}, {"resourceVersion": "5"}, {"uid": "", "resourceVersion": ""}])
def test_who_names_nothing_or_the_right_may_write(metadata: dict[str, str]) -> None:
    """Empty is unnamed."""
    check_same(OLD, {"metadata": metadata})


@pytest.mark.parametrize(
    ("metadata", "words"), [({"uid": "2"}, "UID in precondition: 2"), ({"resourceVersion": "4"}, "the object has been")]
)
def test_who_means_another_may_not(metadata: dict[str, str], words: str) -> None:
    """In Kubernetes' words."""
    with pytest.raises(FailedPrecondition, match=words):
        check_same(OLD, {"metadata": metadata})


def test_deletions_have_the_same_preconditions() -> None:
    """In their own words."""
    check_deletable(OLD, DeleteOptions())
    check_deletable(OLD, DeleteOptions(uid="1", resource_version="5"))
    with pytest.raises(FailedPrecondition, match=r"the UID in the precondition \(2\)"):
        check_deletable(OLD, DeleteOptions(uid="2"))
    with pytest.raises(FailedPrecondition, match=r"the ResourceVersion in the precondition \(4\)"):
        check_deletable(OLD, DeleteOptions(resource_version="4"))
