"""How a publish learns whether its events were stored."""

import asyncio


class Answer:
    """A receipt that a publish waits for."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def stored(self) -> None:
        """The publish may go on."""
        if not self.answer.done():
            self.answer.set_result(None)

    def refused(self, error: Exception) -> None:
        """The publish raises it."""
        if not self.answer.done():
            self.answer.set_exception(error)
