import re
from collections.abc import Iterator

from dispatcher.breaker import Breaker
from eventing.api.app import create_api
from eventing.api.dead_letter_model import Selection
from eventing.metrics import BREAKER_STATES, create_registry
from tests.docs.page import code, page, rows, section
from tests.eventing.small_operations import BOUNDS_S, SmallOperations

PAGE = page("docs/operations.md")
API_ROWS = [row for row in rows(section(PAGE, "Ops API")) if row[0].startswith("`/")]
SELECTION = {word for row in rows(section(PAGE, "Ops API")) if row not in API_ROWS for word in code(row[0])}
DOCUMENT = create_api(SmallOperations(), latency_bounds_s=BOUNDS_S).openapi()
PATHS = DOCUMENT["paths"]


def parameters(path: str) -> set[str]:
    """What a path takes in its query and in its body."""
    (verb,) = PATHS[path].values()
    query = {one["name"] for one in verb.get("parameters", ()) if one["in"] == "query"}
    body = verb.get("requestBody")
    if body is None:
        return query
    shape = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return query | set(DOCUMENT["components"]["schemas"][shape]["properties"])


def exposed() -> Iterator[tuple[str, str]]:
    """Every metric as Prometheus sees it, and its kind."""
    for metric in create_registry(SmallOperations(), dead_letters=(), latency_bounds_s=BOUNDS_S).collect():
        yield (f"{metric.name}_total" if metric.type == "counter" else metric.name), metric.type


def test_every_metric_stands_there_with_its_kind() -> None:
    """Neither is a metric without its line, nor a line without its metric."""
    told = [(name, row[1]) for row in rows(section(PAGE, "Metrics")) for name in code(row[0])]
    assert sorted(exposed()) == sorted(told)


def test_every_path_of_the_ops_api_stands_there() -> None:
    """Neither is a path without its line, nor a line without its path; what gives an order says POST."""
    told = {code(row[0])[0]: row[1].startswith("POST") for row in API_ROWS}
    assert {path: "post" in methods for path, methods in PATHS.items()} == told


def test_every_parameter_of_the_ops_api_stands_there() -> None:
    """A path's line names the parameters of its query or the members of its body, or says that it takes a selection."""
    for row in API_ROWS:
        path = code(row[0])[0]
        told = {word.strip("?=") for word in code(row[1]) if re.fullmatch(r"\?\w+=|\w+", word)} - {"next"}
        if "the selection below" in row[1]:
            told |= SELECTION
        assert parameters(path) == told, path


def test_every_way_to_select_stands_there() -> None:
    """And nothing else."""
    assert set(Selection.model_fields) == SELECTION


def test_every_state_of_a_breaker_stands_there() -> None:
    """The label of its metric has these values."""
    assert set() == set(BREAKER_STATES) - set(code(section(PAGE, "Metrics")))
    assert Breaker(1, 1.0).state in BREAKER_STATES
