"""What a Kafka cluster is told of a login. What it does is proven on a real one, in tests/e2e/test_kafka.py."""

import pytest

from eventing.backend.kafka_cluster import KafkaBackend
from eventing.errors import ResolutionError
from eventing.resources.engine import ServerKey
from eventing.resources.identity import Key
from eventing.resources.login import Login

SERVER = ServerKey("kafka", "127.0.0.1:9", Key("", "Secret", "ns", "s"))
NO_CERTIFICATE = Login(ca_certificates="-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", has_tls=True)


async def test_a_certificate_that_is_none_is_told_by_its_secret() -> None:
    """Before anybody connects."""
    with pytest.raises(ResolutionError, match=r"secret ns/s: ca\.crt, user\.crt or user\.key: ") as caught:
        KafkaBackend(SERVER, NO_CERTIFICATE, events_max=9, size_max_bytes=9, dead_letter_events_max=9, lease_s=9.0)
    assert "SecretInvalid" == caught.value.reason


async def test_a_later_login_that_is_of_no_use_is_a_fault_and_no_crash() -> None:
    """Until one comes that is."""
    backend = KafkaBackend(
        SERVER,
        Login(user="u", password="p", mechanism="PLAIN"),
        events_max=9,
        size_max_bytes=9,
        dead_letter_events_max=9,
        lease_s=9.0,
    )
    assert "" == backend.fault
    await backend.log_in(NO_CERTIFICATE)
    assert backend.fault.startswith("secret ns/s: ")
    await backend.log_in(Login(user="u", password="q", mechanism="SCRAM-SHA-512", has_tls=True))
    await backend.log_in(None)
    assert "" == backend.fault
