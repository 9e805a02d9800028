"""What a start loads: a server on a laptop pays for nothing that it does not use."""

from pathlib import Path

import httpx2
import pytest

from tests.e2e.manifests import broker, to_yaml, trigger
from tests.e2e.process import Server, running

TOLD = {"PYTHONPROFILEIMPORTTIME": "1"}
"""Python tells on stderr what it imports, as soon as it did."""
API = {"fastapi", "prometheus_client", "pydantic.v1", "eventing.apiserver.router"}
OTHERS = {
    "aiokafka": "Brokers in Kafka",
    "alembic": "tables of an earlier revision",
    "asyncpg": "resources in PostgreSQL",
    "channels.kafka": "Brokers in Kafka",
    "channels.redis_streams": "Brokers in Redis",
    "cryptography": "certificates, and Secrets that are encrypted",
    "eventing.app.member": "one of several processes",
    "eventing.app.team": "several processes",
    "eventing.doctor": "the doctor",
    "httpx2": "commands that ask a server",
    "jinja2": "nobody",
    "pygments": "nobody",
    "redis": "Brokers in Redis",
    "rich": "commands that print tables",
    "sqlalchemy.dialects.postgresql": "resources in PostgreSQL",
    "sqlalchemy.orm": "nobody",
}
"""By name, and who needs it."""


def loaded(server: Server) -> set[str]:
    """The modules that the server imported, by their names."""
    lines = (line for line in server.err.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("channel", ["journal", "memory"])
def test_a_server_loads_what_it_uses(channel: str, tmp_path: Path) -> None:
    """Without Kafka, Redis, PostgreSQL, certificates and roles it starts without what is for those; the API is loaded
    by the first who asks it.
    """
    manifest = tmp_path / "resources.yaml"
    manifest.write_text(to_yaml(broker(), trigger("t", "http://127.0.0.1:9")))
    server = Server(tmp_path, manifest, environment={**TOLD, "EVENTING_DEFAULT_CHANNEL": channel})
    with running(server):
        assert 202 == server.post("b", "order", "1")
        found = loaded(server)
        assert {"eventing.app.alone", "channels.journal"} <= found
        assert set() == found & (API | OTHERS.keys())
        assert 200 == httpx2.get(f"{server.api_url}/readyz").status_code
        assert loaded(server) >= API
        assert set() == loaded(server) & OTHERS.keys()
