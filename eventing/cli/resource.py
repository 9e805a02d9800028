"""Resources as commands name them (`broker`, `triggers/a`, `imc`, `eventing`), and requests about them to a server.

What a name means the server says: any server of the Kubernetes API will do. Words and errors are kubectl's.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from eventing.cli.output import REFUSED, Failure
from eventing.cli.server import connected

if TYPE_CHECKING:
    import httpx2

NamespaceOption = Annotated[str, typer.Option("-n", "--namespace", help="The namespace.")]
AllNamespacesOption = Annotated[bool, typer.Option("-A", "--all-namespaces", help="All namespaces.")]
SelectorOption = Annotated[str | None, typer.Option("-l", "--selector", help="Labels, such as app=shop,tier!=test.")]
TargetArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="TYPE [NAME...] | TYPE/NAME...", help="Plural, singular, short name or category."),
]
_DISCOVERY: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
)


class ApiError(Failure):
    """The API refused: what its Status says. `code` of HTTP is `http_code`."""

    def __init__(self, status: Mapping[str, Any], http_code: int) -> None:
        reason, message = status.get("reason") or str(http_code), status.get("message") or "no message"
        super().__init__(f"from server ({reason}): {message}", code=REFUSED)
        self.http_code = http_code
        self.message = str(message)


class UnknownResource(Failure):
    """The server has no such kind, or not in that version."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What a server has under a path: a kind in the version that it prefers."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    is_namespaced: bool
    verbs: tuple[str, ...]

    @property
    def api_version(self) -> str:
        """As objects have it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Of one object, of all in a namespace, or of all (None)."""
        place = f"/namespaces/{quote(namespace, safe='')}" if self.is_namespaced and namespace is not None else ""
        base = f"/apis/{self.group}" if self.group else "/api"
        end = "" if name is None else f"/{quote(name, safe='')}"
        return f"{base}/{self.version}{place}/{self.plural}{end}"

    def title(self, name: str) -> str:
        """`broker.eventing.knative.dev/shop`: how kubectl names an object."""
        return f"{self.qualified}/{name}"

    @property
    def qualified(self) -> str:
        """`broker.eventing.knative.dev`."""
        return f"{self.singular}.{self.group}" if self.group else self.singular

    def is_called(self, word: str) -> bool:
        """True for each of its names; the group may follow."""
        name, dot, group = word.lower().partition(".")
        is_of_group = not dot or f"{self.group}.".startswith(f"{group}.") or f"{self.version}.{self.group}" == group
        return is_of_group and name in (self.plural, self.singular, *self.short_names)


class Api:
    """The API of one server, for the length of a command."""

    def __init__(self, client: "httpx2.Client") -> None:
        self._client = client
        self._resources: list[Resource] | None = None

    def request(self, method: str, path: str, **content: Any) -> Any:
        """The JSON value that is answered, and nothing else. Raises ApiError."""
        return self.answer(method, path, **content).json()

    def answer(self, method: str, path: str, **content: Any) -> "httpx2.Response":
        """The whole answer, which is a success. Raises ApiError."""
        response = self._client.request(method, path, **content)
        for warning in response.headers.get_list("warning"):
            typer.echo(f"Warning: {_warning(warning)}", err=True)
        if not response.is_success:
            raise ApiError(_status(response), response.status_code)
        return response

    @contextmanager
    def stream(
        self, path: str, parameters: Mapping[str, str], accept: str = "application/json"
    ) -> Iterator[Iterator[Any]]:
        """The lines of a watch, each a JSON value, for the length of the context. Raises ApiError."""
        headers, timeout = {"Accept": accept}, {"timeout": None}
        with self._client.stream("GET", path, params=dict(parameters), headers=headers, **timeout) as response:  # type: ignore[arg-type]
            if not response.is_success:
                response.read()
                raise ApiError(_status(response), response.status_code)
            yield (json.loads(line) for line in response.iter_lines() if line)

    @property
    def resources(self) -> list[Resource]:
        """All that the server has, each in the version it prefers."""
        if self._resources is None:
            self._resources = [one for path in ("/api", "/apis") for one in self._discover(path)]
        return self._resources

    def find(self, word: str) -> list[Resource]:
        """What a word means: one resource, those of a category, those of a list with commas. Raises Failure."""
        found = []
        for part in word.split(","):
            named = [one for one in self.resources if one.is_called(part)][:1]
            listed = [one for one in self.resources if part in one.categories and "list" in one.verbs]
            if not named and not listed:
                raise Failure(f"the server doesn't have a resource type {json.dumps(part)}")
            found += listed or named
        return found

    def of(self, item: Mapping[str, Any]) -> Resource:
        """The resource that an object is one of, in the version it is written in. Raises UnknownResource."""
        api_version, kind = str(item.get("apiVersion", "")), item.get("kind")
        group, _, version = api_version.rpartition("/")
        for resource in self._versions(group, version):
            if resource.kind == kind:
                return resource
        raise UnknownResource(f'no matches for kind "{kind}" in version "{api_version}"')

    def _discover(self, path: str) -> Iterator[Resource]:
        found = self.request("GET", path, headers={"Accept": _DISCOVERY})
        for group in found.get("items", []):
            for version in group["versions"][:1]:
                yield from _resources(group["metadata"].get("name", ""), version)

    def _versions(self, group: str, version: str) -> Iterator[Resource]:
        found = self.request("GET", "/apis" if group else "/api", headers={"Accept": _DISCOVERY})
        for one in found.get("items", []):
            if one["metadata"].get("name", "") == group:
                for served in one["versions"]:
                    if served["version"] == version:
                        yield from _resources(group, served)


@contextmanager
def opened(server: str) -> Iterator[Api]:
    """The API of that server. Raises Failure where it cannot be reached."""
    with connected(server) as client:
        yield Api(client)


def targets(api: Api, words: Sequence[str], selector: str | None = None) -> list[tuple[Resource, str | None]]:
    """What `TYPE NAME...` or `TYPE/NAME...` means; a type alone is all of its objects (None), or those with the
    selector's labels. Raises Failure.
    """
    if not words:
        raise typer.BadParameter("name a type, such as brokers, or a type and a name")
    if selector and ("/" in words[0] or words[1:]):
        raise typer.BadParameter("name cannot be provided when a selector is specified")
    if any("/" in word for word in words):
        if not all("/" in word for word in words):
            raise typer.BadParameter("there is no need to specify a resource type as a separate argument")
        pairs = [word.split("/", 1) for word in words]
        return [(resource, name) for kind, name in pairs for resource in api.find(kind)]
    found, names = api.find(words[0]), words[1:]
    return [(resource, name) for resource in found for name in (names or [None])]  # type: ignore[list-item]


def _resources(group: str, version: Mapping[str, Any]) -> Iterator[Resource]:
    for one in version.get("resources", []):
        yield Resource(
            group=group,
            version=version["version"],
            plural=one["resource"],
            singular=one.get("singularResource") or one["responseKind"]["kind"].lower(),
            kind=one["responseKind"]["kind"],
            short_names=tuple(one.get("shortNames", ())),
            categories=tuple(one.get("categories", ())),
            is_namespaced=one["scope"] == "Namespaced",
            verbs=tuple(one["verbs"]),
        )


def _status(response: "httpx2.Response") -> Mapping[str, Any]:
    try:
        status = response.json()
    except ValueError:
        return {"message": response.text[:200] or response.reason_phrase}
    return status if isinstance(status, dict) else {}


def _warning(header: str) -> str:
    """The text of a Warning header: `299 - "text"`."""
    return header.partition('"')[2].rpartition('"')[0].replace('\\"', '"').replace("\\\\", "\\")
