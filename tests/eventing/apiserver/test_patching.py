"""Patches by their media types."""

from typing import Any

import pytest

from eventing.apiserver.patching import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    Patch,
    apply_patch,
    apply_wanted,
    patch_types,
)
from eventing.apiserver.refusal import FieldConflict, Refused
from eventing.patch.json_patch import OPERATIONS_MAX
from eventing.patch.managed_field import Manager
from eventing.resources.broker import BROKER
from eventing.resources.core import CONFIG_MAP

OLD: dict[str, Any] = {"metadata": {"name": "x"}, "data": {"a": "1"}}


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (JSON_PATCH, [{"op": "add", "path": "/data/b", "value": "2"}]),
        (MERGE_PATCH, {"data": {"b": "2"}}),
        (STRATEGIC_PATCH, {"data": {"b": "2"}}),
    ],
)
def test_a_patch_is_applied_in_its_language(media_type: str, body: Any) -> None:
    """The same change, said in three ways."""
    found = apply_patch(OLD, Patch(media_type, body), CONFIG_MAP.served)
    assert found["data"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("media_type", "body", "code"),
    [
        (JSON_PATCH, {}, 400),
        (JSON_PATCH, [{"op": "remove", "path": "/spec"}], 422),
        (JSON_PATCH, [{"op": "test", "path": "", "value": 1}] * (OPERATIONS_MAX + 1), 413),
        (STRATEGIC_PATCH, [], 400),
        ("text/plain", {}, 415),
    ],
)
def test_a_patch_that_cannot_be_applied_is_refused(media_type: str, body: Any, code: int) -> None:
    """400 for what is no patch, 413 for too much of it, 422 where it does not fit."""
    with pytest.raises(Refused) as caught:
        apply_patch(OLD, Patch(media_type, body), CONFIG_MAP.served)
    assert code == caught.value.code


def test_strategic_patches_are_for_core_kinds() -> None:
    """As in Kubernetes, whose words clients know."""
    assert STRATEGIC_PATCH in patch_types(CONFIG_MAP.served)
    with pytest.raises(Refused, match="accepted media types include") as caught:
        apply_patch(OLD, Patch(STRATEGIC_PATCH, {}), BROKER.served)
    assert caught.value.code == 415
    assert Patch(APPLY_PATCH, {}).is_apply


def test_an_apply_tells_of_conflicts_and_of_what_it_cannot_take() -> None:
    """Who owns what, as the API words it."""
    served = CONFIG_MAP.served
    live = apply_wanted(None, OLD, Manager("one", "v1", "T"), served, is_forced=False)
    other = {**OLD, "data": {"a": "2"}}
    with pytest.raises(FieldConflict) as caught:
        apply_wanted(live, other, Manager("two", "v1", "T"), served, is_forced=False)
    assert caught.value.causes == (('"one"', ".data.a"),)
    assert apply_wanted(live, other, Manager("two", "v1", "T"), served, is_forced=True)["data"] == {"a": "2"}
    with pytest.raises(Refused, match="must be nil"):
        apply_wanted(None, live, Manager("one", "v1", "T"), served, is_forced=False)
