from datetime import UTC, datetime, timedelta

import pytest
import trustme

from eventing.doctor.certificate_judgement import judge_certificate

NOW = datetime(2030, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts_days", "ends_days", "verdict"),
    [(-1, 90, "ok"), (-60, 5, "warning"), (-90, -1, "failure"), (1, 90, "failure")],
)
def test_a_certificate_is_judged_by_its_time(starts_days: int, ends_days: int, verdict: str) -> None:
    """Before, within, soon after and after."""
    authority = trustme.CA()
    not_before, not_after = NOW + timedelta(days=starts_days), NOW + timedelta(days=ends_days)
    chain = authority.issue_cert("localhost", not_before=not_before, not_after=not_after).cert_chain_pems[0]
    found = judge_certificate(chain.bytes().decode(), NOW.timestamp())
    assert (verdict, verdict == "ok") == (found.verdict, found.advice == "")
