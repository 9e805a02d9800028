"""Recorded sessions of real clients against a real API server: what each command asked, and what was answered."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

PROTOBUF: Final = "application/vnd.kubernetes.protobuf"


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. Bodies are JSON values, or text where they were none or were not kept."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    request: Any
    status: int
    content_type: str
    answer: Any

    @property
    def is_watch(self) -> bool:
        return ("watch", "true") in self.query

    @property
    def is_cached(self) -> bool:
        """The client had the answer, and asked whether it still holds."""
        return self.status == 304

    @property
    def events(self) -> list[dict[str, Any]]:
        """What a watch saw. A stream of a single event was recorded as that event."""
        if not isinstance(self.answer, dict):
            return []
        return list(self.answer["stream"]) if "stream" in self.answer else [self.answer]


@dataclass(frozen=True)
class Command:
    """What was typed, with its exchanges in order. `name` is the recording's, without a suffix."""

    name: str
    text: str
    exchanges: tuple[Exchange, ...]


def read_session(folder: Path) -> list[Command]:
    """The commands of a session, in the order they ran."""
    return [read_command(path.stem, path.read_text()) for path in sorted(folder.glob("*.json"))]


def read_command(name: str, text: str) -> Command:
    content = json.loads(text)
    return Command(name, content["command"], tuple(_exchange(one) for one in content["exchanges"]))


def _exchange(recorded: dict[str, Any]) -> Exchange:
    url = urlsplit(recorded["path"])
    return Exchange(
        method=recorded["method"],
        path=url.path,
        query=tuple(parse_qsl(url.query, keep_blank_values=True)),
        headers=recorded["request_headers"],
        request=recorded["request_body"],
        status=recorded["status"],
        content_type=recorded["content_type"] or "",
        answer=recorded["response_body"],
    )


def preexisting(commands: list[Command]) -> list[tuple[str, dict[str, Any]]]:
    """What a session found there without having made it: (path of its collection, object to create), in order of
    appearance.
    """
    made: set[str] = set()
    found: dict[str, dict[str, Any]] = {}
    for exchange in (one for command in commands for one in command.exchanges):
        if exchange.method == "POST" and exchange.status == 201:
            made.add(_without_version(_created(exchange)))
        elif exchange.method == "PATCH" or exchange.status == 404:
            made.add(_without_version(exchange.path))
        elif _is_object(exchange):
            place = f"{_without_version(exchange.path)}/"
            if not any(place.startswith(f"{path}/") for path in made):
                found.setdefault(exchange.path, exchange.answer)
    return [(path.rpartition("/")[0], _fresh(item)) for path, item in found.items()]


def _without_version(path: str) -> str:
    """An object is the same in each version of its group."""
    return re.sub(r"^(/apis/[^/]+)/[^/]+", r"\1", path)


def _created(exchange: Exchange) -> str:
    """The path of what was created; where the answer cannot be read, that of its whole collection."""
    name = exchange.answer.get("metadata", {}).get("name") if isinstance(exchange.answer, dict) else None
    return f"{exchange.path}/{name}" if name else exchange.path


def _is_object(exchange: Exchange) -> bool:
    """One object was got, in full, that no controller had made of another."""
    answer = exchange.answer
    return (
        exchange.method == "GET"
        and exchange.status == 200
        and isinstance(answer, dict)
        and answer.get("kind") not in (None, "Table", "Namespace")
        and "name" in answer.get("metadata", {})
        and "ownerReferences" not in answer["metadata"]
    )


def _fresh(item: dict[str, Any]) -> dict[str, Any]:
    """As a client would create it."""
    kept = ("name", "namespace", "labels", "annotations")
    metadata = {key: value for key, value in item["metadata"].items() if key in kept}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": metadata}


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """All dicts within a JSON value, the outer ones first."""
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from walk(one)
    elif isinstance(value, list):
        for one in value:
            yield from walk(one)
