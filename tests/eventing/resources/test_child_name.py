"""Names of children: Knative's own vectors, and what holds for every name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.resources.child_name import child_name
from eventing.resources.metadata import is_label_value

VECTORS = {
    ("broker", "-kne-trigger"): "broker-kne-trigger",
    ("f" * 63, "-deployment"): "ffffffffffffffffffff105d7597f637e83cc711605ac3ea4957-deployment",
    ("f" * 63, "f" * 63): "fffffffffffffffffffffffffffffff0502661254f13c89973cb3a83e0cbec0",
    ("a", "f" * 63): "ab5cfd486935decbc0d305799f4ce4414ffffffffffffffffffffffffffffff",
    ("aaaa", "b---a" * 20): "aaaa7a3f7966594e3f0849720eced8212c18b---ab---ab---ab---ab---ab",
    ("a" * 17, "a.-.-.-.-.-.-." + "a" * 37): "aaaaaaaaaaaaaaaaaa1eb10dc911444f8434af83b7225442da",
}
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,250}[a-z0-9])?", fullmatch=True)
SUFFIXES = st.from_regex(r"-[-a-z0-9]{0,80}[a-z0-9]", fullmatch=True)


@pytest.mark.parametrize(("parent", "suffix"), VECTORS)
def test_children_are_named_as_by_knative(parent: str, suffix: str) -> None:
    """Who looks for a child by its name finds it."""
    assert VECTORS[parent, suffix] == child_name(parent, suffix)


@given(NAMES, SUFFIXES)
def test_a_child_has_a_name_that_a_label_can_hold(parent: str, suffix: str) -> None:
    """However long the parent's name is; and a suffix that fits stays whole."""
    name = child_name(parent, suffix)
    assert is_label_value(name)
    assert name.endswith(suffix) or len(suffix) >= 31
