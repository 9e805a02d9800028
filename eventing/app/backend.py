"""Connections to servers that channels rest on, made as the settings say."""

from eventing.backend.contract import Backend, Remote
from eventing.resources.engine import Redis
from eventing.settings import Settings


def create_backend(settings: Settings, engine: Remote) -> Backend:
    """A connection to that server, which was not entered yet.

    Drivers are imported when somebody needs one: a server without Redis and Kafka starts without them.
    """
    if isinstance(engine, Redis):
        from eventing.backend.redis_server import RedisBackend

        return RedisBackend(
            engine.server,
            engine.login,
            events_max=settings.redis_events_max,
            size_max_bytes=settings.redis_size_max_bytes,
            dead_letter_events_max=settings.dead_letter_events_max,
            lease_s=settings.channel_lease_duration_s,
        )
    from eventing.backend.kafka_cluster import KafkaBackend

    return KafkaBackend(
        engine.server,
        engine.login,
        events_max=settings.kafka_events_max,
        size_max_bytes=settings.kafka_size_max_bytes,
        dead_letter_events_max=settings.dead_letter_events_max,
        lease_s=settings.channel_lease_duration_s,
    )
