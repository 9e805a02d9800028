"""RedisStreamChannel: what it has beside what channels share."""

import pytest

from eventing.resources.redis_stream_channel import REDIS_STREAM_CHANNEL
from tests.eventing.resources.request import admitted, faults, of_kind

KIND = REDIS_STREAM_CHANNEL


@pytest.mark.parametrize(
    "address",
    [
        "redis://h",
        "redis://h:6379",
        "rediss://h.example.com:1",
        "redis://[::1]:6379/1",
        "redis+sentinel://a/events",
        "rediss+sentinel://a:1,b:2,c/events/1",
        "redis+cluster://h",
        "rediss+cluster://a:1,b:2,c/0",
    ],
)
def test_an_address_is_that_of_a_redis_server(address: str) -> None:
    """Plain or with TLS, or of the Sentinels that know it by a name, or of a cluster's nodes."""
    assert admitted(KIND, of_kind(KIND, {"address": address}))["spec"] == {"address": address}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "h:6379",
        "http://h",
        "redis://",
        "redis://h:0",
        "redis://u:p@h",
        "redis://h:x",
        "redis://[::1",
        "redis://a,b",
        "redis+sentinel://a,b",
        "redis+sentinel://a,/events",
        "redis+sentinel://a,b:0/events",
        "redis+cluster://",
        "redis+cluster://a,",
        "redis+cluster://a,u:p@b",
        "redis+cluster://a/1",
    ],
)
def test_another_address_is_refused(address: str) -> None:
    """And so are credentials in it: whoever may read a channel could read them."""
    (fault,) = faults(KIND, of_kind(KIND, {"address": address}))
    assert fault.startswith(f"spec.address: invalid value: {address}: expected redis://HOST:PORT")


def test_an_address_stays() -> None:
    """The events are there."""
    old = admitted(KIND, of_kind(KIND, {"address": "redis://a"}))
    (fault,) = faults(KIND, of_kind(KIND, {"address": "redis://b"}), old)
    assert fault == 'spec.address: Immutable fields changed (-old +new): -"redis://a" +"redis://b"'


def test_credentials_are_in_a_secret_that_is_named() -> None:
    """It may be another one later."""
    spec = {"auth": {"secret": {"ref": {"name": "s"}}}}
    assert admitted(KIND, of_kind(KIND, spec), admitted(KIND, of_kind(KIND)))["spec"] == spec
    for auth in ({}, {"secret": {}}, {"secret": {"ref": {"name": ""}}}):
        assert faults(KIND, of_kind(KIND, {"auth": auth})) == ["spec.auth.secret.ref.name: missing field(s)"]
