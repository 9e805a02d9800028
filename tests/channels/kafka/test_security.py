"""The keys of Knative's Secret."""

import pytest
import trustme

from channels.errors import ChannelUnavailable
from channels.kafka import KafkaCluster
from channels.kafka.security import Security
from channels.witness import events_of, receive
from tests.channels.kafka.stage import QUICK, a_channel
from tests.rig.kafka import Kafka


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


def shown(server: Kafka, authority: trustme.CA) -> dict[str, str]:
    """The Secret of somebody whose certificate is of that authority."""
    issued = authority.issue_cert("eventing")
    return {
        "protocol": "SSL",
        "ca.crt": server.authority.cert_pem.bytes().decode(),
        "user.crt": b"".join([part.bytes() for part in issued.cert_chain_pems]).decode(),
        "user.key": issued.private_key_pem.bytes().decode(),
    }


async def test_who_has_a_certificate_comes_in(kafka_secure: Kafka) -> None:
    """Where the cluster wants to see one: by all connections that a channel has."""
    security = Security.from_secret(shown(kafka_secure, kafka_secure.authority))
    async with (
        KafkaCluster(kafka_secure.address("CERTIFIED"), security=security, timing=QUICK) as cluster,
        a_channel(cluster) as channel,
        channel.subscribe("g") as member,
    ):
        await channel.publish(events_of(1, 1))
        member.ack(await receive(member, 1))


@pytest.mark.parametrize("skip", ["true", "false"])
async def test_who_has_none_that_the_cluster_trusts_is_told_so(kafka_secure: Kafka, skip: str) -> None:
    """Whether it shows none, or that of another authority."""
    security = Security.from_secret({**shown(kafka_secure, trustme.CA()), "user.skip": skip})
    address = kafka_secure.address("CERTIFIED")
    async with KafkaCluster(address, security=security, timing=QUICK, timeout_s=3.0) as cluster:
        with pytest.raises(ChannelUnavailable, match="Unable to bootstrap"):
            async with a_channel(cluster):
                raise AssertionError
