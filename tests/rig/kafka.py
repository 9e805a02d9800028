"""A private Kafka server: one node that is broker and controller (KRaft), a data folder and ports of its own."""

import asyncio
import base64
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import trustme
from aiokafka.admin import AIOKafkaAdminClient
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from tests.rig.child import Child, free_port
from tests.rig.kafka_jars import kafka_jars
from tests.rig.proxy import Proxy

USER: Final = "alice"
PASSWORD: Final = "alice-secret"
"""Who may come in over SASL, by PLAIN and by SCRAM, and where clients need a certificate."""
_STARTED: Final = "Kafka Server started"
_SMALL: Final = ("-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_PROXIED: Final = "PROXIED"
_SECURE: Final = ("SASL_PLAINTEXT", "SSL", "SASL_SSL", "CERTIFIED")
# Quick where an ordinary server is patient: a broker that was killed may be back after a second, groups form at once.
_SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,"
    "SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CERTIFIED:SSL",
    "broker.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "200",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "num.partitions": "1",
    "auto.create.topics.enable": "false",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "log.retention.check.interval.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}


class Kafka:
    """One server, started and ended any number of times; its addresses and data stay.

    `is_secure` adds listeners for SASL_PLAINTEXT, SSL and SASL_SSL beside the plain one, and one by the name CERTIFIED:
    SSL for those who show a certificate of its authority.
    `settings` are its own.
    """

    def __init__(self, folder: Path, *, is_secure: bool = False, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        names = ("PLAINTEXT", _PROXIED, "CONTROLLER", *(_SECURE if is_secure else ()))
        self._ports = {name: free_port() for name in names}
        self._proxy_port = free_port()
        self._settings = {**_SETTINGS, **self._addresses(), **(settings or {})}
        self.authority = trustme.CA()
        """Whose certificates the server has and trusts."""
        if is_secure:
            self._settings |= self._secure_settings()
        self._child: Child | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where it is reached without security."""
        return self.address("PLAINTEXT")

    def proxy(self) -> Proxy:
        """Between clients of `PROXIED` and the server, which names itself by no other address to them."""
        return Proxy(self._ports[_PROXIED], self._proxy_port)

    def address(self, protocol: str) -> str:
        """Where it is reached by PLAINTEXT, SASL_PLAINTEXT, SSL, SASL_SSL or, with a certificate, CERTIFIED."""
        return f"127.0.0.1:{self._ports[protocol]}"

    def ask(self, do: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
        """What an administrator is answered; outside of an event loop."""

        async def run() -> Any:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
            await admin.start()
            try:
                return await do(admin)
            finally:
                await admin.close()

        return asyncio.run(run())

    @property
    def topics(self) -> set[str]:
        """Those that there are."""
        return set(self.ask(lambda admin: admin.list_topics()))

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._child is not None and self._child.is_running

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._child is not None, "it was started"
        return self._child.pid

    @property
    def log(self) -> str:
        """What it has said."""
        return "" if self._child is None else self._child.log

    def segment(self, topic: str, partition: int = 0) -> Path:
        """The first file of a partition's log."""
        return self._folder / "data" / f"{topic}-{partition}" / f"{0:020}.log"

    def initialise(self, cluster_id: str = "", settings: Mapping[str, str] | None = None) -> None:
        """Make the data folder, and the users of SCRAM. With the id of its cluster, where it is not alone, and the
        settings that go before its own.
        """
        lines = [f"{name}={value}\n" for name, value in {**self._settings, **(settings or {})}.items()]
        self._properties.write_text("".join(lines))
        cluster_id = cluster_id or new_cluster_id()
        users = [f"{one}=[name={USER},password={PASSWORD}]" for one in ("SCRAM-SHA-256", "SCRAM-SHA-512")]
        scram = [word for user in users for word in ("--add-scram", user)]
        self._call(
            "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(self._properties), *scram
        )

    def start(self) -> None:
        """Return when it answers."""
        before = self.log.count(_STARTED)
        self._child = Child(
            self._java("kafka.Kafka", str(self._properties)), self._folder / "log", outlives_limits=True
        )
        assert self._child.wait_ready(lambda: self.log.count(_STARTED) > before), self.log[-4000:]

    def stop(self) -> None:
        """An ordinary end."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """SIGKILL: what it had not yet written itself is what its operating system writes."""
        assert self._child is not None, "it was started"
        self._child.kill()

    def pause(self) -> None:
        """SIGSTOP: its sockets stay open, and nothing answers."""
        assert self._child is not None, "it was started"
        self._child.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._child is not None, "it was started"
        self._child.signal(signal.SIGCONT)

    def end(self) -> None:
        """Nobody needs its data any more."""
        if self._child is not None:
            self._child.kill()

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _addresses(self) -> dict[str, str]:
        listeners = {name: f"{name}://127.0.0.1:{port}" for name, port in self._ports.items()}
        told = {**listeners, _PROXIED: f"{_PROXIED}://127.0.0.1:{self._proxy_port}"}
        return {
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(one for name, one in told.items() if name != "CONTROLLER"),
            "controller.quorum.voters": f"1@127.0.0.1:{self._ports['CONTROLLER']}",
            "log.dirs": str(self._folder / "data"),
        }

    def _secure_settings(self) -> dict[str, str]:
        own = self.authority.issue_cert("127.0.0.1", "localhost")
        key_file, trust_file = self._folder / "server.pem", self._folder / "authority.pem"
        chain = b"".join(certificate.bytes() for certificate in own.cert_chain_pems)
        key_file.write_bytes(_pkcs8(own.private_key_pem.bytes()) + chain)
        self.authority.cert_pem.write_to_path(str(trust_file))
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        settings = {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(key_file),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(trust_file),
            "ssl.client.auth": "requested",
            "listener.name.certified.ssl.client.auth": "required",
        }
        for listener in ("sasl_plaintext", "sasl_ssl"):
            name = f"listener.name.{listener}"
            settings[f"{name}.plain.sasl.jaas.config"] = f'{plain} user_{USER}="{PASSWORD}";'
            settings[f"{name}.scram-sha-256.sasl.jaas.config"] = scram
            settings[f"{name}.scram-sha-512.sasl.jaas.config"] = scram
        return settings

    def _java(self, *arguments: str) -> list[str]:
        return ["java", *_SMALL, "-cp", f"{kafka_jars()}/*", *arguments]

    def _call(self, *arguments: str) -> None:
        ended = subprocess.run(self._java(*arguments), capture_output=True, text=True, check=False, cwd=self._folder)
        assert not ended.returncode, f"{arguments[0]}: {ended.stdout}{ended.stderr}"


def new_cluster_id() -> str:
    """As Kafka writes it."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def _pkcs8(key: bytes) -> bytes:
    """The only form of a private key that Kafka reads."""
    loaded = load_pem_private_key(key, password=None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@contextmanager
def running_kafka(
    *, folder: Path | None = None, is_secure: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[Kafka]:
    """A server that runs until the end of the block; its folder is removed then, unless it was given one."""
    with tempfile.TemporaryDirectory(prefix="eventing-kafka-") as own:
        server = Kafka(folder or Path(own), is_secure=is_secure, settings=settings)
        server.initialise()
        try:
            server.start()
            yield server
        finally:
            server.end()
