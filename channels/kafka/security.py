"""Who we are for a Kafka cluster, and whom we trust: the keys of Knative's Secret.

Source: the Secret that `auth.secret.ref.name` names, in Knative's Kafka broker.
"""

import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True)
class Security:
    """How to come in. Secrets are not shown by `repr`."""

    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    user: str = ""
    password: str = field(default="", repr=False)
    authority: str = ""
    """PEM of whom to trust; empty for whom the system trusts."""
    certificate: str = ""
    key: str = field(default="", repr=False)

    @classmethod
    def from_secret(cls, data: Mapping[str, str]) -> Self:
        """Of a Secret's decoded data. Raises ValueError, whose words name the key that is wrong."""
        protocol = data.get("protocol", "PLAINTEXT")
        if protocol not in PROTOCOLS:
            raise ValueError(f"protocol: must be one of {', '.join(PROTOCOLS)}")
        mechanism = data.get("sasl.mechanism", "PLAIN")
        if protocol.startswith("SASL") and mechanism not in MECHANISMS:
            raise ValueError(f"sasl.mechanism: must be one of {', '.join(MECHANISMS)}")
        for key in ("user", "password"):
            if protocol.startswith("SASL") and not data.get(key):
                raise ValueError(f"{key}: is missing, and {protocol} needs it")
        has_certificate = data.get("user.skip", "false").lower() != "true"
        return cls(
            protocol,
            mechanism,
            data.get("user", ""),
            data.get("password", ""),
            data.get("ca.crt", ""),
            data.get("user.crt", "") if has_certificate else "",
            data.get("user.key", "") if has_certificate else "",
        )

    def options(self) -> dict[str, Any]:
        """As aiokafka's clients take them. Raises ValueError where a certificate or key is none."""
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        if self.protocol.endswith("SSL"):
            options["ssl_context"] = self._context()
        return options

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=self.authority or None)
            if self.certificate:
                # OpenSSL reads a key from a file alone.
                with tempfile.TemporaryDirectory(prefix="eventing-") as folder:
                    certificate, key = Path(folder, "user.crt"), Path(folder, "user.key")
                    for path, text in ((certificate, self.certificate), (key, self.key)):
                        path.touch(mode=0o600)
                        path.write_text(text)
                    context.load_cert_chain(certificate, key)
        except ssl.SSLError as error:
            raise ValueError(f"ca.crt, user.crt or user.key: {error}") from error
        return context
