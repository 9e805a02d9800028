"""The certificate that a door shows."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from cryptography import x509


class BadCertificate(Exception):  # noqa: N818 - named for what it is
    """The operator must act: certificate or key cannot be read, or do not belong together."""


@dataclass(slots=True)
class Certificate:
    """A certificate with its chain and its key, read and found to belong together."""

    context: ssl.SSLContext
    """The door's for good: a connection gets what is in force when it begins."""
    chain: str
    """In PEM: what clients are to trust."""
    hosts: tuple[str, ...]
    """The names and addresses it is for."""
    _in_force: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self._in_force = self.context
        self.context.sni_callback = self._show

    def replace(self, other: Self) -> None:
        """Show the other one to whoever connects from here on. Connections that there are stay as they are."""
        self._in_force, self.chain, self.hosts = other.context, other.chain, other.hosts

    def _show(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called in every handshake, also where the client names no server."""
        connection.context = self._in_force

    @classmethod
    def read(cls, certificate: Path, key: Path) -> Self:
        """From files in PEM; the key must not ask for a password. TLS 1.2 is the least. Raises BadCertificate."""
        from cryptography import x509  # 8 MB, for doors that show a certificate

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(certificate, key, password=b"")
            chain = certificate.read_text("ascii")
            first = x509.load_pem_x509_certificate(chain.encode())
        except (OSError, ValueError) as error:
            words = f"--tls-cert {certificate}, --tls-key {key}: no certificate with its key: {error}"
            raise BadCertificate(words) from error
        return cls(context, chain, tuple(_hosts(first)))


def _hosts(certificate: "x509.Certificate") -> list[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
