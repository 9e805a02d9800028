"""What a client would take for an answer, from its Accept header.

Source: RFC 9110, and Kubernetes' media types with `as`, `g` and `v`, which ask for another kind of body. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

JSON: Final = "application/json"
YAML: Final = "application/yaml"
_RANGES: Final = {"*/*": JSON, "application/*": JSON, JSON: JSON, YAML: YAML, "application/x-yaml": YAML}
_CLAUSES_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that the client takes: a media type with parameters. `quality` is 0 where it is refused."""

    media_type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0


@dataclass(frozen=True, slots=True)
class Format:
    """What to answer: a media type, and the kind that `as` asks for in its group version, empty for the plain one."""

    media_type: str = JSON
    kind: str = ""
    api_version: str = ""


def clauses(accept: str) -> list[Clause]:
    """The clauses of an Accept header, the most wanted first; an empty header takes everything."""
    found = [_clause(text) for text in accept.split(",")[:_CLAUSES_MAX] if text.strip()]
    return sorted(found or [Clause("*/*")], key=lambda clause: -clause.quality)


def choose(accept: str, kinds: Mapping[str, tuple[str, ...]]) -> Format | None:
    """The most wanted format that there is, None where there is none.

    `kinds` are what may be asked for by `as`, each with the group versions it is there in. Streams of `;stream=watch`
    are the plain format.
    """
    return next(_formats(clauses(accept), kinds), None)


def _formats(wanted: list[Clause], kinds: Mapping[str, tuple[str, ...]]) -> Iterator[Format]:
    for clause in wanted:
        media_type = _RANGES.get(clause.media_type)
        if media_type is None or not clause.quality:
            continue
        kind = clause.parameters.get("as", "")
        api_version = f"{clause.parameters.get('g', '')}/{clause.parameters.get('v', '')}"
        if not kind:
            yield Format(media_type)
        elif api_version in kinds.get(kind, ()):
            yield Format(media_type, kind, api_version)


def _clause(text: str) -> Clause:
    media_type, *rest = (part.strip() for part in text.split(";"))
    parameters = dict(part.split("=", 1) for part in rest if "=" in part)
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        quality = 0.0
    return Clause(media_type.lower(), parameters, quality)
