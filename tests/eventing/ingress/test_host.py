"""The names of a Channel in the Host header."""

import pytest

from eventing.ingress.host import channel_host, channel_hosts, host_name


def test_a_channel_has_the_host_that_knative_gives_it() -> None:
    """The whole name is its address."""
    assert "orders-kn-channel.shop.svc.cluster.local" == channel_host("shop", "orders", "cluster.local")


def test_the_names_that_dns_completes_count_too() -> None:
    """Within a cluster all three lead to the same Service."""
    expected = (b"c-kn-channel.ns", b"c-kn-channel.ns.svc", b"c-kn-channel.ns.svc.cluster.test")
    assert expected == channel_hosts("ns", "c", "cluster.test")


@pytest.mark.parametrize(
    ("header", "expected"),
    [(b"a.b", b"a.b"), (b"A.b:8080", b"a.b"), (b"a.b.", b"a.b"), (b"a.b.:80", b"a.b"), (b"a.b:", b"a.b"),
     (b"", b""), (b"[::1]", b"[::1]"), (b"[::1]:80", b"[::1]"), (b"a:b", b"a:b")],
)  # fmt: skip
def test_a_host_header_names_a_host_whatever_its_case_and_port(header: bytes, expected: bytes) -> None:
    """RFC 9110, 4.2.3 and 7.2."""
    assert expected == host_name(header)
