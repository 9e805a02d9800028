from eventing.doctor.check import Check
from eventing.doctor.finding import Diagnosis, failure, ok, skipped, warning

FINE = ok(Check.FSYNC, "fast")
SLOW = warning(Check.FSYNC, "slow", "buy a disk")
DEAD = failure(Check.FSYNC, "none", "buy a disk")


def test_secrets_are_hidden_wherever_they_are_repeated() -> None:
    """A driver may repeat in its words what it was given."""
    told = failure(Check.REDIS_LOGIN, "user:hunter2 is refused", "not hunter2, then").without(["hunter2"])
    assert ("user:*** is refused", "not ***, then") == (told.words, told.advice)


def test_words_stay_readable_where_a_secret_is_next_to_nothing() -> None:
    """An empty one, or a letter, is not looked for."""
    assert FINE == FINE.without(["", "a"])


def test_only_failures_fail() -> None:
    """Warnings are for people."""
    assert not Diagnosis("x", [FINE, SLOW, skipped(Check.FSYNC, "unseen")]).has_failed
    assert Diagnosis("x", [FINE, DEAD, SLOW]).has_failed


def test_a_diagnosis_is_plain_json() -> None:
    """With every member of every finding."""
    expected = {
        "subject": "disk",
        "findings": [{"check": "fsync", "verdict": "warning", "words": "slow", "advice": "buy a disk"}],
    }
    assert expected == Diagnosis("disk", [SLOW]).as_json()
