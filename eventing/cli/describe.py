"""`eventing describe`: an object in full, and what happened to it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import typer

from eventing.apiserver.human_duration import human_duration
from eventing.cli.description import description
from eventing.cli.output import REFUSED, Failure, printable
from eventing.cli.resource import (
    Api,
    ApiError,
    NamespaceOption,
    Resource,
    SelectorOption,
    TargetArgument,
    opened,
    targets,
)
from eventing.cli.server import DEFAULT_SERVER, ServerOption


def describe(
    what: TargetArgument = None,
    namespace: NamespaceOption = "default",
    selector: SelectorOption = None,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show all there is about objects: fields, conditions, and the events that were recorded of them."""
    with opened(server) as api:
        faults: list[str] = []
        found = targets(api, what or [], selector)
        items = [item for target in found for item in _items(api, *target, namespace, selector, faults)]
        texts = [description(item, _events(api, item)) for item in items]
    if not texts and not faults:
        typer.echo(f"No resources found in {namespace} namespace.", err=True)
    typer.echo(printable("\n\n".join(texts)), nl=False)
    if faults:
        raise Failure("\n".join(faults), code=REFUSED)


def _items(
    api: Api, resource: Resource, name: str | None, namespace: str, selector: str | None, faults: list[str]
) -> list[dict[str, Any]]:
    path = resource.path(namespace, name)
    if name is not None:
        try:
            return [api.request("GET", path)]
        except ApiError as error:
            faults.append(str(error))
            return []
    found = api.request("GET", path, params={"labelSelector": selector} if selector else {})
    kind = {"apiVersion": resource.api_version, "kind": resource.kind}
    return [{**kind, **item} for item in found["items"]]


def _events(api: Api, item: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows, the oldest first; none where the server has no events."""
    metadata = item["metadata"]
    involved = {"name": metadata["name"], "namespace": metadata.get("namespace", ""), "uid": metadata.get("uid", "")}
    fields = ",".join(f"involvedObject.{name}={text}" for name, text in involved.items() if text)
    path = f"/api/v1/namespaces/{metadata.get('namespace') or 'default'}/events"
    try:
        found = api.request("GET", path, params={"fieldSelector": fields})["items"]
    except ApiError:
        return []
    found.sort(key=lambda event: event.get("lastTimestamp") or "")
    now = datetime.now(UTC)
    return [_row(event, now) for event in found]


def _row(event: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    age = _age(event.get("lastTimestamp"), now)
    if (count := event.get("count", 1)) > 1:
        age = f"{age} (x{count} over {_age(event.get('firstTimestamp'), now)})"
    source = event.get("source", {}).get("component", "")
    return (event.get("type", ""), event.get("reason", ""), age, source, event.get("message", "").strip())


def _age(text: str | None, now: datetime) -> str:
    if not text:
        return "<unknown>"
    return human_duration((now - datetime.fromisoformat(text)).total_seconds())
