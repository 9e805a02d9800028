"""The keys of Knative's Secret."""

import pytest

from channels.kafka.security import Security


def test_nothing_is_no_security() -> None:
    assert {"security_protocol": "PLAINTEXT"} == Security.from_secret({}).options()


def test_secrets_are_not_shown() -> None:
    data = {"protocol": "SASL_PLAINTEXT", "user": "alice", "password": "hush", "user.key": "hush"}
    assert "hush" not in repr(Security.from_secret(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"protocol": "SASL"}, "protocol: "),
        ({"protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI"}, "sasl.mechanism: "),
        ({"protocol": "SASL_SSL", "user": "alice"}, "password: "),
        ({"protocol": "SASL_SSL", "password": "hush"}, "user: "),
    ],
)
def test_what_is_wrong_is_named(data: dict[str, str], words: str) -> None:
    """By its key."""
    with pytest.raises(ValueError, match=words):
        Security.from_secret(data)


def test_certificates_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"ca\.crt"):
        Security.from_secret({"protocol": "SSL", "ca.crt": "none"}).options()


def test_a_certificate_of_ours_may_be_left_out() -> None:
    """By `user.skip`, as Knative has it."""
    data = {"protocol": "SSL", "user.crt": "c", "user.key": "k", "user.skip": "true"}
    assert ("", "") == (Security.from_secret(data).certificate, Security.from_secret(data).key)
