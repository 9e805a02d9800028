"""Secrets as logins: what is taken, what is refused, and that nothing of them is shown."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from eventing.errors import ResolutionError
from eventing.resources.identity import Key, Lookup, Object
from eventing.resources.login import Login, kafka_login, redis_login

KEY = Key("", "Secret", "ns", "s")
PEM = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"


def holding(data: Mapping[str, str]) -> Lookup:
    """A world with that Secret alone."""
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    objects: dict[Key, Object] = {KEY: {"data": encoded}}
    return objects.get


def kafka(**data: str) -> Login | None:
    return kafka_login(KEY, holding({name.replace("_", "."): text for name, text in data.items()}))


def redis(**data: str) -> Login | None:
    return redis_login(KEY, holding({name.replace("_", "."): text for name, text in data.items()}), has_tls=True)


def refused(read: Any, **data: str) -> str:
    with pytest.raises(ResolutionError) as caught:
        read(**data)
    assert "SecretInvalid" == caught.value.reason
    start, _, words = caught.value.message.partition(": ")
    assert "secret ns/s" == start
    return words


def test_without_a_secret_nobody_logs_in() -> None:
    assert kafka_login(None, {}.get) is None
    assert redis_login(None, {}.get, has_tls=False) is None


def test_a_secret_that_is_not_there_is_told_by_name() -> None:
    with pytest.raises(ResolutionError, match='failed to get secret ns/s: secrets "s" not found') as caught:
        kafka_login(KEY, {}.get)
    assert "SecretNotFound" == caught.value.reason


def test_kafkas_protocols() -> None:
    """Each takes of the Secret what is its own."""
    all_of_it = {"user": "u", "password": "p", "ca_crt": PEM, "user_crt": PEM, "user_key": PEM}
    assert Login() == kafka(protocol="PLAINTEXT", **all_of_it)
    assert Login("u", "p", mechanism="PLAIN") == kafka(protocol="SASL_PLAINTEXT", **all_of_it)
    assert Login("", "", PEM, PEM, PEM, has_tls=True) == kafka(protocol="SSL", **all_of_it)
    whole = Login("u", "p", PEM, PEM, PEM, "SCRAM-SHA-512", has_tls=True)
    assert whole == kafka(protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", **all_of_it)


@pytest.mark.parametrize("text", ["true", "True", "1", "t"])
def test_a_client_may_have_no_certificate(text: str) -> None:
    """With SSL it has to be said."""
    assert Login(has_tls=True) == kafka(protocol="SSL", user_skip=text, user_crt=PEM, user_key=PEM)
    assert "required user key" in refused(kafka, protocol="SSL", user_skip="false")
    assert Login("u", "p", mechanism="PLAIN", has_tls=True) == kafka(protocol="SASL_SSL", user="u", password="p")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "protocol required (key: protocol)"),
        ({"protocol": "TLS"}, "protocol TLS unsupported (key: protocol)"),
        ({"protocol": "SASL_SSL", "password": "p"}, "[protocol SASL_SSL] SASL user required (key: user)"),
        ({"protocol": "SASL_SSL", "user": "u", "password": ""}, "SASL password required (key: password)"),
        (
            {"protocol": "SASL_SSL", "user": "u", "password": "p", "sasl_mechanism": "GSSAPI"},
            "unsupported SASL mechanism (key: sasl.mechanism)",
        ),
        ({"protocol": "SSL", "user_skip": "true", "ca_crt": "x"}, "ca.crt is no PEM (key: ca.crt)"),
        ({"protocol": "SSL", "user_crt": PEM}, "needed together (keys: user.crt, user.key)"),
    ],
)
def test_what_kafka_cannot_use_is_told_by_its_key(data: dict[str, str], words: str) -> None:
    assert words in refused(kafka, **data)


def test_redis_takes_a_password_with_or_without_a_user() -> None:
    """And certificates; a user alone is of no use."""
    assert Login(password="p", has_tls=True) == redis(password="p")
    whole = Login("u", "p", PEM, PEM, PEM, has_tls=True)
    assert whole == redis(user="u", password="p", ca_crt=PEM, user_crt=PEM, user_key=PEM)
    assert "(key: password)" in refused(redis, user="u")
    assert "user.key is no PEM" in refused(redis, user_key="x", user_crt=PEM)


def test_sentinels_have_a_login_of_their_own() -> None:
    """By the same rules."""
    assert Login(has_tls=True, sentinel_password="p") == redis(sentinel_password="p")
    whole = Login("u", "p", has_tls=True, sentinel_user="s", sentinel_password="q")
    assert whole == redis(user="u", password="p", sentinel_user="s", sentinel_password="q")
    assert "(key: sentinel.password)" in refused(redis, sentinel_user="s", password="p")


def test_values_that_are_no_text_are_refused_without_showing_them() -> None:
    objects: dict[Key, Object] = {KEY: {"data": {"password": base64.b64encode(b"\xff").decode()}}}
    with pytest.raises(ResolutionError, match="its values are no UTF-8 text"):
        redis_login(KEY, objects.get, has_tls=False)


def test_nothing_of_a_login_is_shown() -> None:
    """Not by whoever logs it by mistake."""
    sentinel = {"sentinel_user": "bob", "sentinel_password": "hunter3"}
    shown = repr(Login("alice", "hunter2", "CA", "CERT", "KEY", "PLAIN", has_tls=True, **sentinel))
    assert not [text for text in ("alice", "hunter", "bob", "CA'", "CERT", "KEY") if text in shown]
