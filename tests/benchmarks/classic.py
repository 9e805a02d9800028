"""The second yardstick, as one would first write it: a FastAPI route, the `cloudevents` SDK, an aiohttp client.

It keeps nothing, retries nothing and delivers before it answers; loop, parser and connector are the fastest on offer.
`python -m tests.benchmarks.classic PORT SINK_URL EVENT_TYPE`.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event
from fastapi import FastAPI, Request, Response


def application(sink_url: str, event_type: str) -> FastAPI:
    """The app, with one client session for its whole life."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            app.state.session = session
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/readyz")
    async def ready() -> Response:
        return Response(status_code=200)

    @app.post("/default/bench")
    async def receive(request: Request) -> Response:
        event = from_http_event(HTTPMessage(dict(request.headers), await request.body()))
        if event.get_type() == event_type:
            message = to_binary_event(event)
            async with app.state.session.post(sink_url, data=message.body, headers=message.headers) as answer:
                if not answer.ok:
                    return Response(status_code=502)
        return Response(status_code=202)

    return app


if __name__ == "__main__":
    port, sink_url, event_type = sys.argv[1:]
    app = application(sink_url, event_type)
    uvicorn.run(app, port=int(port), http="httptools", loop="uvloop", access_log=False, log_level="warning")
