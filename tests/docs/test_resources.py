"""docs/resources.md is what the definitions say."""

import re

from eventing.resources.catalogue import KINDS
from tests.docs.page import code, rows, section, sections
from tests.docs.reference import PATH, SHAPES, page

PAGE = PATH.read_text()


def test_the_page_is_what_the_definitions_say() -> None:
    """Whoever changes a field writes the page anew: `python -m tests.docs.reference`."""
    assert page() == PAGE


def test_every_kind_and_every_shape_has_its_section() -> None:
    """And nothing else has."""
    assert sections(PAGE) == [*(kind.name for kind in KINDS), *SHAPES]


def test_every_field_is_told_with_its_meaning() -> None:
    """Of a kind's first level, and of what hangs below it."""
    for kind in KINDS:
        table = {code(row[0])[0]: row for row in rows(section(PAGE, kind.name))}
        assert set(kind.fields) <= set(table)
        assert all(row[1] and row[2] for row in table.values())


def test_links_within_the_page_lead_somewhere() -> None:
    """To a section."""
    assert set(re.findall(r"\]\(#([a-z]+)\)", PAGE)) <= {title.lower() for title in sections(PAGE)}
