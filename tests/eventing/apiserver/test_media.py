"""The Accept header."""

import pytest

from eventing.apiserver.media import Clause, Format, choose, clauses

KINDS = {"Table": ("meta.k8s.io/v1", "meta.k8s.io/v1beta1")}
KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Format()),
        ("*/*", Format()),
        ("application/*", Format()),
        ("application/json, */*", Format()),
        ("application/yaml", Format("application/yaml")),
        ("application/x-yaml", Format("application/yaml")),
        ("application/vnd.kubernetes.protobuf,application/json", Format()),
        (KUBECTL, Format("application/json", "Table", "meta.k8s.io/v1")),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Format()),
        ("application/json;as=Other;v=v1;g=meta.k8s.io", None),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=x", None),
        ("application/json;q=0.5,application/yaml;q=0.9", Format("application/yaml")),
        ("application/json;stream=watch", Format()),
        (",,", Format()),
    ],
)
def test_the_most_wanted_of_what_there_is_is_chosen(accept: str, expected: Format | None) -> None:
    """In order of quality, then as written; what is not offered is passed over."""
    assert expected == choose(accept, KINDS)


def test_an_empty_header_takes_everything() -> None:
    """RFC 9110: no preference is no refusal."""
    assert clauses("") == [Clause("*/*")]
