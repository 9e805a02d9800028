"""How to log in to a Redis server or a Kafka cluster: what a Secret holds, checked. Pure; nothing of it is ever shown.

Source: the keys of Knative's Kafka Secrets (`protocol`, `sasl.mechanism`, `user`, `password`, `ca.crt`, `user.crt`,
`user.key`, `user.skip`), and those of them that a Redis server has a use for. Its `sentinel.user` and
`sentinel.password` are this project's own.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from eventing.errors import ResolutionError
from eventing.resources.identity import Key, Lookup

SECRET_NOT_FOUND: Final = "SecretNotFound"  # noqa: S105 - a reason
SECRET_INVALID: Final = "SecretInvalid"  # noqa: S105
PROTOCOLS: Final = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_TRUE: Final = ("true", "1", "t")
_BEGIN: Final = "-----BEGIN "


@dataclass(frozen=True, slots=True)
class Login:
    """Who the server is to whom it connects to, and whom it trusts. Texts are empty where they are not wanted.

    Certificates and the key are PEM. `mechanism` is SASL's, of Kafka alone; empty for no SASL.
    """

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    ca_certificates: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    mechanism: str = ""
    has_tls: bool = False
    sentinel_user: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)


def redis_login(secret: Key | None, lookup: Lookup, *, has_tls: bool) -> Login | None:
    """The login in that Secret, None without one: a password, or a user and a password, certificates for TLS,
    and the same as a login for Sentinels.

    Raises ResolutionError where it is not there, or of no use.
    """
    if secret is None:
        return None
    data = _read(secret, lookup)
    for user, password in (("user", "password"), ("sentinel.user", "sentinel.password")):
        if data.get(user) and not data.get(password):
            raise _invalid(secret, f"password required (key: {password}), for there is a user")
    return Login(
        data.get("user", ""),
        data.get("password", ""),
        *_certificates(secret, data),
        has_tls=has_tls,
        sentinel_user=data.get("sentinel.user", ""),
        sentinel_password=data.get("sentinel.password", ""),
    )


def kafka_login(secret: Key | None, lookup: Lookup) -> Login | None:
    """The login in that Secret, None without one. Raises ResolutionError where it is not there, or of no use."""
    if secret is None:
        return None
    data = _read(secret, lookup)
    protocol = data.get("protocol")
    if protocol is None:
        raise _invalid(secret, f"protocol required (key: protocol) supported protocols: {_listed(PROTOCOLS)}")
    if protocol not in PROTOCOLS:
        raise _invalid(
            secret, f"protocol {protocol} unsupported (key: protocol), supported protocols: {_listed(PROTOCOLS)}"
        )
    has_sasl, has_tls = protocol.startswith("SASL"), protocol.endswith("SSL")
    user, password, mechanism = _sasl(secret, data, protocol) if has_sasl else ("", "", "")
    ca_certificates, certificate, key = _certificates(secret, data) if has_tls else ("", "", "")
    if protocol == "SSL":
        if data.get("user.skip", "").lower() in _TRUE:
            certificate = key = ""
        elif not certificate:
            words = 'required user key (key: user.key, user.crt) - use "user.skip: true" to disable client auth'
            raise _invalid(secret, f"[protocol SSL] {words}")
    return Login(user, password, ca_certificates, certificate, key, mechanism, has_tls)


def _sasl(secret: Key, data: Mapping[str, str], protocol: str) -> tuple[str, str, str]:
    for name in ("user", "password"):
        if not data.get(name):
            raise _invalid(secret, f"[protocol {protocol}] SASL {name} required (key: {name})")
    mechanism = data.get("sasl.mechanism", MECHANISMS[0])
    if mechanism not in MECHANISMS:
        words = f"unsupported SASL mechanism (key: sasl.mechanism), supported mechanisms: {_listed(MECHANISMS)}"
        raise _invalid(secret, f"[protocol {protocol}] {words}")
    return data["user"], data["password"], mechanism


def _certificates(secret: Key, data: Mapping[str, str]) -> tuple[str, str, str]:
    """Whom to trust, the own certificate, and its key. The last two come together or not at all."""
    ca_certificates, certificate, key = (data.get(name, "") for name in ("ca.crt", "user.crt", "user.key"))
    for name, text in (("ca.crt", ca_certificates), ("user.crt", certificate), ("user.key", key)):
        if text and _BEGIN not in text:
            raise _invalid(secret, f"{name} is no PEM (key: {name})")
    if bool(certificate) != bool(key):
        raise _invalid(secret, "a certificate and its key are needed together (keys: user.crt, user.key)")
    return ca_certificates, certificate, key


def _read(secret: Key, lookup: Lookup) -> Mapping[str, str]:
    item = lookup(secret)
    if item is None:
        raise ResolutionError(
            SECRET_NOT_FOUND,
            f'failed to get secret {secret.namespace}/{secret.name}: secrets "{secret.name}" not found',
        )
    try:
        return {name: base64.b64decode(text).decode() for name, text in item.get("data", {}).items()}
    except ValueError as error:  # it is shown to nobody, and its text might tell
        raise _invalid(secret, "its values are no UTF-8 text") from error


def _listed(names: tuple[str, ...]) -> str:
    return f"[{' '.join(names)}]"


def _invalid(secret: Key, words: str) -> ResolutionError:
    return ResolutionError(SECRET_INVALID, f"secret {secret.namespace}/{secret.name}: {words}")
