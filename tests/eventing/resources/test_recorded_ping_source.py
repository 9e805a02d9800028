"""PingSources: what each version shows of what was stored, against what Knative's conversion showed."""

import pytest

from eventing.resources.admission import admit
from eventing.resources.kind import Served
from eventing.resources.ping_source import PING_SOURCE
from tests.eventing.resources.recorded import comparable, context_of, recorded

DEFAULTING = recorded("defaulting.json", ("PingSource",))


@pytest.mark.parametrize("name", [name for name, case in DEFAULTING.items() if "read_as" in case])
def test_a_stored_object_is_read_in_each_version_as_recorded(name: str) -> None:
    """And who reads the deprecated one is told so, in the same words."""
    case = DEFAULTING[name]
    given = PING_SOURCE.find_version(case["object"]["apiVersion"].rpartition("/")[2])
    assert given is not None
    stored = admit(Served(PING_SOURCE, given), case["object"], context=context_of(case)).item
    for version in PING_SOURCE.versions:
        read = PING_SOURCE.from_stored(stored, version)
        expected = case["read_as"][version.name]
        assert (expected["apiVersion"], comparable(expected)) == (read["apiVersion"], comparable(read))
        warnings = [f'299 - "{version.deprecation}"'] if version.deprecation else []
        assert case["read_as"].get(f"{version.name} warnings", []) == warnings
