"""Which settings can be several processes, and the words for those that cannot."""

import pytest

from eventing.role import CannotSplit, check, roles_of
from eventing.settings import Settings

POSTGRES = "postgresql://h/d"


@pytest.mark.parametrize("given", ["ingress,dispatcher", " dispatcher , ingress ", ("ingress", "dispatcher")])
def test_roles_are_told_with_commas_between_them(given: object) -> None:
    """In the environment, and on the command line."""
    assert frozenset({"ingress", "dispatcher"}) == roles_of(Settings(role=given))
    assert frozenset() == roles_of(Settings())


def test_a_single_process_may_be_set_up_as_it_likes() -> None:
    check(Settings(), has_files=True)


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("^--role: a SQLite file belongs to one process", {"role": "ingress"}),
        ("^--workers: a SQLite file belongs to one process", {"workers": 2, "database_url": "sqlite:///x"}),
        ("^--role: one process owns a journal", {"role": "ingress", "database_url": POSTGRES}),
        ("^--workers: memory is one", {"workers": 2, "database_url": POSTGRES, "default_channel": "memory"}),
        ("^--workers: .* leave --role away", {"workers": 2, "role": "ingress"}),
    ],
)
def test_what_cannot_be_several_processes_is_refused(words: str, settings: dict[str, object]) -> None:
    with pytest.raises(CannotSplit, match=words):
        check(Settings(**settings), has_files=False)
