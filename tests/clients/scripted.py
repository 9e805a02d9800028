"""A server that knows nothing but a recording: it gives each recorded answer once, in the living form of its values."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import httpx2

from tests.clients.recording import Command, Exchange
from tests.clients.substitution import A_TIME

UID = "11111111-2222-3333-4444-555555555555"
Change = Callable[[Exchange, Any], Any]


def scripted_client(commands: Sequence[Command], change: Change = lambda _exchange, answer: answer) -> httpx2.Client:
    """A client of such a server. `change` may make an answer another than the recorded one."""
    exchanges = [exchange for command in commands for exchange in command.exchanges]

    def answer(request: httpx2.Request) -> httpx2.Response:
        found = next((one for one in exchanges if _is_meant(one, request)), None)
        if found is None:
            return httpx2.Response(404, text="404 page not found")
        exchanges.remove(found)
        if found.is_watch:
            lines = "".join(json.dumps(_living(change(found, event))) + "\n" for event in found.events)
            return httpx2.Response(found.status, text=lines)
        if isinstance(found.answer, dict):
            return httpx2.Response(found.status, json=_living(change(found, found.answer)))
        return httpx2.Response(200 if found.is_cached else found.status, text=found.answer)

    return httpx2.Client(transport=httpx2.MockTransport(answer), base_url="http://scripted")


def _is_meant(exchange: Exchange, request: httpx2.Request) -> bool:
    is_watch = request.url.params.get("watch") == "true"
    return (exchange.method, exchange.path, exchange.is_watch) == (request.method, request.url.path, is_watch)


def _living(answer: Any) -> Any:
    """As a server writes what the recording has replaced."""
    text = json.dumps(answer)
    text = re.sub(r'"resourceVersion": "(RV|\d+)"', '"resourceVersion": "7"', text)
    return json.loads(text.replace('"UID"', f'"{UID}"').replace('"TIME"', f'"{A_TIME}"'))
