"""What a process without the ops API tells of itself: whether it lives, whether it is ready, and its metrics."""

from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client.exposition import choose_encoder

from eventing.metrics import create_registry
from eventing.operations import Operations

Headers = list[tuple[bytes, bytes]]


class HealthApp:
    """An ASGI application. `fault` says why the process is not ready, empty where it is; `operations` are None until
    there is something to count.
    """

    def __init__(
        self,
        fault: Callable[[], str],
        operations: Callable[[], Operations | None],
        *,
        latency_bounds_s: Sequence[float],
    ) -> None:
        self._fault = fault
        self._operations = operations
        self._latency_bounds_s = latency_bounds_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """GET and HEAD of three paths."""
        if scope["type"] != "http":
            return
        status, kind, body = self._answer(scope["method"], scope["path"], dict(scope["headers"]))
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, method: str, path: str, headers: dict[bytes, bytes]) -> tuple[int, str, bytes]:
        text = "text/plain; charset=utf-8"
        if path not in ("/healthz", "/readyz", "/metrics"):
            return 404, text, b"there are /healthz, /readyz and /metrics"
        if method not in ("GET", "HEAD"):
            return 405, text, b"GET it"
        if path == "/metrics":
            return self._metrics(headers.get(b"accept", b"").decode("latin-1"))
        fault = self._fault() if path == "/readyz" else ""
        return (503, text, fault.encode()) if fault else (200, text, b"ok")

    def _metrics(self, accepted: str) -> tuple[int, str, bytes]:
        """Dead letters are everybody's, and counted by the ops API alone."""
        operations = self._operations()
        if operations is None:
            return 503, "text/plain; charset=utf-8", b"nothing is counted yet"
        encode, kind = choose_encoder(accepted)
        registry = create_registry(operations, dead_letters=(), latency_bounds_s=self._latency_bounds_s)
        return 200, kind, encode(registry)
