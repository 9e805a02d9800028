"""What of a recorded request must be said in the living server's words: versions, UIDs, times and generated names."""

import json
from typing import Any, Final

from tests.clients.recording import Exchange

A_TIME: Final = "2026-01-01T00:00:00Z"
_ANY_VERSION: Final = "RV"
"""Where the recording keeps no versions apart, the newest is meant."""


class Substitution:
    """What the living server has said so far, by what stood in its place in the recording."""

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._newest: dict[str, dict[str, Any]] = {}

    def learn(self, exchange: Exchange, answer: Any) -> None:
        """Take note of an answer, beside the one recorded."""
        if isinstance(exchange.answer, dict) and isinstance(answer, dict):
            self._pair(exchange.answer, answer)
            if "metadata" in answer:
                self._newest[self._place(exchange, answer)] = answer["metadata"]

    def renew(self, exchange: Exchange, answer: dict[str, Any]) -> None:
        """Let a request be about an object as it is at this moment."""
        metadata = answer.get("metadata", {})
        self._newest[self.path(exchange)] = metadata
        recorded = exchange.request["metadata"].get("resourceVersion", _ANY_VERSION)
        if recorded != _ANY_VERSION:
            self._versions[recorded] = metadata.get("resourceVersion", "")

    def path(self, exchange: Exchange) -> str:
        return "/".join(self._names.get(part, part) for part in exchange.path.split("/"))

    def query(self, exchange: Exchange) -> list[tuple[str, str]]:
        newest = self._newest.get(self.path(exchange), {})
        return [
            (key, self._version(value, newest) if key == "resourceVersion" else value)
            for key, value in exchange.query
            # A hash names one edition of a document, which only its own server has.
            if key != "hash"
        ]

    def body(self, exchange: Exchange) -> Any:
        """The request's body as it is to be sent."""
        return self._filled(exchange.request, self._newest.get(self.path(exchange), {}))

    def expected(self, answer: Any) -> Any:
        """The recorded answer, as it reads where names were generated anew."""
        text = json.dumps(answer)
        for recorded, living in self._names.items():
            text = text.replace(recorded, living)
        return json.loads(text)

    def _place(self, exchange: Exchange, answer: dict[str, Any]) -> str:
        """The path of what was answered: a POST answers what is then found below its path."""
        path = self.path(exchange)
        return f"{path}/{answer['metadata'].get('name')}" if exchange.method == "POST" else path

    def _pair(self, recorded: Any, answered: Any) -> None:
        if isinstance(recorded, dict) and isinstance(answered, dict):
            self._pair_object(recorded, answered)
            for key in recorded.keys() & answered.keys():
                self._pair(recorded[key], answered[key])
        elif isinstance(recorded, list) and isinstance(answered, list) and len(recorded) == len(answered):
            for one, other in zip(recorded, answered, strict=True):
                self._pair(one, other)

    def _pair_object(self, recorded: dict[str, Any], answered: dict[str, Any]) -> None:
        version, other = recorded.get("resourceVersion"), answered.get("resourceVersion")
        if isinstance(version, str) and isinstance(other, str) and version not in ("", _ANY_VERSION):
            self._versions[version] = other
        if "generateName" in recorded and "name" in recorded and "name" in answered:
            self._names[recorded["name"]] = answered["name"]

    def _version(self, recorded: str, newest: dict[str, Any]) -> str:
        if recorded == _ANY_VERSION:
            return str(newest.get("resourceVersion", ""))
        return self._versions.get(recorded, recorded)

    def _filled(self, value: Any, newest: dict[str, Any], key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._filled(one, newest, name) for name, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one, newest) for one in value]
        if key == "resourceVersion" and isinstance(value, str):
            return self._version(value, newest)
        if value == "UID":
            return newest.get("uid", value)
        if value == "TIME":
            return newest.get(key, A_TIME)
        return self._names.get(value, value) if isinstance(value, str) else value
