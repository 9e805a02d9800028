"""Connections to the brokers of a Kafka cluster, each tried once."""

import asyncio
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection

from eventing.doctor.fault import words_of
from eventing.doctor.kafka_topic_judgement import TopicWish

LOST: Final = (errors.KafkaError, OSError, TimeoutError)
"""What a broker that does not answer comes out as."""


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """One cluster, how to log in, and the topics there. Certificates and the key are PEM; `mechanism` is SASL's."""

    bootstrap_servers: tuple[str, ...]
    user: str = ""
    password: str = ""
    mechanism: str = ""
    has_tls: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    topics: tuple[TopicWish, ...] = ()

    @property
    def protocol(self) -> str:
        """As Kafka's clients call it."""
        return ("SASL_" if self.mechanism else "") + ("SSL" if self.has_tls else "PLAINTEXT")

    @property
    def principal(self) -> str:
        """What the cluster's ACLs call the login. What becomes of a certificate's name are the cluster's rules."""
        if self.mechanism:
            return self.user
        return "..." if self.certificate else "ANONYMOUS"

    @property
    def manner(self) -> str:
        """Protocol and mechanism, for people."""
        return f"{self.protocol} {self.mechanism}".strip()


class Cluster:
    """Connections to brokers, by address."""

    def __init__(self, address: KafkaAddress, timeout_s: float) -> None:
        self._connections: dict[str, Any] = {}
        self._timeout_s = timeout_s
        self._options: dict[str, Any] = {
            "request_timeout_ms": round(timeout_s * 1000),
            "security_protocol": address.protocol,
            "ssl_context": _context(address) if address.has_tls else None,
        }
        if address.mechanism:
            self._options |= {
                "sasl_mechanism": address.mechanism,
                "sasl_plain_username": address.user,
                "sasl_plain_password": address.password,
            }

    async def connect(self, place: str) -> Any:
        """The connection there, logged in. Raises what keeps it."""
        if place not in self._connections:
            host, _, port = place.rpartition(":")
            connection = AIOKafkaConnection(host.strip("[]"), int(port), client_id="eventing-doctor", **self._options)
            async with asyncio.timeout(self._timeout_s):
                await connection.connect()
            self._connections[place] = connection
        return self._connections[place]

    async def faults(self, places: Iterable[str]) -> dict[str, BaseException | None]:
        """What keeps each of them, if anything does; all are tried at a time."""
        found = dict.fromkeys(places)
        return dict(zip(found, await asyncio.gather(*map(self._attempt, found)), strict=True))

    def words_of(self, error: BaseException) -> str:
        """Why nothing came back."""
        if isinstance(error, errors.KafkaConnectionError) and error.__cause__ is None:
            return "it closes the connection"
        return words_of(error, self._timeout_s)

    async def _attempt(self, place: str) -> BaseException | None:
        try:
            await self.connect(place)
        except (*LOST, ValueError) as error:
            return error
        return None

    async def close(self) -> None:
        """All of them."""
        for connection in self._connections.values():
            if (closed := connection.close()) is not None:
                await closed


def _context(address: KafkaAddress) -> ssl.SSLContext:
    """Whom to trust, and our own certificate where there is one. Raises ssl.SSLError."""
    context = ssl.create_default_context(cadata=address.ca or None)
    if address.certificate:
        # OpenSSL reads a key from a file alone.
        with tempfile.TemporaryDirectory(prefix="eventing-") as folder:
            certificate, key = _files(Path(folder), address)
            context.load_cert_chain(certificate, key)
    return context


def _files(folder: Path, address: KafkaAddress) -> Iterator[Path]:
    for name, text in (("user.crt", address.certificate), ("user.key", address.key)):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        yield path
