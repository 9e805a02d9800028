"""Settings: where they come from, and what they refuse."""

import re

import pytest
from pydantic import ValidationError

from eventing.settings import PortTaken, Settings


def test_the_environment_sets_and_the_caller_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    """EVENTING_ and the name in capitals; what is given in code counts more."""
    monkeypatch.setenv("EVENTING_PORT", "1234")
    monkeypatch.setenv("EVENTING_API_PORT", "4321")
    settings = Settings(api_port=0)
    assert (1234, 0) == (settings.port, settings.api_port)


def test_settings_never_change() -> None:
    """Frozen: who holds them may rely on them."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", 65536), ("port", -1), ("memory_backlog_share", 0), ("memory_backlog_share", 1.1), ("ttl_max", 0),
     ("request_timeout_s", 0), ("event_size_max_bytes", "1MiB"), ("ingress", "wsgi"), ("log_level", "loud")],
)  # fmt: skip
def test_a_value_out_of_range_is_refused_by_name(name: str, value: object) -> None:
    """The error tells which setting."""
    with pytest.raises(ValidationError) as refused:
        Settings(**{name: value})
    assert [(name,)] == [error["loc"] for error in refused.value.errors()]


def test_every_setting_is_described() -> None:
    """One or two sentences each, for the manual."""
    undescribed = [name for name, setting in Settings.model_fields.items() if not (setting.description or "").strip()]
    assert [] == undescribed


def test_every_number_has_its_unit_in_its_name() -> None:
    """Seconds and bytes say so; the rest are counts, shares and ports."""
    unit = re.compile(r"(_s|_bytes|_max|_min|_share|_failures|_partitions|_factor|port|^workers)$")
    values = {name: getattr(Settings(), name) for name in Settings.model_fields}
    numbers = [name for name, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)]
    assert [] == [name for name in numbers if not unit.search(name)]


def test_a_taken_port_names_the_option_to_change() -> None:
    """For whoever reads the line."""
    taken = PortTaken("--api-port", "127.0.0.1", 8081)
    assert ("--api-port", "127.0.0.1", 8081) == (taken.option, taken.host, taken.port)
    assert str(taken).startswith("--api-port: 127.0.0.1 port 8081 is taken")
