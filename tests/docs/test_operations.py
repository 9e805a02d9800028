from collections.abc import Iterator

from dispatcher.breaker import Breaker
from eventing.api.app import create_api
from eventing.metrics import BREAKER_STATES, create_registry
from tests.docs.page import code, first_column, page, rows, section
from tests.eventing.small_operations import BOUNDS_S, SmallOperations

PAGE = page("docs/operations.md")


def exposed() -> Iterator[tuple[str, str]]:
    """Every metric as Prometheus sees it, and its kind."""
    for metric in create_registry(SmallOperations(), latency_bounds_s=BOUNDS_S).collect():
        yield (f"{metric.name}_total" if metric.type == "counter" else metric.name), metric.type


def test_every_metric_stands_there_with_its_kind() -> None:
    """Neither is a metric without its line, nor a line without its metric."""
    told = [(name, row[1]) for row in rows(section(PAGE, "Metrics")) for name in code(row[0])]
    assert sorted(exposed()) == sorted(told)


def test_every_path_of_the_ops_api_stands_there() -> None:
    """Neither is a path without its line, nor a line without its path."""
    api = create_api(SmallOperations(), latency_bounds_s=BOUNDS_S)
    assert set(api.openapi()["paths"]) == first_column(section(PAGE, "Ops API"))


def test_every_parameter_of_the_ops_api_stands_there() -> None:
    """A path's line names the parameters of its query."""
    paths = create_api(SmallOperations(), latency_bounds_s=BOUNDS_S).openapi()["paths"]
    told = {code(row[0])[0]: {word for word in code(row[1]) if "=" in word} for row in rows(section(PAGE, "Ops API"))}
    for path, methods in paths.items():
        parameters = [one for one in methods["get"].get("parameters", ()) if one["in"] == "query"]
        assert {f"?{one['name']}=" for one in parameters} == told[path], path


def test_every_state_of_a_breaker_stands_there() -> None:
    """The label of its metric has these values."""
    assert set() == set(BREAKER_STATES) - set(code(section(PAGE, "Metrics")))
    assert Breaker(1, 1.0).state in BREAKER_STATES
