"""What a change of an object is to a watcher who sees only some objects: they enter, stay in and leave its selection.

Source: the watch cache of the Kubernetes API server. Pure.
"""

from collections.abc import Callable, Iterable

from eventing.resources.identity import Key, Object, key_of
from eventing.store.contract import ChangeType


class SelectionChange:
    """Tells a watcher's changes from a kind's. `listed` are the objects as they were read, `version` is where the
    watch begins.

    Of an object that was read in a later state than the watch's beginning, or not at all, nobody knows whether it was
    selected then: it is taken to have been, so that no watcher keeps what is gone.
    """

    def __init__(self, is_selected: Callable[[Object], bool], listed: Iterable[Object] = (), version: int = 0) -> None:
        self._is_selected = is_selected
        self._version = version
        self._selected: dict[Key, bool] = {}
        for item in listed:
            self.learn(item)

    def learn(self, item: Object) -> None:
        """Note an object as it was read."""
        if int(item["metadata"]["resourceVersion"]) <= self._version:
            self._selected[key_of(item)] = self._is_selected(item)

    def type_of(self, change: ChangeType, item: Object) -> ChangeType | None:
        """What the watcher is told of a change of the kind, None where it is none of its business."""
        key = key_of(item)
        was = change != "ADDED" and self._selected.pop(key, True)
        if change == "DELETED":
            return "DELETED" if was else None
        now = self._selected[key] = self._is_selected(item)
        if was and now:
            return "MODIFIED"
        if now:
            return "ADDED"
        return "DELETED" if was else None


class Everything(SelectionChange):
    """For who selects by what never changes: nothing enters or leaves, and nothing need be remembered."""

    def learn(self, item: Object) -> None:
        """There is nothing to note."""

    def type_of(self, change: ChangeType, item: Object) -> ChangeType | None:
        """The change itself, where the object is selected."""
        return change if self._is_selected(item) else None
