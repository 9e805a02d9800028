"""How long a certificate is good for. Pure: the time is given."""

from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from eventing.doctor.check import Check
from eventing.doctor.finding import Finding, failure, ok, warning

RENEW_DAYS: Final = 21
"""Let's Encrypt and cert-manager renew with a third of the time left: 30 days of 90."""


def judge_certificate(chain: str, now_s: float) -> Finding:
    """The first certificate of a chain in PEM, at a time in seconds since the epoch."""
    certificate = x509.load_pem_x509_certificate(chain.encode())
    now, start, end = (
        datetime.fromtimestamp(now_s, UTC),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )
    advice = "renew it: a server that is running reads it again by itself"
    if now < start:
        return failure(Check.API_CERTIFICATE, f"it is not valid before {start:%Y-%m-%d %H:%M} UTC", "look at the clock")
    if now >= end:
        return failure(Check.API_CERTIFICATE, f"it expired on {end:%Y-%m-%d %H:%M} UTC", advice)
    days = (end - now).days
    words = f"it fits its key, and is valid until {end:%Y-%m-%d} ({days} days)"
    return warning(Check.API_CERTIFICATE, words, advice) if days < RENEW_DAYS else ok(Check.API_CERTIFICATE, words)
