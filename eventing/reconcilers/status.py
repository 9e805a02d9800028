"""A status on its way from what it was to what was seen: fields, conditions, and the generation they are of. Pure."""

from collections.abc import Iterable
from typing import Any, Final

from eventing.errors import ResolutionError
from eventing.resources.condition import Conditions, Status
from eventing.resources.identity import Object

OIDC_DISABLED: Final = (
    "OIDCDisabled",
    'Feature "authentication-oidc" must be enabled to support Authorization',
)
"""Why EventPoliciesReady is True: nobody is asked who they are."""
NO_IDENTITY: Final = "authentication-oidc feature disabled"
"""Why OIDCIdentityCreated is True."""
NO_DEAD_LETTER_SINK: Final = ("DeadLetterSinkNotConfigured", "No dead letter sink is configured.")


class Draft:
    """The status to be of one object. What nobody marks or sets stays as it was."""

    def __init__(self, item: Object, dependents: Iterable[str], now: str) -> None:
        self.item = item
        self._old: Object = item.get("status", {})
        self._fields = {name: value for name, value in self._old.items() if name != "conditions"}
        self._now = now
        self._conditions = Conditions.of(dependents, self._old.get("conditions", ())).initialized(now)

    @property
    def was_ready(self) -> bool:
        """What is stored says that it works."""
        return Conditions.of((), self._old.get("conditions", ())).is_ready

    @property
    def is_ready(self) -> bool:
        """All it depends on is True."""
        return self._conditions.is_ready

    def mark(self, name: str, status: Status = "True", reason: str = "", message: str = "") -> None:
        """What was found about one condition."""
        self._conditions = self._conditions.mark(name, status, reason, message, now=self._now)

    def fail(self, name: str, error: ResolutionError, reason: str = "") -> None:
        """The condition is False for that error, under its reason or another."""
        self.mark(name, "False", reason or error.reason, error.message)

    def put(self, name: str, value: Any) -> None:
        """Set a field, or take it away (None, or empty)."""
        self._fields.pop(name, None)
        if value:
            self._fields[name] = value

    def address(self, url: str) -> None:
        """It can be reached there."""
        self.put("address", {"name": "http", "url": url})
        self.mark("Addressable")

    @property
    def status(self) -> Object:
        """The whole status."""
        generation = self.item["metadata"].get("generation", 0)
        return {**self._fields, "observedGeneration": generation, "conditions": self._conditions.to_entries()}

    @property
    def result(self) -> Object | None:
        """The object with its status, None where that is what is stored."""
        status = self.status
        return None if status == self._old else {**self.item, "status": status}

    def ready(self) -> tuple[str, str, str]:
        """Status, reason and message of Ready."""
        found = self._conditions.get("Ready")
        return ("Unknown", "", "") if found is None else (found.status, found.reason, found.message)
