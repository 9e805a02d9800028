"""Each backend's section is its own."""

from tests.crash.page import sections, with_section


def test_a_section_is_replaced_and_the_others_stay() -> None:
    page = with_section(with_section("", "Journal", "old\n\n| a |\n"), "Kafka", "as it was\n")
    assert {"Journal": "new", "Kafka": "as it was"} == sections(with_section(page, "Journal", "new\n"))


def test_sections_stand_in_one_order_whatever_was_run_first() -> None:
    page = with_section(with_section("", "Kafka", "k"), "Journal", "j")
    assert ["Journal", "Kafka"] == list(sections(page))
    assert page == with_section(page, "Kafka", "k")
