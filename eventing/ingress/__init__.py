"""Where events come in: one decoder and one table of answers, behind a protocol class for uvicorn and an ASGI app."""
