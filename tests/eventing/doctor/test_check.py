import re

from eventing.doctor.check import Check


def test_names_are_words_with_hyphens() -> None:
    """As reports and the documentation have them."""
    assert [] == [check for check in Check if not re.fullmatch(r"[a-z]+(-[a-z]+)*", check.value)]
