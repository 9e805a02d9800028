"""The parameters of requests."""

import pytest

from eventing.apiserver.query import DeleteOptions, ListOptions, Query, WriteOptions
from eventing.apiserver.refusal import Refused


def query(**values: str | list[str]) -> Query:
    return Query(
        (name, value) for name, given in values.items() for value in ([given] if isinstance(given, str) else given)
    )


def refused(**values: str) -> str:
    with pytest.raises(Refused) as caught:
        ListOptions.of(query(**values))
    return f"{caught.value.code} {caught.value.message}"


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("1", True), ("", True), ("x", True), ("false", False), ("0", False)]
)
def test_a_flag_is_true_unless_it_says_no(value: str, expected: bool) -> None:
    """As the Kubernetes API server reads `?watch=`."""
    assert expected is query(watch=value).flag("watch")
    assert query().flag("watch") is None


def test_list_options_are_read() -> None:
    """All of them, and what is absent says nothing."""
    options = ListOptions.of(
        query(
            labelSelector="a",
            fieldSelector="b=c",
            limit="5",
            resourceVersion="7",
            watch="1",
            timeoutSeconds="9",
            allowWatchBookmarks="true",
            sendInitialEvents="true",
            resourceVersionMatch="NotOlderThan",
        )
    )
    assert options == ListOptions(
        label_selector="a",
        field_selector="b=c",
        limit=5,
        resource_version="7",
        resource_version_match="NotOlderThan",
        is_watch=True,
        timeout_s=9,
        allow_bookmarks=True,
        send_initial_events=True,
    )
    assert ListOptions() == ListOptions.of(query(limit="0", timeoutSeconds=""))


@pytest.mark.parametrize(("version", "expected"), [("", True), ("0", True), ("5", False)])
def test_no_version_and_zero_mean_any(version: str, expected: bool) -> None:
    """A watch without a version begins with what is there."""
    assert expected is ListOptions(resource_version=version).is_from_now


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"limit": "x"}, '400 limit: strconv.ParseInt: parsing "x": invalid syntax'),
        ({"limit": "-1"}, "400 limit: must not be negative"),
        ({"timeoutSeconds": "9" * 30}, "400 timeoutSeconds"),
        ({"resourceVersion": "x"}, "resourceVersion: Invalid value"),
        ({"resourceVersion": "²"}, "resourceVersion: Invalid value"),
        ({"resourceVersionMatch": "x", "resourceVersion": "1"}, "Unsupported value"),
        ({"resourceVersionMatch": "Exact"}, "unless resourceVersion is provided"),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 'forbidden for resourceVersion "0"'),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "1", "continue": "x"}, "when continue is provided"),
        ({"sendInitialEvents": "true"}, "forbidden for list"),
        ({"watch": "1", "resourceVersionMatch": "Exact", "resourceVersion": "1"}, "unless sendInitialEvents"),
        ({"watch": "1", "sendInitialEvents": "true"}, "requires setting resourceVersionMatch to NotOlderThan"),
        ({"watch": "1", "continue": "x"}, "continue is forbidden for watch"),
    ],
)
def test_list_options_that_contradict_are_refused(values: dict[str, str], words: str) -> None:
    """400 for what cannot be read, 422 for what may not be."""
    found = refused(**values)
    assert words in found
    assert found.startswith("400 " if words.startswith("400") else '422 ListOptions.meta.k8s.io "" is invalid: ')


def written(*, kind: str = "CreateOptions", is_apply: bool = False, **values: str | list[str]) -> WriteOptions:
    return WriteOptions.of(query(**values), user="u", agent="kn/v1 (linux)", kind=kind, is_apply=is_apply)


def test_write_options_are_read() -> None:
    """The manager of fields is named, or it is the client's program."""
    assert written() == WriteOptions(user="u", manager="kn")
    given = written(fieldManager="m", fieldValidation="Strict", dryRun="All", force="true", is_apply=True)
    assert given == WriteOptions(user="u", manager="m", field_validation="Strict", is_dry_run=True, is_forced=True)
    assert WriteOptions.of(query(), user="u", agent="", kind="CreateOptions").manager == "unknown"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"dryRun": ["All", "Some"]}, 'dryRun: Unsupported value: "Some": supported values: "All"'),
        ({"fieldValidation": "Maybe"}, "fieldValidation: Unsupported value"),
        ({"fieldManager": "m" * 129}, "fieldManager: Too long"),
        ({"fieldManager": "a\x01b"}, "fieldManager: Invalid value"),
        ({"is_apply": True}, "fieldManager: Required value: is required for apply patch"),
        ({"kind": "PatchOptions", "force": "true"}, "force: Forbidden"),
    ],
)
def test_write_options_that_are_none_are_refused(values: dict[str, str], words: str) -> None:
    """422, with the name of the options."""
    with pytest.raises(Refused, match=words.replace("(", r"\(")) as caught:
        written(**values)  # type: ignore[arg-type]
    assert caught.value.code == 422


def test_delete_options_are_read_from_the_body_then_from_the_parameters() -> None:
    """The body counts where both speak."""
    assert DeleteOptions() == DeleteOptions.of(query(), {})
    body = {"propagationPolicy": "Foreground", "preconditions": {"uid": "1", "resourceVersion": "2"}, "dryRun": ["All"]}
    assert DeleteOptions.of(query(propagationPolicy="Orphan"), body) == DeleteOptions(
        propagation="Foreground", uid="1", resource_version="2", is_dry_run=True
    )
    assert DeleteOptions.of(query(propagationPolicy="Orphan", dryRun="All"), {}) == DeleteOptions(
        propagation="Orphan", is_dry_run=True
    )
    assert DeleteOptions.of(query(), {"orphanDependents": True}).propagation == "Orphan"
    assert DeleteOptions.of(query(orphanDependents="false"), {}).propagation == "Background"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"propagationPolicy": "Sideways"}, 422),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, 422),
        ({"dryRun": ["x"]}, 422),
        ({"dryRun": "All"}, 400),
        ({"preconditions": [1]}, 400),
    ],
)
def test_delete_options_that_are_none_are_refused(body: dict[str, object], code: int) -> None:
    """400 for what is malformed, 422 for what is unknown or contradicts."""
    with pytest.raises(Refused) as caught:
        DeleteOptions.of(query(), body)
    assert code == caught.value.code
