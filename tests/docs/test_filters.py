from dispatcher.cesql_function import FUNCTIONS
from dispatcher.filter_reader import DEPTH_MAX, DIALECTS, NODES_MAX
from dispatcher.filters import parse_filters
from tests.docs.page import code, fenced, first_column, page, rows, section

PAGE = page("docs/filters.md")


def test_every_dialect_stands_there() -> None:
    """Neither is a dialect without its line, nor a line without its dialect."""
    assert set(DIALECTS) == first_column(section(PAGE, "Dialects"))


def test_every_function_of_cesql_stands_there() -> None:
    """The table has the functions that there are."""
    told = {name for row in rows(section(PAGE, "CESQL")) for name in code(" ".join(row))}
    assert {function.name for function in FUNCTIONS} <= {word for name in told for word in name.split()}
    assert set() == told - {function.name for function in FUNCTIONS}


def test_the_bounds_of_a_filter_stand_there() -> None:
    """They are part of what is refused."""
    assert f"may nest {DEPTH_MAX} deep" in PAGE
    assert f"{NODES_MAX:,} attributes and filters" in PAGE


def test_the_example_is_a_filter() -> None:
    """What is shown can be copied."""
    import yaml

    (example,) = fenced(PAGE, "yaml")
    assert not parse_filters(None, yaml.safe_load(example)["filters"]).is_everything
