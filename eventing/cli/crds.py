"""`eventing crds`: the kinds as CustomResourceDefinitions, for a cluster."""

from typing import TYPE_CHECKING, Annotated

import typer

from eventing.cli.output import MISUSE, Failure

if TYPE_CHECKING:
    from eventing.resources.kind import Kind

KindsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[KIND...]", help="Kinds, plurals or short names. All without any.")
]


def crds(kinds: KindsArgument = None) -> None:
    """Print the kinds' CustomResourceDefinitions as YAML, for `kubectl apply --server-side -f -`."""
    import yaml

    from eventing.resources.crd import crd_of

    documents = [crd_of(kind) for kind in _chosen(kinds or [])]
    typer.echo(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120), nl=False)


def _chosen(names: list[str]) -> list["Kind"]:
    """The kinds of those names, in the catalogue's order. Raises Failure for a name that none has."""
    from eventing.resources.catalogue import Catalogue

    defined = [kind for kind in Catalogue() if kind.group]
    unknown = [name for name in names if not any(name.lower() in _names(kind) for kind in defined)]
    if unknown:
        known = ", ".join(kind.name for kind in defined)
        raise Failure(f"no kind {unknown[0]!r} can be defined in a cluster; there are {known}", code=MISUSE)
    wanted = {name.lower() for name in names}
    return [kind for kind in defined if not wanted or wanted & _names(kind)]


def _names(kind: "Kind") -> set[str]:
    return {kind.singular, kind.plural, kind.resource, *kind.short_names}
