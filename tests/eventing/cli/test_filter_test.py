"""`eventing filter test`: exit codes and words, for every form a filter or an event may be given in."""

import json
from pathlib import Path

import pytest

from tests.eventing.cli.process import run

EVENT = json.dumps({"specversion": "1.0", "id": "1", "source": "/shop/1", "type": "sold: all"})
TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: shop}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: bill}
spec:
  broker: shop
  filters:
    - prefix: {source: /shop}
    - exact: {type: 'sold: all'}
  subscriber: {uri: http://localhost:9000}
"""


@pytest.mark.parametrize(
    ("matching", "failing"),
    [
        ("type = 'sold: all'", "type = 'sold: none'"),
        ("EXISTS source", "EXISTS subject"),
        ("TRUE", "FALSE"),
        ('[{"exact": {"type": "sold: all"}}]', '[{"exact": {"type": "x"}}]'),
        ("prefix: {source: /shop}", "suffix: {source: /shop}"),
        ("any: [{exact: {type: x}}, {suffix: {source: '1'}}]", "any: [{exact: {type: x}}, {exact: {id: '2'}}]"),
        ("attributes: {source: /shop/1}", "attributes: {source: /shop/2}"),
        ("filter: {attributes: {id: '1'}}", "filter: {attributes: {id: '2'}}"),
        ("filters: [{not: {exact: {id: '2'}}}]", "filters: [{not: {exact: {id: '1'}}}]"),
    ],
)
def test_every_form_of_a_filter_is_read(matching: str, failing: str) -> None:
    """0 and `match`, or 1 and `no match`: first line of stdout."""
    yes, no = run("filter", "test", matching, EVENT), run("filter", "test", failing, EVENT)
    assert (0, "match") == (yes.code, yes.out.splitlines()[0])
    assert (1, "no match") == (no.code, no.out.splitlines()[0])


def test_a_trigger_is_found_among_the_documents_of_a_file(tmp_path: Path) -> None:
    """And the event may come from a file or from stdin."""
    trigger, event = tmp_path / "trigger.yaml", tmp_path / "event.json"
    trigger.write_text(TRIGGER)
    event.write_text(EVENT)
    assert 0 == run("filter", "test", str(trigger), str(event)).code
    assert 0 == run("filter", "test", str(trigger), "-", stdin=EVENT.encode()).code
    assert 1 == run("filter", "test", str(trigger), EVENT.replace("sold", "told")).code


def test_the_clause_that_failed_is_named() -> None:
    """Each clause has its verdict."""
    ended = run("filter", "test", '[{"exact": {"type": "sold: all"}}, {"prefix": {"source": "/x"}}]', EVENT)
    assert "failed  source: '/shop/1' does not start with '/x'" in ended.out
    assert "passed  type: 'sold: all' is 'sold: all'" in ended.out


@pytest.mark.parametrize(
    ("filter_text", "event", "words"),
    [
        ('{"exat": {"type": "x"}}', EVENT, "exat"),
        ('[{"exact": {}}]', EVENT, "spec.filters[0].exact"),
        ("type = ", EVENT, "spec.filters[0].cesql"),
        ("{", EVENT, "FILTER is no YAML"),
        (TRIGGER + "---" + TRIGGER, EVENT, "one filter, not 2"),
        ("kind: Trigger\nspec: 5", EVENT, "spec is no map"),
        ("TRUE", "no-such-file.json", "there is no file"),
        ("TRUE", '{"id": "1"}', "no CloudEvent"),
        ("TRUE", "{", "no CloudEvent"),
    ],
)
def test_what_cannot_be_judged_is_misuse(filter_text: str, event: str, words: str) -> None:
    """Exit code 2, and never a verdict."""
    ended = run("filter", "test", filter_text, event)
    assert (2, "") == (ended.code, ended.out)
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_every_fault_of_a_filter_is_told_at_once() -> None:
    """With its path."""
    ended = run("filter", "test", '[{"exact": {"type": ""}}, {"prefix": {"Bad": "x"}}]', EVENT)
    assert "spec.filters[0].exact.type" in ended.err
    assert "spec.filters[1].prefix" in ended.err
