from typing import get_args

from eventing.doctor.check import Check
from eventing.doctor.finding import Verdict
from tests.docs.page import first_column, page

PAGE = page("docs/doctor.md")


def test_every_check_and_verdict_stands_there() -> None:
    """Neither is a check without its line, nor a line without its check."""
    assert {check.value for check in Check} | set(get_args(Verdict)) == first_column(PAGE)


def test_operations_tell_of_the_page() -> None:
    """Who has trouble looks there."""
    assert "(doctor.md)" in page("docs/operations.md")
