"""By which host names a Channel is addressed, as Knative's are: `NAME-kn-channel.NAMESPACE.svc.DOMAIN`. Pure."""

from typing import Final

CHANNEL_SUFFIX: Final = "-kn-channel"
"""What the Service of a Channel has after the Channel's name (Knative's `messaging.CreateChannelServiceName`)."""


def channel_host(namespace: str, name: str, cluster_domain: str) -> str:
    """The host name in a Channel's address."""
    return f"{name}{CHANNEL_SUFFIX}.{namespace}.svc.{cluster_domain}"


def channel_hosts(namespace: str, name: str, cluster_domain: str) -> tuple[bytes, ...]:
    """All names of it: those that a cluster's DNS completes are as good as the whole one, which comes last."""
    short = f"{name}{CHANNEL_SUFFIX}.{namespace}"
    return tuple(host.encode() for host in (short, f"{short}.svc", channel_host(namespace, name, cluster_domain)))


def host_name(header: bytes) -> bytes:
    """What a Host header names: in lower case, without its port and the dot that ends an absolute name."""
    name, colon, port = header.lower().rpartition(b":")
    if not colon or (port and not port.isdigit()):
        name = header.lower()
    return name.removesuffix(b".")
