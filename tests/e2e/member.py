"""Servers that are several processes over one PostgreSQL."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.e2e.process import PATIENCE_S, Process, wait_until
from tests.rig.child import free_port
from tests.rig.postgres import Postgres

LEASE_S: Final = 2.0
"""Short, so that tests see a takeover."""


def prepare(folder: Path, postgres: Postgres, name: str = "roles") -> str:
    """An empty database with tables; returns its URL as an operator writes it."""
    url = postgres.database(name).replace("postgresql+asyncpg", "postgresql")
    migration = Process(folder, "migrate", "migrate", "--database-url", url)
    assert 0 == migration.wait(), migration.err
    return url


def holder(postgres: Postgres, name: str) -> str:
    """Who has that lease at this moment, as the process calls itself; empty for nobody."""
    query = (
        "SELECT holder FROM leases WHERE name = '{}' AND expires_at_ms > extract(epoch FROM clock_timestamp()) * 1000"
    )
    return postgres.query("roles", query.format(name)).partition("@")[0]


class Member(Process):
    """`eventing serve --role ...`, or any other options; its health is told from its first moment on. Events rest
    where the environment says."""

    def __init__(
        self,
        folder: Path,
        name: str,
        url: str,
        *options: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.health_port = free_port()
        ports = ("--port", "0", "--api-port", "0", "--health-port", str(self.health_port))
        given = {"EVENTING_LEASE_DURATION_S": str(LEASE_S), "EVENTING_CHANNEL_LEASE_DURATION_S": str(LEASE_S)}
        data = ("--data-dir", str(folder / name))
        arguments = ("serve", "--database-url", url, *ports, *data, *options)
        super().__init__(folder, name, *arguments, environment={**given, **(environment or {})})

    def door(self, name: str) -> str:
        """Where it said its door of that name is, once it did."""

        def look() -> str:
            assert self.is_running, self.err
            return next((line.split()[1] for line in self.out.splitlines() if line.startswith(name)), "")

        return str(wait_until(look, f"{name} of {self.err}"))

    @property
    def events_url(self) -> str:
        return self.door("events").removesuffix("/NAMESPACE/BROKER")

    @property
    def api_url(self) -> str:
        return self.door("api")

    def health(self, path: str) -> tuple[int, str]:
        """Status and text that its health port answers; 0 where nobody does."""
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self.health_port}{path}", timeout=PATIENCE_S)
        except httpx2.HTTPError:
            return 0, ""
        return answer.status_code, answer.text

    def metric(self, name: str, *labels: str) -> float:
        """The sum of its samples that have these labels, each as `name="value"`."""
        lines = [line.rpartition(" ") for line in self.health("/metrics")[1].splitlines() if line.startswith(name)]
        return sum([float(value) for sample, _, value in lines if all(label in sample for label in labels)])

    @property
    def held(self) -> float:
        """Deliveries that it has in memory, of which the channel knows no end."""
        waiting, parked, under_way = (
            self.metric(f"eventing_trigger_{name}_events") for name in ("waiting", "parked", "in_flight")
        )
        return waiting - parked + under_way

    def wait_ready(self) -> None:
        wait_until(lambda: self.health("/readyz")[0] == 200 or not self.is_running, f"ready: {self.err}")
        assert self.is_running, self.err

    def apply(self, item: dict[str, Any]) -> None:
        """Create that in the namespace `default`, by the API."""
        group, version = item["apiVersion"].split("/")
        plural = f"{item['kind'].lower()}s"
        path = f"/apis/{group}/{version}/namespaces/default/{plural}"
        answer = httpx2.post(f"{self.api_url}{path}", json=item, timeout=PATIENCE_S)
        assert answer.status_code == 201, answer.text

    def ready(self, plural: str, name: str) -> dict[str, Any]:
        """The condition Ready of a resource of Eventing's group; empty while it has none."""
        path = f"/apis/eventing.knative.dev/v1/namespaces/default/{plural}/{name}"
        item = json.loads(httpx2.get(f"{self.api_url}{path}", timeout=PATIENCE_S).text)
        conditions = item.get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == "Ready"), {})
