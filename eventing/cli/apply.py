"""`eventing apply`: make the server hold what files say."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
import typer

from eventing.cli.manifests import FilesOption, objects
from eventing.cli.output import REFUSED, Failure, printable
from eventing.cli.resource import Api, ApiError, NamespaceOption, Resource, opened
from eventing.cli.server import DEFAULT_SERVER, ServerOption

MANAGER: Final = "eventing"
"""Who owns the fields that are applied."""
_APPLY: Final = "application/apply-patch+yaml"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_CREATED: Final = 201

ForceOption = Annotated[bool, typer.Option("--force-conflicts", help="Take fields over that others manage.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Have the server check and answer, and keep nothing.")]


def apply(
    filename: FilesOption = None,
    namespace: NamespaceOption = "default",
    force_conflicts: ForceOption = False,
    dry_run: DryRunOption = False,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Create the objects in files, or change them to what the files say. Fields that a file no longer has go."""
    found = objects(filename or [])
    if not found:
        raise typer.BadParameter("nothing to apply: name a file with -f")
    faults = []
    with opened(server) as api:
        for source, item in found:
            try:
                _apply(api, item, namespace, {"force": str(force_conflicts).lower()}, dry_run=dry_run)
            except Failure as failure:
                faults.append(f"{source}: {failure}")
    if faults:
        raise Failure("\n".join(faults), code=REFUSED)


def _apply(api: Api, item: dict[str, Any], namespace: str, options: Mapping[str, str], *, dry_run: bool) -> None:
    resource = api.of(item)
    metadata = item.get("metadata", {})
    name = metadata.get("name")
    if not name:
        raise Failure(f"{item.get('kind')}: metadata.name is missing")
    path = resource.path(metadata.get("namespace") or namespace, str(name))
    before = _version(api, path)
    parameters = {"fieldManager": MANAGER, "fieldValidation": "Strict", **options}
    if dry_run:
        parameters["dryRun"] = "All"
    try:
        answer = api.answer(
            "PATCH", path, params=parameters, content=orjson.dumps(item), headers={"Content-Type": _APPLY}
        )
    except ApiError as error:
        if error.http_code == _CONFLICT:
            raise Failure(f"{error.message}; to take these fields over: --force-conflicts") from error
        raise
    created, version = answer.status_code == _CREATED, answer.json()["metadata"].get("resourceVersion")
    _tell(resource, str(name), "created" if created else "unchanged" if version == before else "configured", dry_run)


def _tell(resource: Resource, name: str, what: str, dry_run: bool) -> None:
    typer.echo(printable(f"{resource.title(name)} {what}{' (server dry run)' if dry_run else ''}"))


def _version(api: Api, path: str) -> str | None:
    try:
        found: str | None = api.request("GET", path)["metadata"]["resourceVersion"]
    except ApiError as error:
        if error.http_code != _NOT_FOUND:
            raise
        return None
    return found
