"""What end-to-end tests of channels on servers ask of a running server."""

import base64
import subprocess
from typing import Any

import httpx2

from tests.e2e.manifests import Item, to_yaml
from tests.e2e.process import EVENTING, PATIENCE_S, Server, wait_until

BROKERS = "/apis/eventing.knative.dev/v1/namespaces/default/brokers"


def apply(server: Server, *items: Item) -> None:
    """As who has no kubectl does it."""
    command = [EVENTING, "apply", "-f", "-", "--force-conflicts", "--server", server.api_url]
    subprocess.run(command, input=to_yaml(*items).encode(), check=True, capture_output=True, timeout=PATIENCE_S)


def conditions(server: Server, name: str = "b") -> dict[str, tuple[str, str, str]]:
    """Status, reason and message of each condition of a Broker."""
    found = httpx2.get(f"{server.api_url}{BROKERS}/{name}").json().get("status", {}).get("conditions", ())
    return {one["type"]: (one["status"], one.get("reason", ""), one.get("message", "")) for one in found}


def wait_ready(server: Server, status: str = "True", name: str = "b", patience_s: float = 30.0) -> tuple[str, str]:
    """Until Ready says that; its reason and message."""

    def look() -> Any:
        found = conditions(server, name).get("Ready")
        return found is not None and found[0] == status and (*found[1:], "x")

    found = wait_until(look, f"Ready is {status}", patience_s)
    return found[0], found[1]


def delete_broker(server: Server, name: str = "b") -> None:
    httpx2.delete(f"{server.api_url}{BROKERS}/{name}").raise_for_status()


def post(server: Server, event_id: str) -> int:
    """POST an event to `b`, whose server may take its time; the status."""
    attributes = {"ce-specversion": "1.0", "ce-source": "/test", "ce-type": "order", "ce-id": event_id}
    url = f"{server.events_url}/default/b"
    return httpx2.post(url, headers=attributes, content=b"{}", timeout=PATIENCE_S).status_code


def post_until(server: Server, status: int, *, patience_s: float = 30.0) -> list[str]:
    """POST events to `b` until one is answered so; the ids of those that were accepted."""
    accepted: list[str] = []
    number = 0

    def is_answered() -> bool:
        nonlocal number
        number += 1
        found = post(server, f"until-{status}-{number}")
        if found == 202:
            accepted.append(f"until-{status}-{number}")
        return found == status

    wait_until(is_answered, f"an answer {status}", patience_s)
    return accepted


def config_map(name: str, **data: str) -> Item:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Item:
    """Underscores in names are dots."""
    encoded = {one.replace("_", "."): base64.b64encode(text.encode()).decode() for one, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}
