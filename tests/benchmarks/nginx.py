"""nginx in two roles: the sink that counts, and the proxy whose cost per request is the unit N."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Final

from tests.benchmarks.machine import CannotRun, program
from tests.benchmarks.process import Process, free_port, get

_READY_S: Final = 10.0

_MAIN = Template("""
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid $folder/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    client_body_buffer_size 256k;
    client_max_body_size 4m;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
$role
}
""")

_SINK = Template("""
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / { return 202; }
        location = /readyz { return 200; }
    }
    server { listen 127.0.0.1:$status_port; location / { stub_status; } }
""")

_PROXY = Template("""
    upstream sink {
        server 127.0.0.1:$sink_port;
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }
    server {
        listen 127.0.0.1:$port backlog=4096;
        location / { proxy_pass http://sink; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location = /readyz { return 200; }
    }
""")


class Sink:
    """A running sink that takes everything with 202 at `port`, and counts. Made by `counting_sink`."""

    def __init__(self, process: Process, port: int, status_url: str) -> None:
        self.port = port
        self._process = process
        self._status_url = status_url
        self._asked = 0

    def delivered(self) -> int:
        """Requests taken so far. The count is nginx's own, with what asked for it taken out."""
        self._asked += 1
        found = re.search(rb"\n (\d+) (\d+) (\d+)", get(self._status_url)[1])
        if found is None:
            raise CannotRun(f"the sink does not tell its count: {self._process.last_words}")
        return int(found[3]) - self._asked


@contextlib.contextmanager
def counting_sink(*, core: int, folder: Path) -> Iterator[Sink]:
    """A sink, up for the length of the context."""
    port, status_port = free_port(), free_port()
    command = _command(folder / "sink", _SINK.substitute(port=port, status_port=status_port))
    with Process("sink", command, core=core, folder=folder) as process:
        process.wait_ready(f"http://127.0.0.1:{port}/readyz", timeout_s=_READY_S)
        yield Sink(process, port, f"http://127.0.0.1:{status_port}/")


def proxy(*, core: int, folder: Path, sink_port: int) -> tuple[Process, str]:
    """One worker that passes each request on to the sink over kept connections, and its base address. Not entered."""
    port = free_port()
    command = _command(folder / "proxy", _PROXY.substitute(port=port, sink_port=sink_port))
    return Process("proxy", command, core=core, folder=folder), f"http://127.0.0.1:{port}"


def _command(folder: Path, role: str) -> list[str]:
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(_MAIN.substitute(folder=folder, role=role))
    return [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(configuration)]
