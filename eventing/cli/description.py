"""What `eventing describe` prints of an object: kubectl's description of a kind that it does not know. Pure.

Source: kubectl's generic describer, its labels and its order.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from eventing.cli.tabular import lines

_ACRONYMS: Final = frozenset({"API", "URL", "UID", "OSB", "GUID"})
_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^A-Za-z0-9]+")
_HEAD: Final = ("labels", "annotations", "managedFields", "name", "namespace")
"""What of the metadata stands above, or nowhere."""
_SECRET: Final = ("data", "stringData")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_ANNOTATION_MAX: Final = 140


def description(item: Mapping[str, Any], events: Sequence[Sequence[str]]) -> str:
    """The whole text. `events` are rows of type, reason, age, source and message."""
    metadata = item["metadata"]
    shown = {**item, "metadata": {name: value for name, value in metadata.items() if name not in _HEAD}}
    texts = [
        f"Name:\t{metadata['name']}",
        f"Namespace:\t{metadata.get('namespace', '')}",
        *_labelled("Labels:", [f"{name}={text}" for name, text in sorted(metadata.get("labels", {}).items())]),
        *_labelled("Annotations:", [*_annotations(metadata.get("annotations", {}))]),
        *_fields(_without_secrets(shown), 0),
    ]
    if not events:
        return lines([*texts, "Events:\t<none>"])
    rows = [_TITLES, _RULES, *events]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES) - 1)]
    table = [
        "  " + "".join(cell.ljust(width + 2) for cell, width in zip(row, widths, strict=False)) + row[-1]
        for row in rows
    ]
    return lines(texts) + "Events:\n" + "".join(f"{row}\n" for row in table)


_TITLES: Final = ("Type", "Reason", "Age", "From", "Message")
_RULES: Final = ("----", "------", "----", "----", "-------")


def _without_secrets(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Secret shows how much it holds, never what."""
    if item.get("kind") != "Secret":
        return item
    sizes = {name: f"{len(text) * 3 // 4 - text[-2:].count('=')} bytes" for name, text in item.get("data", {}).items()}
    return {**{name: value for name, value in item.items() if name not in _SECRET}, "data": sizes}


def _annotations(annotations: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(annotations.keys() - {_LAST_APPLIED}):
        text = annotations[name].removesuffix("\n")
        if "\n" in text or len(name) + len(text) + 2 > _ANNOTATION_MAX:
            yield f"{name}:"
            yield from (f"  {_shortened(line)}" for line in text.split("\n"))
        else:
            yield f"{name}: {text}"


def _shortened(text: str) -> str:
    return text if len(text) <= _ANNOTATION_MAX - 2 else f"{text[: _ANNOTATION_MAX - 2]}..."


def _labelled(label: str, texts: Sequence[str]) -> Iterator[str]:
    for number, text in enumerate(texts or ["<none>"]):
        yield f"{'' if number else label}\t{text}"


def _fields(values: Mapping[str, Any], level: int) -> Iterator[str]:
    for name in sorted(values):
        yield from _field(_label(name), values[name], level)


def _field(label: str, value: Any, level: int) -> Iterator[str]:
    indent = "  " * level
    if isinstance(value, dict):
        yield f"{indent}{label}:"
        yield from _fields(value, level + 1)
    elif isinstance(value, list):
        yield f"{indent}{label}:"
        for one in value:
            if isinstance(one, dict):
                yield from _fields(one, level + 1)
            else:
                yield f"{indent}  {_text(one)}"
    else:
        yield f"{indent}{label}:\t{_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)


def _label(name: str) -> str:
    """`subscriberUri` as `Subscriber Uri`; what is no word of letters stays as it is, as kubectl has it."""
    if not re.fullmatch(r"[A-Za-z0-9]+", name):
        return name
    words = _WORD.findall(name)
    return " ".join(word.upper() if word.upper() in _ACRONYMS else word[0].upper() + word[1:] for word in words)
