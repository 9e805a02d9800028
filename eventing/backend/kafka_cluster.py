"""A Kafka cluster as a backend: its topics are channels."""

from typing import Self

from channels.contract import Channel
from channels.dead_letter import DeadLetters
from channels.kafka import KafkaChannel, KafkaCluster, Security, Timing, Topic
from dispatcher.fanout import GROUP
from eventing.backend.contract import Remote
from eventing.errors import ResolutionError
from eventing.resources import engine as engines
from eventing.resources import retention as spoken
from eventing.resources.login import SECRET_INVALID, Login


class KafkaBackend:
    """One connection. A channel holds no more than `events_max` events of `size_max_bytes` that somebody has still to
    get, and the cluster no more than `dead_letter_events_max` dead letters. After `lease_s` without a word this process
    is taken for dead.
    """

    persistence = "acks=all"

    def __init__(
        self,
        server: engines.ServerKey,
        login: Login | None,
        *,
        events_max: int,
        size_max_bytes: int,
        dead_letter_events_max: int,
        lease_s: float,
    ) -> None:
        self._server = server
        self._events_max = events_max
        self._size_max_bytes = size_max_bytes
        self._problem = ""
        """Why a login that came later could not be used."""
        self._cluster = KafkaCluster(
            server.address,
            security=_security(server, login),
            timing=_timing(lease_s),
            dead_letter_events_max=dead_letter_events_max,
        )
        self.dead_letters: DeadLetters = self._cluster.dead_letters
        self.place = ",".join(sorted({one.strip().lower() for one in server.address.split(",")}))

    async def __aenter__(self) -> Self:
        await self._cluster.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._cluster.__aexit__(*exc)

    @property
    def identity(self) -> str:
        """What the cluster calls itself."""
        return self._cluster.identity

    @property
    def fault(self) -> str:
        """As the cluster told last, whichever channel asked."""
        return self._problem or self._cluster.link.fault or ""

    def fault_of(self, channel: Channel) -> str:
        """Its own, or the cluster's."""
        assert isinstance(channel, KafkaChannel)
        return self.fault or channel.fault or ""

    def channel(self, name: str, engine: Remote, retention: spoken.Retention) -> Channel:
        """The topic. Events bear where they were found, as in Knative. How long they stay is the topic's affair."""
        assert isinstance(engine, engines.Kafka)
        return self._cluster.channel(
            name,
            topic=_topic(engine),
            events_max=self._events_max,
            size_max_bytes=self._size_max_bytes,
            adds_position_attributes=True,
        )

    def keep(self, channel: Channel, retention: spoken.Retention) -> None:
        """The topic's affair."""

    async def drop(self, name: str, engine: Remote) -> None:
        """The topic, unless it is somebody else's; what is ours beside it in any case, and groups of ours."""
        assert isinstance(engine, engines.Kafka)
        await self._cluster.drop(_topic(engine), (GROUP,))

    async def log_in(self, login: Login | None) -> None:
        """Connections that are open are made anew; where the login is of no use, they stay, and that is a fault."""
        try:
            await self._cluster.replace_security(_security(self._server, login))
        except ResolutionError as error:
            self._problem = error.message
        else:
            self._problem = ""


def _timing(lease_s: float) -> Timing:
    """Several heartbeats in a session; a takeover waits for half of one."""
    return Timing(session_s=lease_s, heartbeat_s=lease_s / 5, patience_s=lease_s / 2)


def _topic(engine: engines.Kafka) -> Topic:
    topic = engine.topic
    return Topic(topic.name, topic.partitions, topic.replication_factor, topic.config, topic.is_external)


def _security(server: engines.ServerKey, login: Login | None) -> Security | None:
    """Raises ResolutionError where a certificate or key is none."""
    if login is None:
        return None
    protocol = ("SASL_" if login.mechanism else "") + ("SSL" if login.has_tls else "PLAINTEXT")
    security = Security(
        protocol,
        login.mechanism or "PLAIN",
        login.user,
        login.password,
        login.ca_certificates,
        login.certificate,
        login.key,
    )
    try:
        security.options()
    except ValueError as error:
        place = "the Secret" if server.secret is None else f"secret {server.secret.namespace}/{server.secret.name}"
        raise ResolutionError(SECRET_INVALID, f"{place}: {error}") from error
    return security
