"""Who may write has the store, everybody else has nothing."""

from eventing.pen import Pen
from tests.eventing.store.memory_store import MemoryStore


def test_it_is_there_until_it_is_dropped() -> None:
    """Dropping it twice is dropping it once."""
    store = MemoryStore()
    pen = Pen(store)
    assert pen.store is store
    pen.drop()
    pen.drop()
    assert pen.store is None
    assert Pen().store is None
