"""How much a channel holds against how much it may, as far as this process knows. Pure."""

from typing import Final

from channels.kafka.counting import Book


class Bound:
    """Of what is unsettled in the log, by the book. What rests elsewhere is said with each question: `beside`, its
    events and bytes.
    """

    def __init__(self, book: Book, *, events_max: int, size_max_bytes: int) -> None:
        self.events_max: Final = events_max
        self.size_max_bytes: Final = size_max_bytes
        self.is_reached = False
        """Whether somebody was refused since room was found last: what others have settled is worth a look."""
        self._book: Final = book
        self._held = 0

    def count(self) -> None:
        """Go by what the book says at this moment."""
        self._held = self._book.count(is_past_held=False)

    def stored(self, events: int) -> None:
        """So many more, until it is counted anew."""
        self._held += events

    def has_room(self, events: int, size_bytes: int, *, beside: tuple[int, int]) -> bool:
        """Whether so many more may come."""
        if not self._fits(events, size_bytes, beside):
            self.count()
            self.is_reached = not self._fits(events, size_bytes, beside)
            return not self.is_reached
        self.is_reached = False
        return True

    def _fits(self, events: int, size_bytes: int, beside: tuple[int, int]) -> bool:
        held = self._held
        return (
            held + beside[0] + events <= self.events_max
            and self._book.size_of(held) + beside[1] + size_bytes <= self.size_max_bytes
        )
