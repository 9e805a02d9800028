"""`eventing get`: objects in a table, or as they are."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import typer

from eventing.cli.output import REFUSED, Failure, printable
from eventing.cli.resource import (
    AllNamespacesOption,
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
from eventing.cli.tabular import table

Form = Literal["table", "wide", "yaml", "json", "name"]
FormOption = Annotated[Form, typer.Option("-o", "--output", help="How to print what is found.")]
WatchOption = Annotated[bool, typer.Option("-w", "--watch", help="Then print every change, until interrupted.")]
TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
_PAGE: Final = 500
Rows = list[list[str]]


def get(
    what: TargetArgument = None,
    namespace: NamespaceOption = "default",
    all_namespaces: AllNamespacesOption = False,
    selector: SelectorOption = None,
    output: FormOption = "table",
    watch: WatchOption = False,
    server: ServerOption = DEFAULT_SERVER,
) -> None:
    """Show objects: all of a type or category, or some by name."""
    place = None if all_namespaces else namespace
    with opened(server) as api:
        found = targets(api, what or [], selector)
        if watch:
            return _watch(api, found, place, selector, output)
        faults: list[str] = []
        if output in ("yaml", "json", "name"):
            items = [one for target in found for one in _items(api, target, place, selector, faults)]
            _print_items(items, output, found)
        else:
            _print_tables(api, found, place, selector, faults, is_wide=output == "wide")
    if faults:
        raise Failure("\n".join(faults), code=REFUSED)
    return None


def _print_tables(
    api: Api,
    found: Sequence[tuple[Resource, str | None]],
    namespace: str | None,
    selector: str | None,
    faults: list[str],
    *,
    is_wide: bool,
) -> None:
    """A table for each type that has something to show."""
    resources = list(dict.fromkeys(resource for resource, _ in found))
    blocks = []
    for resource in resources:
        names = [name for one, name in found if one is resource]
        is_titled = len(resources) > 1
        rows = _rows(api, resource, names, namespace, selector, faults, is_wide=is_wide, is_titled=is_titled)
        if len(rows) > 1:
            blocks.append(table(rows))
    if not blocks and not faults:
        where = "" if namespace is None or not resources[0].is_namespaced else f" in {namespace} namespace."
        typer.echo(f"No resources found{where}", err=True)
    typer.echo("\n".join(blocks), nl=False)


def _rows(
    api: Api,
    resource: Resource,
    names: Sequence[str | None],
    namespace: str | None,
    selector: str | None,
    faults: list[str],
    *,
    is_wide: bool,
    is_titled: bool,
) -> Rows:
    """The titles and a row for each object."""
    rows: Rows = []
    for name in names:
        for page in _pages(api, resource, name, namespace, selector, TABLE, faults):
            shown = _columns(page, is_wide=is_wide)
            titles = [page["columnDefinitions"][number]["name"].upper() for number in shown]
            prefix = ["NAMESPACE"] if namespace is None and resource.is_namespaced else []
            rows = rows or [[*prefix, *titles]]
            rows += [_row(row, shown, resource if is_titled else None, bool(prefix)) for row in page["rows"]]
    return rows


def _columns(page: Mapping[str, Any], *, is_wide: bool) -> list[int]:
    return [number for number, one in enumerate(page["columnDefinitions"]) if is_wide or not one.get("priority")]


def _row(row: Mapping[str, Any], shown: Sequence[int], titled: Resource | None, has_namespace: bool) -> list[str]:
    cells = [_cell(row["cells"][number]) for number in shown]
    if titled is not None:
        cells[0] = titled.title(cells[0])
    return [row["object"]["metadata"].get("namespace", ""), *cells] if has_namespace else cells


def _cell(value: Any) -> str:
    return "" if value is None else printable(str(value)).replace("\n", "\\n")


def _pages(
    api: Api,
    resource: Resource,
    name: str | None,
    namespace: str | None,
    selector: str | None,
    accept: str,
    faults: list[str],
) -> Sequence[Any]:
    """What is answered, page by page. That there is no object of the name keeps the others away from nobody."""
    if name is not None:
        if namespace is None and resource.is_namespaced:
            raise Failure("a resource cannot be retrieved by name across all namespaces")
        try:
            return [api.request("GET", resource.path(namespace, name), headers={"Accept": accept})]
        except ApiError as error:
            faults.append(str(error))
            return []
    parameters: dict[str, Any] = {"limit": _PAGE}
    if selector:
        parameters["labelSelector"] = selector
    pages = []
    while True:
        page = api.request("GET", resource.path(namespace), params=parameters, headers={"Accept": accept})
        pages.append(page)
        token = page["metadata"].get("continue")
        if not token:
            return pages
        parameters["continue"] = token


def _items(
    api: Api,
    target: tuple[Resource, str | None],
    namespace: str | None,
    selector: str | None,
    faults: list[str],
) -> list[dict[str, Any]]:
    resource, name = target
    found = []
    for page in _pages(api, resource, name, namespace, selector, "application/json", faults):
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        found += [{**kind, **item} for item in page["items"]] if name is None else [page]
    return found


def _print_items(items: Sequence[dict[str, Any]], output: Form, found: Sequence[tuple[Resource, str | None]]) -> None:
    for item in items:
        item["metadata"].pop("managedFields", None)
    if output == "name":
        titles = {resource.kind: resource for resource, _ in found}
        for item in items:
            typer.echo(printable(titles[item["kind"]].title(item["metadata"]["name"])))
        return
    if len(found) == 1 and found[0][1] is not None:
        if not items:
            return
        value = items[0]
    else:
        value = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    if output == "json":
        typer.echo(json.dumps(value, indent=4, ensure_ascii=False, sort_keys=True))
    else:
        import yaml

        typer.echo(yaml.safe_dump(value, allow_unicode=True), nl=False)


def _watch(
    api: Api, found: Sequence[tuple[Resource, str | None]], namespace: str | None, selector: str | None, output: Form
) -> None:
    """Print what there is, then a line for every change. One type at a time, as kubectl has it."""
    if len(found) != 1 or output not in ("table", "wide"):
        raise typer.BadParameter("--watch shows one type, or one object, in a table")
    resource, name = found[0]
    parameters = {"watch": "true"} | ({"labelSelector": selector} if selector else {})
    if name is not None:
        parameters["fieldSelector"] = f"metadata.name={name}"
    widths: list[list[str]] = []
    try:
        with api.stream(resource.path(namespace), parameters, TABLE) as changes:
            for change in changes:
                _print_change(change, widths, namespace is None and resource.is_namespaced, is_wide=output == "wide")
    except KeyboardInterrupt:
        return


def _print_change(change: Mapping[str, Any], seen: Rows, has_namespace: bool, *, is_wide: bool) -> None:
    if change["type"] == "ERROR":
        raise Failure(str(change["object"].get("message")))
    if change["type"] == "BOOKMARK":
        return
    page = change["object"]
    definitions = page.get("columnDefinitions") or []
    if not seen:
        shown = _columns(page, is_wide=is_wide)
        seen += [
            [*(["NAMESPACE"] if has_namespace else []), *(definitions[number]["name"].upper() for number in shown)]
        ]
        seen += [[str(number) for number in shown]]
        sys.stdout.write(table(seen[:1]))
    shown = [int(number) for number in seen[1]]
    for row in page["rows"]:
        cells = _row(row, shown, None, has_namespace)
        sys.stdout.write(table([seen[0], cells]).partition("\n")[2])
    sys.stdout.flush()
