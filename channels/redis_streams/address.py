"""Where a Redis server is, and as whom one asks it."""

import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_SENTINEL: Final = "redis+sentinel"
_SENTINEL_TLS: Final = "rediss+sentinel"
_CLUSTER: Final = "redis+cluster"
_CLUSTER_TLS: Final = "rediss+cluster"
_SCHEMES: Final = ("redis", "rediss", _SENTINEL, _SENTINEL_TLS, _CLUSTER, _CLUSTER_TLS)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks. They go before what the URL says. `ca_pem` are the certificates to trust besides the system's,
    `certificate_pem` and `key_pem` are shown to a server that wants to see one. Sentinels have a login of their own.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    ca_pem: str = ""
    certificate_pem: str = ""
    key_pem: str = field(default="", repr=False)
    sentinel_username: str = ""
    sentinel_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """What a URL says. With a `service` the hosts are Sentinels, which know where its master is; of a cluster they are
    nodes, each of which knows the others.
    """

    hosts: tuple[tuple[str, int], ...]
    database: int
    username: str
    password: str
    service: str
    has_tls: bool
    ca_file: str
    is_cluster: bool = False

    @property
    def told(self) -> str:
        """For people: without the password."""
        where = ",".join([f"{host}:{port}" for host, port in self.hosts])
        what = "cluster" if self.is_cluster else self.service
        return f"{where} ({what})" if what else where


def parse_address(url: str) -> Address:
    """`redis://USER:PASSWORD@HOST:PORT/DATABASE`, `rediss://` with TLS, where `?ssl_ca_certs=FILE` names whom to trust;
    `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DATABASE`; `redis+cluster://HOST:PORT,HOST:PORT`. Raises ValueError.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"a Redis URL begins with {', '.join(_SCHEMES)}, not with {parts.scheme!r}")
    has_sentinels, is_cluster = parts.scheme in (_SENTINEL, _SENTINEL_TLS), parts.scheme in (_CLUSTER, _CLUSTER_TLS)
    who, _, where = parts.netloc.rpartition("@")
    username, _, password = who.partition(":")
    default = _SENTINEL_PORT if has_sentinels else _PORT
    hosts = tuple([_host(one, default) for one in where.split(",")])
    path = [part for part in parts.path.split("/") if part]
    service = path.pop(0) if has_sentinels and path else ""
    if has_sentinels != bool(service):
        raise ValueError("redis+sentinel:// needs the name of the service behind the hosts")
    if len(hosts) > 1 and not has_sentinels and not is_cluster:
        raise ValueError("only redis+sentinel:// and redis+cluster:// have many hosts")
    database = path[0] if path else "0"
    if not database.isdigit() or len(path) > 1:
        raise ValueError(f"{database!r} is no number of a database")
    if is_cluster and int(database):
        raise ValueError("a Redis Cluster has the database 0 alone")
    files = parse_qs(parts.query).get("ssl_ca_certs", [""])
    has_tls = parts.scheme in ("rediss", _SENTINEL_TLS, _CLUSTER_TLS)
    return Address(hosts, int(database), unquote(username), unquote(password), service, has_tls, files[0], is_cluster)


def tls_of(address: Address, credentials: Credentials | None) -> ssl.SSLContext | None:
    """How to speak to that server; None for in the clear. Raises OSError where a file, or a certificate, cannot be
    read.
    """
    if not address.has_tls:
        return None
    context = ssl.create_default_context(cafile=address.ca_file or None)
    if credentials is not None and credentials.ca_pem:
        context.load_verify_locations(cadata=credentials.ca_pem)
    if credentials is not None and credentials.certificate_pem:
        # OpenSSL reads a key from a file alone.
        with tempfile.TemporaryDirectory(prefix="eventing-") as folder:
            certificate, key = Path(folder, "certificate"), Path(folder, "key")
            for path, text in ((certificate, credentials.certificate_pem), (key, credentials.key_pem)):
                path.touch(mode=0o600)
                path.write_text(text)
            context.load_cert_chain(certificate, key)
    return context


def _host(where: str, default: int) -> tuple[str, int]:
    """Raises ValueError."""
    parts = urlsplit(f"//{where}")
    if not parts.hostname:
        raise ValueError("a Redis URL names a host")
    return parts.hostname, parts.port or default
