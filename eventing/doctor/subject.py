"""What there is to look at: this machine, the database, and the servers that settings and objects name."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from functools import partial

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from channels.kafka.cluster import DEAD_LETTER_TOPIC
from channels.kafka.topic import STATE_CONFIG
from channels.kafka.topic import Topic as TopicLayout
from dispatcher.fanout import GROUP
from eventing.doctor.check import Check
from eventing.doctor.database import database_subject, examine_database
from eventing.doctor.examination import Subject
from eventing.doctor.finding import Finding, failure, ok
from eventing.doctor.inventory import Inventory
from eventing.doctor.kafka_cluster import examine_kafka
from eventing.doctor.kafka_connection import KafkaAddress
from eventing.doctor.kafka_topic_judgement import TopicWish
from eventing.doctor.machine import examine_machine
from eventing.doctor.need import Need, default_need, needs
from eventing.doctor.redis_server import RedisAddress, examine_redis
from eventing.engine import engine_defaults
from eventing.resources.engine import Kafka, Redis
from eventing.resources.login import Login
from eventing.settings import Settings

_NOBODY = Login()


def subjects(settings: Settings, inventory: Inventory | None, *, timeout_s: float) -> list[Subject]:
    """All of them. `inventory` is None where nobody has named any objects."""
    found = [Subject("this machine", partial(examine_machine, settings)), _database(settings.resources_url, timeout_s)]
    seen = inventory or Inventory()
    needed = [*_needed(settings, seen)]
    faults = [one for one in needed if isinstance(one, Finding)]
    if inventory is not None or faults:
        found.append(Subject("resources", partial(_resources, seen, faults)))
    servers = defaultdict[object, list[Need]](list)
    for one in needed:
        if isinstance(one, Need):
            servers[one.engine.server].append(one)
    return found + [_server(several, timeout_s) for several in servers.values()]


def _needed(settings: Settings, inventory: Inventory) -> Iterator[Need | Finding]:
    defaults, bound = engine_defaults(settings), settings.event_size_max_bytes
    default = default_need(inventory.find, defaults, size_max_bytes=bound)
    if default is not None:
        yield default
    yield from needs(inventory.items, inventory.find, defaults, size_max_bytes=bound)


def _database(url: str, timeout_s: float) -> Subject:
    try:
        password = make_url(url).password
    except (ValueError, ArgumentError) as error:
        return Subject("database", partial(_no_url, str(error)))
    return Subject(database_subject(url), partial(examine_database, url, timeout_s), secrets=[password or ""])


async def _no_url(words: str) -> AsyncIterator[Finding]:
    advice = "give --database-url sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    yield failure(Check.DATABASE_REACHABLE, words, advice)


async def _resources(inventory: Inventory, faults: Iterable[Finding]) -> AsyncIterator[Finding]:
    for words in inventory.faults:
        yield failure(Check.MANIFESTS, words, "mend it: the server refuses to start with it")
    if not inventory.faults:
        yield ok(Check.MANIFESTS, f"{len(inventory.items)} objects are well-formed")
    for finding in faults:
        yield finding


def _server(several: Sequence[Need], timeout_s: float) -> Subject:
    """All that rests on one server is looked at with one login."""
    engine = several[0].engine
    login = engine.login or _NOBODY
    secret = engine.server.secret
    name = (
        engine.server.address
        if secret is None
        else f"{engine.server.address} (Secret {secret.namespace}/{secret.name})"
    )
    secrets = [login.password, login.key, login.sentinel_password]
    if isinstance(engine, Redis):
        address = redis_address(engine, login)
        return Subject(f"Redis {name}", partial(examine_redis, address, timeout_s), secrets)
    cluster = kafka_address(engine, login, several)
    return Subject(f"Kafka {name}", partial(examine_kafka, cluster, timeout_s), secrets)


def redis_address(engine: Redis, login: Login) -> RedisAddress:
    """How to reach it."""
    url = engine.server.address
    return RedisAddress(
        url,
        login.user,
        login.password,
        login.ca_certificates,
        login.certificate,
        login.key,
        login.sentinel_user,
        login.sentinel_password,
    )


def kafka_address(engine: Kafka, login: Login, several: Iterable[Need]) -> KafkaAddress:
    """How to reach it, and the topics of Brokers and channels there, by name, and that of all their dead letters."""
    wishes = {wish.name: wish for one in several if one.owner is not None for wish in _wishes(one)}
    if wishes:
        replicas = max(wish.replication_factor for wish in wishes.values())
        wishes[DEAD_LETTER_TOPIC] = TopicWish(
            DEAD_LETTER_TOPIC, 1, replicas, STATE_CONFIG, is_compacted=True, is_kept=True
        )
    return KafkaAddress(
        tuple(engine.server.address.split(",")),
        login.user,
        login.password,
        login.mechanism,
        login.has_tls,
        login.ca_certificates,
        login.certificate,
        login.key,
        tuple(wish for _, wish in sorted(wishes.items())),
    )


def _wishes(need: Need) -> Iterator[TopicWish]:
    """The topic of its events, and the one of what is known of them."""
    assert isinstance(need.engine, Kafka), "a topic is Kafka's"
    topic = need.engine.topic
    layout = TopicLayout(topic.name)
    yield TopicWish(
        topic.name,
        topic.partitions,
        topic.replication_factor,
        topic.config,
        topic.is_external,
        need.size_max_bytes,
        layout.group(GROUP),
    )
    yield TopicWish(layout.state, topic.partitions, topic.replication_factor, STATE_CONFIG, is_compacted=True)
