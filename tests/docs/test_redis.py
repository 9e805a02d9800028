"""What is said of Redis is said everywhere alike."""

from eventing.doctor.redis_judgement import LOST
from tests.docs.page import page, rows, section

PAGE = page("docs/redis.md")
WORTH = {row[0]: row[-1] for row in rows(section(PAGE, "What a 202 is worth"))}


def test_what_a_power_cut_loses_is_what_the_doctor_says() -> None:
    """For each setting of `appendfsync` that may lose something; so does the doctor's page."""
    for fsync, lost in LOST.items():
        assert lost in next(told for setting, told in WORTH.items() if f"`yes`, `{fsync}`" in setting)
    assert f"`everysec` loses {LOST['everysec']}" in page("docs/doctor.md")


def test_what_was_measured_is_what_the_score_says() -> None:
    """The oldest event that `everysec` lost."""
    measured = {row[0]: row[-1] for row in rows(section(page("docs/crash-score.md"), "Redis and a power cut"))}
    (told,) = [told for setting, told in WORTH.items() if "everysec" in setting]
    assert told.endswith(f"nothing older than {measured['`everysec`']}")
