"""`docs/crash-score.md`: a section for each backend, each written by a run of its own. Pure."""

import re
from typing import Final

TITLES: Final = ("Journal", "Redis", "Kafka", "Redis and a power cut")
"""In the order of the page."""
_HEADING: Final = re.compile(r"^## (.+)\n", re.MULTILINE)
_HEAD: Final = """# Crash score

`make crash` kills servers again and again, and writes this page: `make crash BACKEND=redis` the section on Redis, and
so on; `python -m tests.crash --help` tells more.

An independent ledger, `tests/ledger`, hears from producers what was acknowledged, and from sinks what came. At the end
every sink is well again, and all that was acknowledged must have arrived.
"""


def sections(page: str) -> dict[str, str]:
    """What stands under each heading of the second level."""
    _, *parts = _HEADING.split(page)
    return dict(zip(parts[::2], (text.strip() for text in parts[1::2]), strict=True))


def with_section(page: str, title: str, text: str) -> str:
    """The page with that section anew. The others stay as they are; what stands above them is always the same."""
    found = sections(page) | {title: text.strip()}
    told = [f"## {name}\n\n{found[name]}\n" for name in TITLES if name in found]
    return "\n".join([_HEAD, *told])
