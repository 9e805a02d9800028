"""`eventing delete`: objects by name, by label, or those in files."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from eventing.cli.manifests import FilesOption, objects
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
from eventing.cli.wait import TimeoutOption, await_absence, parse_timeout

CascadeOption = Annotated[
    Literal["background", "foreground", "orphan"], typer.Option("--cascade", help="What becomes of what they own.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All of the type, in the namespace.")]
IgnoreOption = Annotated[bool, typer.Option("--ignore-not-found", help="What is not there is no error.")]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Return once they are gone.")]
Target = tuple[Resource, str, str]
_NOT_FOUND = 404


def delete(
    what: TargetArgument = None,
    filename: FilesOption = None,
    namespace: NamespaceOption = "default",
    selector: SelectorOption = None,
    every: AllOption = False,
    cascade: CascadeOption = "background",
    ignore_not_found: IgnoreOption = False,
    wait: WaitOption = True,
    timeout: TimeoutOption = "60s",
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Delete objects, and what they own, and wait until they are gone."""
    timeout_s = parse_timeout(timeout)
    with opened(server) as api:
        found = _in_files(api, filename, namespace) if filename else []
        if what or not filename:
            found += _named(api, what or [], namespace, selector, every=every)
        faults, gone = [], []
        for target in found:
            try:
                gone.append((target, _delete(api, target, cascade)))
            except ApiError as error:
                if error.http_code != _NOT_FOUND or not ignore_not_found:
                    faults.append(str(error))
        for (resource, place, name), uid in gone if wait else []:
            await_absence(api, resource, place, name, timeout_s, uid=uid)
    if faults:
        raise Failure("\n".join(faults), code=REFUSED)


def _in_files(api: Api, files: Sequence[str], namespace: str) -> list[Target]:
    found = []
    for source, item in objects(files):
        metadata = item.get("metadata", {})
        if not metadata.get("name"):
            raise Failure(f"{source}: {item.get('kind')}: metadata.name is missing")
        found.append((api.of(item), str(metadata.get("namespace") or namespace), str(metadata["name"])))
    return found


def _named(api: Api, what: Sequence[str], namespace: str, selector: str | None, *, every: bool) -> list[Target]:
    found: list[Target] = []
    for resource, name in targets(api, what, selector):
        if name is not None:
            found.append((resource, namespace, name))
        elif every or selector:
            parameters = {"labelSelector": selector} if selector else {}
            listed = api.request("GET", resource.path(namespace), params=parameters)["items"]
            found += [(resource, namespace, item["metadata"]["name"]) for item in listed]
        else:
            raise typer.BadParameter("name what to delete, or say --all or --selector")
    return found


def _delete(api: Api, target: Target, cascade: str) -> str:
    """Delete it, say so, and return its uid."""
    resource, namespace, name = target
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": cascade.capitalize()}
    answer: dict[str, Any] = api.request("DELETE", resource.path(namespace, name), json=options)
    where = f" from {namespace} namespace" if resource.is_namespaced else ""
    typer.echo(printable(f'{resource.qualified} "{name}" deleted{where}'))
    uid = answer.get("details", {}).get("uid") or answer.get("metadata", {}).get("uid", "")
    return str(uid)
