"""Whether this process writes what it finds about resources: of several processes one does."""

from eventing.store.contract import Store


class Pen:
    """The store, for who may write into it: for good, or as long as it is given. Everybody else only looks."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store
        """None where another process writes."""

    def drop(self) -> None:
        """It is another process's."""
        self.store = None
