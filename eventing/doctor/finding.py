"""What was found: one line of a report, and the lines about one subject. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from eventing.doctor.check import Check

Verdict = Literal["ok", "warning", "failure", "skipped"]
"""`failure`: it does not work, or loses events. `warning`: it works, and somebody should know. `skipped`: not seen."""
_HIDDEN: Final = "***"
_SECRET_SIZE_MIN: Final = 4
"""A shorter one is hidden by never being told; replacing it would only make words unreadable."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has seen, and what to do about it; `advice` is empty where there is nothing to do."""

    check: Check
    verdict: Verdict
    words: str
    advice: str = ""

    def without(self, secrets: Iterable[str]) -> "Finding":
        """The same, with each of those texts hidden wherever a server or a driver has repeated it."""
        words, advice = self.words, self.advice
        for secret in secrets:
            if len(secret) >= _SECRET_SIZE_MIN:
                words, advice = words.replace(secret, _HIDDEN), advice.replace(secret, _HIDDEN)
        return replace(self, words=words, advice=advice)


def ok(check: Check, words: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", words)


def warning(check: Check, words: str, advice: str) -> Finding:
    """It works, and not as well as it should."""
    return Finding(check, "warning", words, advice)


def failure(check: Check, words: str, advice: str) -> Finding:
    """It does not work, or what was accepted gets lost."""
    return Finding(check, "failure", words, advice)


def skipped(check: Check, words: str) -> Finding:
    """It could not be seen, or there is nothing to see."""
    return Finding(check, "skipped", words)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found about one subject, in the order it was looked at."""

    subject: str
    findings: Sequence[Finding]

    @property
    def has_failed(self) -> bool:
        """True where anything has."""
        return any(finding.verdict == "failure" for finding in self.findings)

    def as_json(self) -> Mapping[str, Any]:
        """As `-o json` shows it."""
        return {
            "subject": self.subject,
            "findings": [
                {"check": one.check.value, "verdict": one.verdict, "words": one.words, "advice": one.advice}
                for one in self.findings
            ],
        }
