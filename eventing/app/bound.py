"""Settings as the bounds that parts of the server ask for."""

from dispatcher.pool import PoolLimits
from eventing.ingress.intake import Limits
from eventing.settings import Settings


def request_limits(settings: Settings) -> Limits:
    """Of the ingress."""
    return Limits(
        header_count_max=settings.header_count_max,
        header_size_max_bytes=settings.header_size_max_bytes,
        request_timeout_s=settings.request_timeout_s,
        keep_alive_timeout_s=settings.keep_alive_timeout_s,
        connections_max=settings.connections_max,
        batch_events_max=settings.batch_events_max,
    )


def pool_limits(settings: Settings) -> PoolLimits:
    """Of connections to sinks."""
    return PoolLimits(
        connections_max=settings.sink_connections_max,
        connection_age_max_s=settings.sink_connection_age_max_s,
        connect_timeout_s=settings.sink_connect_timeout_s,
        reply_size_max_bytes=settings.reply_size_max_bytes,
    )
