"""`eventing wait`: until objects are what they are to be, or gone."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from eventing.api.moment import parse_span
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

POLL_S: Final = 1.0
"""Longest time between two looks; the server's watch tells sooner."""
_NOT_FOUND: Final = 404


def parse_timeout(text: str) -> float:
    """Seconds in `30s`, `5m` or `PT1H`. Raises BadParameter."""
    try:
        return parse_span(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


ForOption = Annotated[
    str, typer.Option("--for", metavar="CONDITION", help="condition=TYPE, condition=TYPE=STATUS, create or delete.")
]
TimeoutOption = Annotated[str, typer.Option("--timeout", metavar="TIME", help="How long to wait: 30s, 5m, 1h.")]


def wait(
    what: TargetArgument = None,
    condition: ForOption = "condition=Ready",
    timeout: TimeoutOption = "30s",
    namespace: NamespaceOption = "default",
    selector: SelectorOption = None,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Wait until objects are ready, were created, or are gone."""
    judge, timeout_s = _judge(condition), parse_timeout(timeout)
    with opened(server) as api:
        deadline = time.monotonic() + timeout_s
        found = _expanded(api, what or [], namespace, selector)
        if not found and condition != "delete":
            raise Failure("no matching resources found")
        for resource, name in found:
            left_s = max(0.0, deadline - time.monotonic())
            if condition == "delete":
                await_absence(api, resource, namespace, name, left_s)
            elif not _await(api, resource, namespace, name, left_s, judge):
                raise _late(resource, name)
            if condition != "delete":
                typer.echo(printable(f"{resource.title(name)} condition met"))


def await_absence(api: Api, resource: Resource, namespace: str, name: str, timeout_s: float, *, uid: str = "") -> None:
    """Return once the object is gone, or another one of its name is there where `uid` is given. Raises Failure."""

    def is_gone(item: Mapping[str, Any] | None) -> bool:
        return item is None or (bool(uid) and item["metadata"]["uid"] != uid)

    if not _await(api, resource, namespace, name, timeout_s, is_gone):
        raise _late(resource, name)


def _late(resource: Resource, name: str) -> Failure:
    return Failure(f"timed out waiting for the condition on {resource.plural}/{name}", code=REFUSED)


def _judge(condition: str) -> Callable[[Mapping[str, Any] | None], bool]:
    if condition == "create":
        return lambda item: item is not None
    if condition == "delete":
        return lambda item: item is None
    word, _, rest = condition.partition("=")
    name, _, status = rest.partition("=")
    if word != "condition" or not name:
        raise typer.BadParameter(f"{condition!r} is none of condition=TYPE, condition=TYPE=STATUS, create, delete")
    return lambda item: item is not None and _holds(item, name, status or "True")


def _holds(item: Mapping[str, Any], name: str, status: str) -> bool:
    """True where the object says so of what it is at present, not of what it was before its last change."""
    found = item.get("status", {})
    if found.get("observedGeneration", item["metadata"].get("generation", 0)) < item["metadata"].get("generation", 0):
        return False
    conditions = found.get("conditions", [])
    return any(one["type"].lower() == name.lower() and one["status"].lower() == status.lower() for one in conditions)


def _expanded(api: Api, what: list[str], namespace: str, selector: str | None) -> list[tuple[Resource, str]]:
    found = []
    for resource, name in targets(api, what, selector):
        if name is not None:
            found.append((resource, name))
            continue
        listed = api.request("GET", resource.path(namespace), params={"labelSelector": selector} if selector else {})
        found += [(resource, item["metadata"]["name"]) for item in listed["items"]]
    return found


def _await(
    api: Api,
    resource: Resource,
    namespace: str,
    name: str,
    timeout_s: float,
    judge: Callable[[Mapping[str, Any] | None], bool],
) -> bool:
    """Look, then look again whenever the server says that something happened. False where the time was over."""
    deadline = time.monotonic() + timeout_s
    while True:
        item = _look(api, resource, namespace, name)
        if judge(item):
            return True
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False
        since = None if item is None else item["metadata"]["resourceVersion"]
        _until_change(api, resource, namespace, name, since, min(left_s, POLL_S))


def _look(api: Api, resource: Resource, namespace: str, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = api.request("GET", resource.path(namespace, name))
    except ApiError as error:
        if error.http_code != _NOT_FOUND:
            raise
        return None
    return found


def _until_change(api: Api, resource: Resource, namespace: str, name: str, since: str | None, limit_s: float) -> None:
    """Return with the next change of the object after that version; where there is none, once the time is over."""
    if since is None or limit_s < POLL_S:
        time.sleep(min(limit_s, 0.1))
        return
    parameters = {
        "watch": "true",
        "fieldSelector": f"metadata.name={name}",
        "resourceVersion": since,
        "timeoutSeconds": str(round(limit_s)),
    }
    with api.stream(resource.path(namespace), parameters) as changes:
        next(changes, None)
