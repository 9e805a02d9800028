"""Names, labels and annotations."""

from typing import Any

import pytest

from eventing.resources.metadata import is_label_value, is_subdomain, key_fault, validate, value_fault


def paths(metadata: dict[str, Any], *, is_namespaced: bool = True) -> list[str]:
    return [error.path for error in validate({"metadata": metadata}, is_namespaced=is_namespaced)]


GOOD = {"name": "x", "namespace": "demo"}


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ({"namespace": "demo"}, "metadata.name"),
        ({**GOOD, "name": "Bad_Name"}, "metadata.name"),
        ({**GOOD, "name": "a" * 254}, "metadata.name"),
        ({**GOOD, "name": "x\n"}, "metadata.name"),
        ({"name": "x"}, "metadata.namespace"),
        ({**GOOD, "namespace": "a.b"}, "metadata.namespace"),
        ({**GOOD, "namespace": "a" * 64}, "metadata.namespace"),
        ({**GOOD, "labels": {"a/b/c": "x"}}, "metadata.labels"),
        ({**GOOD, "labels": {"": "x"}}, "metadata.labels"),
        ({**GOOD, "labels": {"a": "-x"}}, "metadata.labels.a"),
        ({**GOOD, "labels": {"example.com/a": "x" * 64}}, "metadata.labels[example.com/a]"),
        ({**GOOD, "annotations": {"a b": "x"}}, "metadata.annotations"),
        ({**GOOD, "annotations": {"a": "é" * 131072}}, "metadata.annotations"),
    ],
)
def test_what_kubernetes_refuses_is_refused(metadata: dict[str, Any], path: str) -> None:
    """One fault, at its path."""
    assert paths(metadata) == [path]


def test_what_kubernetes_takes_is_taken() -> None:
    """Dots in names, prefixes in keys, capitals in annotations, empty values."""
    labels = {"example.com/A_b.c": "", "a": "B-1_x.y"}
    assert (
        paths({"name": "a.b-c", "namespace": "a-1", "labels": labels, "annotations": {"Example.com/Key": "\n"}}) == []
    )


def test_a_kind_without_namespaces_takes_none() -> None:
    """A namespace where there are none is a mistake, not ignored."""
    assert paths({"name": "x"}, is_namespaced=False) == []
    assert paths(GOOD, is_namespaced=False) == ["metadata.namespace"]


def test_the_limits_themselves_are_legal() -> None:
    """253 characters of a name, 63 of a label's value."""
    assert is_subdomain("a" * 253)
    assert is_label_value("a" * 63)
    assert not is_label_value("a" * 64)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("bad key", "name part must consist of alphanumeric"),
        ("x" * 64, "name part must be no more than 63 characters"),
        ("example.com/", "name part must be non-empty"),
        ("/a", "prefix part must be non-empty"),
        ("Example.com/a", "prefix part a lowercase RFC 1123 subdomain"),
        ("a/b/c", "a qualified name must consist of alphanumeric"),
    ],
)
def test_a_key_is_refused_in_the_words_of_kubernetes(key: str, words: str) -> None:
    """Part by part; a legal one has no fault."""
    assert key_fault(key).startswith(words)
    assert key_fault("example.com/a") == key_fault("a") == ""


def test_a_label_value_is_refused_in_the_words_of_kubernetes() -> None:
    """Its length before its letters."""
    assert value_fault("a") == value_fault("") == ""
    assert value_fault("x" * 64) == "must be no more than 63 characters"
    assert value_fault("a b").startswith("a valid label must be an empty string or consist of")


def test_a_namespace_is_named_by_a_label() -> None:
    """Dots are for other kinds."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a.b"}}
    (error,) = validate(namespace, is_namespaced=False)
    assert "a lowercase RFC 1123 label must consist of" in error.reason
