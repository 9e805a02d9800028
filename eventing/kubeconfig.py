"""The file by which `kubectl`, `kn` and `eventing` find a server: its address, whom to trust, and a token.

Source: Kubernetes' kubeconfig, of which one cluster, one user and one context are used.
"""

import base64
import binascii
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from eventing.resources.document import MalformedDocument, read_yaml

FILE_NAME: Final = "kubeconfig"
"""What a server calls it in its data folder."""
_NAME: Final = "eventing"


class BadKubeconfig(Exception):  # noqa: N818 - named for what it is
    """The user must act: the file is not there, or names no server."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a server. `ca` is in PEM; it and `token` are empty where none is needed."""

    server: str
    token: str = ""
    ca: str = ""


def write(path: Path, connection: Connection) -> None:
    """Write the file, readable by its owner alone, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text_of(connection))
    partial.replace(path)


def text_of(connection: Connection) -> str:
    """The file's text."""
    cluster = {"server": connection.server}
    if connection.ca:
        cluster["certificate-authority-data"] = base64.b64encode(connection.ca.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _NAME, "cluster": cluster}],
        "users": [{"name": _NAME, "user": {"token": connection.token} if connection.token else {}}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME, "namespace": "default"}}],
        "current-context": _NAME,
    }
    return yaml.safe_dump(config, sort_keys=False)


def read(path: Path) -> Connection:
    """What the current context of a file says. Raises BadKubeconfig."""
    try:
        documents = read_yaml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, MalformedDocument) as error:
        raise BadKubeconfig(f"{path}: cannot be read: {error}") from error
    config: Any = documents[0].value if documents else None
    try:
        context = _named(config, "contexts", config["current-context"], "context")
        cluster = _named(config, "clusters", context["cluster"], "cluster")
        user = _named(config, "users", context["user"], "user") or {}
        ca = base64.b64decode(cluster.get("certificate-authority-data", ""), validate=True).decode()
        return Connection(str(cluster["server"]), str(user.get("token", "")), ca)
    except (TypeError, KeyError, AttributeError, StopIteration, binascii.Error, UnicodeDecodeError) as error:
        raise BadKubeconfig(f"{path}: names no server: its current context is not complete") from error


def _named(config: Any, group: str, name: str, member: str) -> Any:
    return next(one for one in config[group] if one["name"] == name)[member]
