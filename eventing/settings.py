"""What an operator may set: by environment (`EVENTING_` and the name in capitals) and, above it, by command line."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

IngressEngine = Literal["protocol", "asgi"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
DefaultChannel = Literal["journal", "memory", "redis", "kafka"]
Role = Literal["ingress", "dispatcher", "controller", "sources"]
Port = Annotated[int, Field(ge=0, le=65535)]
DatabaseUrl = Annotated[str, Field(pattern=r"^(sqlite:///.|postgresql(\+asyncpg)?://)")]
RedisUrl = Annotated[str, Field(pattern=r"^rediss?(\+sentinel|\+cluster)?://[^@]+$")]
BootstrapServers = Annotated[str, Field(pattern=r"^[^,\s]+(,[^,\s]+)*$")]
Share = Annotated[float, Field(gt=0, le=1)]


def _listed(value: object) -> object:
    """A text names several, with commas between them."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Roles = Annotated[tuple[Role, ...], NoDecode, BeforeValidator(_listed)]

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class PortTaken(OSError):  # noqa: N818 - named for what it is, like the errors of the kernel
    """The operator must act: another process listens there. `option` names the port on the command line: `--port`."""

    def __init__(self, option: str, host: str, port: int) -> None:
        super().__init__(f"{option}: {host} port {port} is taken; choose another port, or 0 for any free one")
        self.option = option
        self.host = host
        self.port = port


class CannotListen(OSError):  # noqa: N818
    """The operator must act: that address is not this machine's, or that port not this user's."""

    def __init__(self, option: str, host: str, port: int, reason: str) -> None:
        super().__init__(f"{option.removesuffix('port')}host, {option}: cannot listen on {host} port {port}: {reason}")


class Settings(BaseSettings):
    """All settings of one server, frozen. Each says what it bounds, and its source or precedent."""

    model_config = SettingsConfigDict(env_prefix="EVENTING_", frozen=True, use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Where the ingress listens. Loopback until told otherwise, as Redis and etcd do."""
    port: Port = 8080
    """The ingress' port; 0 takes a free one. Knative's receivers use 8080."""
    api_host: str = "127.0.0.1"
    """Where the API listens. On loopback it needs no token; anywhere else it does not start without token and TLS."""
    api_port: Port = 8081
    """The API's port; 0 takes a free one. The ingress' neighbour."""
    api_token_file: Path | None = None
    """File of bearer tokens, one per line, `TOKEN` or `TOKEN,USER`: with it nobody may use the API without one."""
    tls_cert: Path | None = None
    """Certificate of the API, with its chain, in PEM. Kubernetes' `tls.crt`."""
    tls_key: Path | None = None
    """The certificate's key, in PEM, without a password. Kubernetes' `tls.key`."""
    health_host: str = "127.0.0.1"
    """Where one of several processes tells how it is, without a token: `/healthz`, `/readyz` and `/metrics`."""
    health_port: Port = 8082
    """The port for that; 0 takes a free one. The API's neighbour."""
    role: Roles = ()
    """What this process is for, of several over one database: `ingress`, `dispatcher`, `controller`, `sources`, with
    commas between them; unset, everything in one process. Kafka's `process.roles` names them so, too."""
    workers: NonNegativeInt = 0
    """Processes that take and deliver events on one port of this machine, beside one for the API; 0 for a single
    process that does everything. nginx: `worker_processes`."""
    ingress_url: str | None = None
    """Where events are POSTed to, for the addresses in statuses: `http://HOST:PORT`; unset, where the ingress of this
    process listens, or would. Kafka's `advertised.listeners`."""
    lease_duration_s: Annotated[float, Field(ge=1)] = 15.0
    """Within this another process takes over what one did that vanished or stood still. Kubernetes' `LeaseDuration`."""
    port_shared: bool = False
    """Whether several processes of this machine take events on the same port, which the kernel spreads connections
    over. nginx: `reuseport`."""
    process_name: str | None = None
    """What its lines in the log begin with, and part of how it calls itself in leases."""
    supervised: bool = False
    """Whether it ends when its standard input does, because the process that started it has gone."""
    data_dir: Path = Path("eventing-data")
    """Folder of everything durable, relative to the working directory. One process at a time owns it."""
    database_url: DatabaseUrl | None = None
    """Where resources live: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME` for several processes; unset,
    `resources.db` in the data folder. etcd has the same place in Kubernetes."""
    secret_key_file: Path | None = None
    """File of the keys, one per line, 32 random bytes in base64, that Secrets are encrypted with in the database: the
    first encrypts, all decrypt. Kubernetes' `--encryption-provider-config`, whose AES-GCM takes such keys."""
    default_channel: DefaultChannel = "journal"
    """Where the events of a Broker rest that asks for nothing else: `journal`, `memory`, `redis` or `kafka`.
    RabbitMQ's queues are durable by default, too."""
    channel_lease_duration_s: Annotated[float, Field(ge=1)] = 10.0
    """Within this other processes take over what one held of a Redis server's or Kafka cluster's events that vanished
    or stood still. Kafka's `session.timeout.ms`, which was 10 s for ten years; its servers allow no less than 6 s."""
    redis_url: RedisUrl = "redis://127.0.0.1:6379"
    """The Redis server of channels that name none: `redis://HOST:PORT/DATABASE`, `rediss://` for TLS,
    `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE` for Sentinels, `redis+cluster://HOST:PORT,HOST:PORT` for nodes of a
    cluster. Redis' own port. Credentials stand in a Secret, so that they can change while the server runs."""
    redis_secret: str | None = None
    """The Secret with the login there, by its name in the namespace `knative-eventing`. Knative keeps those of Kafka
    there, too."""
    redis_size_max_bytes: PositiveInt = GIB
    """What one channel on a Redis server holds that somebody has still to get, 503 above; `maxmemory` bounds all of
    them. A Redis string is no larger than 512 MB."""
    redis_events_max: PositiveInt = 10_000_000
    """The same in events: each costs the server some hundred bytes beside its own."""
    kafka_bootstrap_servers: BootstrapServers = "127.0.0.1:9092"
    """The Kafka cluster of Brokers and channels that no ConfigMap gives one: `HOST:PORT`, several with commas between.
    Kafka's own port."""
    kafka_secret: str | None = None
    """The Secret with the login there, by its name in the namespace `knative-eventing`. Knative's
    `auth.secret.ref.name`."""
    kafka_partitions: PositiveInt = 10
    """Partitions of topics that are made for such Brokers: so many processes can share one. Knative's
    `default.topic.partitions`."""
    kafka_replication_factor: PositiveInt = 3
    """Brokers of the cluster that hold each partition of such topics. Knative's `default.topic.replication.factor`."""
    kafka_size_max_bytes: PositiveInt = 10 * GIB
    """What one channel on a Kafka cluster holds that somebody has still to get, 503 above; `retention.ms` bounds the
    rest of a topic. Pulsar's backlog quota holds producers, too (`producer_request_hold`)."""
    kafka_events_max: PositiveInt = 10_000_000
    """The same in events: those that wait for a sink cost memory in each process of the Broker."""
    ingress: IngressEngine = "protocol"
    """How HTTP is read: `protocol` is a protocol class of our own, `asgi` an application any ASGI server can run."""
    event_type_auto_create: bool = True
    """Whether EventTypes are made of the types of events that pass. Knative's `eventtype-auto-create`, there off."""
    cluster_domain: str = "cluster.local"
    """The domain of Service names. Kubernetes' default."""
    log_level: LogLevel = "info"
    """The least severity that is logged. Knative's default."""
    log_format: LogFormat = "text"
    """`text` for people, `json` for machines: one object per line."""

    event_size_max_bytes: PositiveInt = MIB
    """Largest request body, 413 above. Kafka's `max.request.size` is 1 MiB too."""
    header_count_max: PositiveInt = 128
    """Headers of one request, 431 above. Apache takes 100."""
    header_size_max_bytes: PositiveInt = 64 * KIB
    """All headers of one request together, 431 above. Envoy takes 60 KiB."""
    request_timeout_s: PositiveFloat = 10.0
    """Time a client has for a whole request, 408 after it. Knative's ReadTimeout."""
    keep_alive_timeout_s: PositiveFloat = 60.0
    """How long an idle connection stays open. nginx: 75 s."""
    connections_max: PositiveInt = 10_000
    """Open connections of the ingress. Redis' `maxclients`."""
    batch_events_max: PositiveInt = 10_000
    """Events in one batch, 413 above. AWS Kinesis takes 500 records per request."""

    journal_size_max_bytes: PositiveInt = 10 * GIB
    """What the journal holds of all Brokers, dead letters among it, 503 above. NATS JetStream asks for such a bound."""
    retention_age_s: NonNegativeFloat = 0.0
    """How long the journal keeps events that are settled, for Triggers that begin in the past; 0 for no longer than
    needed. Kafka: 7 days."""
    retention_size_max_bytes: NonNegativeInt = 0
    """How much of settled events the journal keeps of one Broker; 0 for no such bound. Kafka's `retention.bytes`."""
    memory_size_max_bytes: PositiveInt = 32 * MIB
    """What one Broker's in-memory channel holds, 503 above. Kafka's producer buffers as much (`buffer.memory`)."""
    memory_events_max: PositiveInt = 100_000
    """Events in one Broker's in-memory channel, 503 above: for those who think in events rather than in bytes."""
    memory_backlog_share: Share = 0.5
    """Part of an in-memory channel that one Trigger may hold; its events beyond that are dead-lettered."""
    dead_letter_size_max_bytes: PositiveInt = 8 * MIB
    """Dead letters of in-memory channels; above it the oldest make room, and are counted. The journal evicts none."""
    dead_letter_events_max: PositiveInt = 1_000_000
    """Dead letters on one Redis server or Kafka cluster; above it the oldest make room, and are counted. RabbitMQ's
    `max-length`, which lets the oldest go as well."""

    delivery_timeout_s: PositiveFloat = 300.0
    """One attempt where `delivery.timeout` is unset. Knative: no bound in memory, 600 s with Kafka."""
    retry_backoff_max_s: PositiveFloat = 3600.0
    """Longest wait before a retry. AWS SNS allows no longer one either."""
    reply_size_max_bytes: PositiveInt = MIB
    """Largest answer read from a sink: a reply is an event and bounded like one."""
    lane_concurrency_max: PositiveInt = 64
    """Attempts one Trigger has in flight. Knative's Kafka engine: 50 (`max.poll.records`)."""
    lane_concurrency_min: PositiveInt = 1
    """The fewest that a sink in trouble is slowed down to. TCP's congestion window falls to one segment, too."""
    lane_window_events_max: PositiveInt = 256
    """Events that wait for one Trigger of a durable channel in memory: after a crash they come again. More wait in the
    channel. RabbitMQ advises to prefetch 100 to 300."""
    lane_window_size_max_bytes: PositiveInt = 4 * MIB
    """The same in bytes. RabbitMQ bounds what is prefetched by count alone."""
    retry_park_after_s: NonNegativeFloat = 1.0
    """A retry that is due later waits in the channel, not in memory: with its count, over restarts."""
    sink_connections_max: PositiveInt = 256
    """Connections to one host, all Triggers together. Apache's own default serves as many (`MaxRequestWorkers`)."""
    sink_connection_age_max_s: PositiveFloat = 60.0
    """Age at which a connection to a sink is replaced, to follow changes of DNS. Java caches names for 30 s."""
    sink_connect_timeout_s: PositiveFloat = 10.0
    """Time to connect to a sink. Go: 30 s; Node's undici: 10 s."""
    breaker_failures: PositiveInt = 20
    """Failures in a row after which a sink is paced. Hystrix judges no sooner than after 20 requests."""
    breaker_pause_s: PositiveFloat = 0.1
    """Wait between the probes of a paced sink: short, since pacing takes no attempt away from an event."""
    ttl_max: PositiveInt = 255
    """Hops an event may make through Brokers. Knative's default."""
    shutdown_timeout_s: PositiveFloat = 30.0
    """Time to finish what is in flight when asked to stop. Kubernetes' grace period for a Pod."""

    @property
    def resources_url(self) -> str:
        """The database that resources live in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'resources.db'}"
