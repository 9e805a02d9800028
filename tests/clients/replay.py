"""A recorded session, asked again of a living server."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

import httpx2

from tests.clients.comparison import ABSENT, Difference, compare
from tests.clients.recording import PROTOBUF, Command, Exchange, preexisting
from tests.clients.substitution import Substitution
from tests.e2e.process import wait_until

WATCH_MAX_S: Final = 10.0
"""Seconds that a watch may take to see what the recorded one saw."""
_TRIES: Final = 5
"""kn reads an object so often before it gives up on a conflict."""
_PAUSE_S: Final = 0.05
Differences = dict[str, tuple[tuple[str, str], ...]]
"""Reason -> where it applies: (pattern of the command's name, pattern of `METHOD path#path in the body`)."""


@dataclass(frozen=True)
class Found:
    """A difference, with the exchange it is in."""

    command: str
    place: str
    difference: Difference

    def __str__(self) -> str:
        return f"{self.command}: {self.place}{self.difference}"

    def is_covered(self, differences: Differences) -> bool:
        return bool(self.reasons(differences))

    def reasons(self, differences: Differences) -> set[tuple[str, str]]:
        """Those entries of the table that name it."""
        place = f"{self.place}{self.difference.path}"
        entries = [entry for entries in differences.values() for entry in entries]
        return {one for one in entries if fnmatchcase(self.command, one[0]) and fnmatchcase(place, _literal(one[1]))}


def _literal(pattern: str) -> str:
    """Brackets are the paths' own, and no sets of characters."""
    return pattern.replace("[", "[[]")


class Replay:
    """One session. `json_bodies` gives, by command, what to send instead of a body that was protobuf."""

    def __init__(
        self,
        client: httpx2.Client,
        *,
        is_defaulted: bool,
        json_bodies: dict[str, Any] | None = None,
        watch_max_s: float = WATCH_MAX_S,
        settle_max_s: float = 0.0,
    ) -> None:
        self._client, self._is_defaulted = client, is_defaulted
        self._json_bodies = json_bodies or {}
        self._watch_max_s, self._settle_max_s = watch_max_s, settle_max_s
        self._substitution = Substitution()

    def prepare(self, commands: list[Command]) -> None:
        """Create what the session found there. What is no kind of this server is left out: its absence then shows."""
        for collection, item in preexisting(commands):
            self._client.post(collection, json=item)

    def run(self, commands: Sequence[Command]) -> Iterator[Found]:
        """All differences, in order."""
        for command in commands:
            watches: list[tuple[Exchange, Watch]] = []
            for exchange in command.exchanges:
                if exchange.is_watch:
                    watches.append((exchange, self._watch(exchange)))
                else:
                    yield from self._found(command, exchange, self._ask(command, exchange))
            for exchange, watch in watches:
                yield from self._found(command, exchange, watch.compare(exchange, is_defaulted=self._is_defaulted))

    def _found(self, command: Command, exchange: Exchange, differences: list[Difference]) -> Iterator[Found]:
        place = f"{exchange.method} {exchange.path}#"
        return (Found(command.name, place, difference) for difference in differences)

    def _ask(self, command: Command, exchange: Exchange) -> list[Difference]:
        response = self._send(command, exchange)
        if exchange.method == "GET" and exchange.status == 404 and response.status_code == 200:
            response = self._wait_gone(self._substitution.path(exchange), self._request(command, exchange)[0])
        if exchange.method == "PUT" and exchange.status == 200:
            response = self._retry(command, exchange, response)
        if exchange.method == "GET" and exchange.status == 200 and self._settle_max_s:
            response = self._settle(command, exchange, response)
        answer = _body(response)
        self._substitution.learn(exchange, answer)
        expected = 200 if exchange.is_cached else exchange.status
        if expected != response.status_code:
            return [Difference("(status)", expected, [response.status_code, answer])]
        return [] if exchange.is_cached else self._compare(exchange, answer)

    def _retry(self, command: Command, exchange: Exchange, response: httpx2.Response) -> httpx2.Response:
        """A controller was quicker: the client reads the object again, and so do we."""
        for _ in range(_TRIES):
            if response.status_code != 409:
                break
            self._substitution.renew(exchange, self._client.get(self._substitution.path(exchange)).json())
            response = self._send(command, exchange)
        return response

    def _settle(self, command: Command, exchange: Exchange, response: httpx2.Response) -> httpx2.Response:
        """The recorded controllers were done when they were asked: ours are given a moment."""
        deadline = time.monotonic() + self._settle_max_s
        while self._compare(exchange, _body(response)) and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
            response = self._send(command, exchange)
        return response

    def _send(self, command: Command, exchange: Exchange) -> httpx2.Response:
        headers, content = self._request(command, exchange)
        path, query = self._substitution.path(exchange), self._substitution.query(exchange)
        return self._client.request(exchange.method, path, params=query, headers=headers, content=content)

    def _compare(self, exchange: Exchange, answer: Any) -> list[Difference]:
        return compare(self._substitution.expected(exchange.answer), answer, is_defaulted=self._is_defaulted)

    def _wait_gone(self, path: str, headers: dict[str, str]) -> httpx2.Response:
        """What is being deleted may take a moment: the recorded client has waited for it, too."""
        with suppress(AssertionError):
            wait_until(
                lambda: not _is_leaving(self._client.get(path, headers=headers)), "it is gone", self._watch_max_s
            )
        return self._client.get(path, headers=headers)

    def _request(self, command: Command, exchange: Exchange) -> tuple[dict[str, str], bytes | None]:
        headers = dict(exchange.headers)
        # Protobuf is not asked for: what was recorded of it cannot be read.
        accepted = [one for one in headers.get("Accept", "").split(",") if one.strip() != PROTOBUF]
        headers["Accept"] = ",".join(accepted) or "application/json"
        if headers.get("Content-Type") == PROTOBUF:
            headers["Content-Type"] = "application/json"
            return headers, json.dumps(self._json_bodies[command.name]).encode()
        if isinstance(exchange.request, str):
            return headers, exchange.request.encode() or None
        return headers, json.dumps(self._substitution.body(exchange)).encode()

    def _watch(self, exchange: Exchange) -> "Watch":
        path, query = self._substitution.path(exchange), self._substitution.query(exchange)
        return Watch(self._client, path, query, exchange.headers, self._watch_max_s)


class Watch:
    """A stream that is read beside what else goes on."""

    def __init__(
        self,
        client: httpx2.Client,
        path: str,
        query: list[tuple[str, str]],
        headers: dict[str, str],
        watch_max_s: float,
    ) -> None:
        self._watch_max_s = watch_max_s
        self._events: list[dict[str, Any]] = []
        self._status = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(client, path, query, headers), daemon=True)
        self._thread.start()
        # What a client does beside a watch, it does once the watch has begun.
        wait_until(lambda: self._status or not self._thread.is_alive(), "the watch begins", self._watch_max_s)

    def compare(self, exchange: Exchange, *, is_defaulted: bool) -> list[Difference]:
        """Against what the recorded watch saw, given time to see it."""
        if self._status != exchange.status:
            return [Difference("(status)", exchange.status, self._status)]
        expected = exchange.events
        with suppress(AssertionError):
            wait_until(lambda: _has_seen(self._events, expected), "the watch sees it", self._watch_max_s)
        self._is_over.set()
        return compare_events(expected, list(self._events), is_defaulted=is_defaulted)

    def _read(self, client: httpx2.Client, path: str, query: list[tuple[str, str]], headers: dict[str, str]) -> None:
        # A server that is silent is left after a while; one that closes the stream has said all.
        with (
            suppress(httpx2.TransportError),
            client.stream("GET", path, params=query, headers=headers, timeout=2 * self._watch_max_s) as response,
        ):
            self._status = response.status_code
            for line in response.iter_lines():
                if self._is_over.is_set() or response.status_code != 200:
                    return
                self._events.append(json.loads(line))


def _has_seen(events: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    """All kinds of events, and the last one in the state that was recorded. A server that is quicker sees fewer."""
    kinds = {one["type"] for one in expected} - {"MODIFIED"}
    if not kinds <= {one["type"] for one in events}:
        return False
    return not compare_events(expected, events, is_defaulted=True) or not expected


def compare_events(
    expected: list[dict[str, Any]], events: list[dict[str, Any]], *, is_defaulted: bool
) -> list[Difference]:
    """What begins and what ends a stream: what lies between is a matter of each server's pace. Bookmarks are compared
    by their annotations.
    """
    kinds, others = ({one["type"] for one in some} - {"MODIFIED"} for some in (expected, events))
    found = [Difference(f"({kind})", "seen", ABSENT) for kind in sorted(kinds - others)]
    for recorded, answered in zip(_bookmarks(expected), _bookmarks(events), strict=False):
        found += compare(recorded, answered, is_defaulted=is_defaulted)
    last, other = _last(expected), _last(events)
    if last is not None and other is not None:
        found += compare(last["object"], other["object"], is_defaulted=is_defaulted)
    return found


def _bookmarks(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["object"]["metadata"].get("annotations", {}) for one in events if one["type"] == "BOOKMARK"][:1]


def _last(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((one for one in reversed(events) if one["type"] != "BOOKMARK"), None)


def _is_leaving(response: httpx2.Response) -> bool:
    return response.status_code == 200 and "deletionTimestamp" in response.json().get("metadata", {})


def _body(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text
