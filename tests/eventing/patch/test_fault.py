"""What a faulty patch tells its sender."""

import pytest

from eventing.patch.fault import MalformedPatch, PatchNotApplicable, PatchTooLarge


@pytest.mark.parametrize("fault", [MalformedPatch, PatchNotApplicable, PatchTooLarge])
def test_a_fault_names_its_place(fault: type[MalformedPatch | PatchNotApplicable]) -> None:
    """The operation and the path stand before the reason, as far as they are known."""
    assert str(fault("why")) == "why"
    assert str(fault("why", path="/a")) == "/a: why"
    assert str(fault("why", index=0)) == "operation 0: why"
    assert str(fault("why", index=2, path="/a")) == "operation 2, /a: why"
    assert (fault("why", index=2, path="/a").index, fault("why", path="/a").path) == (2, "/a")
