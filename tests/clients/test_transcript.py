import pytest

from tests.clients.transcript import Step, is_shown, steps

PAGE = """Look:

```console
$ kubectl get brokers
NAME   AGE
$ curl -i \\
    http://localhost
$ true
```

```yaml
a: $ no command
```

```text
event 1
```
"""


def test_a_page_is_read_as_it_is_typed() -> None:
    """Commands with what follows them, a backslash goes on; a text is what another terminal shows."""
    assert [
        Step("kubectl get brokers", "NAME   AGE\n"),
        Step("curl -i \\\n    http://localhost", ""),
        Step("true", ""),
        Step("", "event 1\n"),
    ] == steps(PAGE)


@pytest.mark.parametrize(
    ("told", "happened"),
    [
        ("shop   http://s   1s    True\n", "shop   http://s   12s   True   \n"),
        ("Resource Version:    6\n", "Resource Version:    123\n"),
        ("Time:  2026-11-27T02:44:35Z\n", "Time:  2027-01-01T00:00:00Z\n"),
        ("first\n...\nlast\n", "first\n\nmore\nlast\n"),
        ("HTTP/1.1 202 Accepted\n...\n", "HTTP/1.1 202 Accepted\r\nDate: today\r\n\r\n"),
    ],
)
def test_what_no_two_sessions_share_makes_no_difference(told: str, happened: str) -> None:
    assert is_shown(told, happened)


@pytest.mark.parametrize(
    ("told", "happened"),
    [
        ("shop   1s   True\n", "shop   1s   False\n"),
        ("first\n...\nlast\n", "first\n\nmore\n"),
        ("one\n", "one\ntwo\n"),
        ("", "Warning: something\n"),
    ],
)
def test_everything_else_does(told: str, happened: str) -> None:
    assert not is_shown(told, happened)
