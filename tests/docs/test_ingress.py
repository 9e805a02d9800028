import ast
from collections.abc import Iterator
from http import HTTPStatus

from channels.codec import BATCH, STRUCTURED
from dispatcher.sighting import KNOWN_MAX, LENGTH_MAX
from eventing.ingress.host import channel_hosts
from eventing.ingress.intake import ALLOW
from tests.docs.page import ROOT, code, page, rows, section

PAGE = page("docs/ingress.md")


def statuses() -> Iterator[int]:
    """Every final HTTP status that the ingress' code names."""
    known = {int(status) for status in HTTPStatus if status >= 200}
    for file in (ROOT / "eventing/ingress").glob("*.py"):
        constants = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
        yield from (value for value in constants if type(value) is int and value in known)


def test_every_answer_stands_there() -> None:
    """Neither is a status without its line, nor a line without its status."""
    assert set(statuses()) == {int(row[0]) for row in rows(section(PAGE, "Answers"))}


def test_the_media_types_that_are_spoken_stand_there() -> None:
    """As a producer must send them."""
    assert {STRUCTURED, BATCH} == {word for word in code(section(PAGE, "What is accepted")) if "cloudevents" in word}


def test_the_methods_that_are_allowed_stand_there() -> None:
    """The 405's own header says the same."""
    line = next(row[1] for row in rows(section(PAGE, "Answers")) if row[0] == "405")
    assert ALLOW.replace(", ", " and ") in line


def test_the_bounds_of_what_is_sighted_stand_there() -> None:
    """Whoever misses an EventType needs them."""
    told = section(PAGE, "Types of events")
    assert all(f"{bound:,}" in told for bound in (KNOWN_MAX, LENGTH_MAX))


def test_every_name_of_a_channel_stands_there() -> None:
    """The whole one, and those that DNS completes."""
    told = section(PAGE, "Addresses")
    assert all(f"`{host.decode()}`" in told for host in channel_hosts("NAMESPACE", "NAME", "DOMAIN"))
