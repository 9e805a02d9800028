"""`eventing crds`."""

import pytest
import yaml
from typer.testing import CliRunner

from eventing.cli import app
from eventing.cli.output import Failure
from eventing.resources.catalogue import KINDS


def printed(*names: str) -> list[str]:
    result = CliRunner().invoke(app, ["crds", *names])
    if isinstance(result.exception, Failure):
        raise result.exception
    return [document["spec"]["names"]["kind"] for document in yaml.safe_load_all(result.stdout)]


def test_all_kinds_with_a_group_are_printed() -> None:
    """One document each, in the catalogue's order."""
    assert printed() == [kind.name for kind in KINDS if kind.group]


def test_kinds_are_chosen_by_any_of_their_names() -> None:
    """Kind, plural, short name, or with the group; the order stays."""
    assert printed("triggers", "Broker") == ["Broker", "Trigger"]
    assert printed("imc") == ["InMemoryChannel"]
    assert printed("channels.messaging.knative.dev") == ["Channel"]


def test_what_no_kind_is_called_is_misuse() -> None:
    """Core kinds have no definition."""
    for name in ("nonsense", "secret"):
        with pytest.raises(Failure, match=f"no kind '{name}'") as caught:
            printed("broker", name)
        assert caught.value.code == 2
