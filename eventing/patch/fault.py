"""What can be wrong with a patch. Pure."""


class MalformedPatch(Exception):  # noqa: N818 - named for what it is, like its neighbours
    """The patch says nothing that could be done to any object. HTTP 400.

    `index` is the operation of a JSON patch, None in the other languages; `path` is where, empty for the whole.
    """

    def __init__(self, message: str, *, index: int | None = None, path: str = "") -> None:
        super().__init__(_placed(message, index, path))
        self.index = index
        self.path = path


class PatchTooLarge(MalformedPatch):
    """The patch has more operations than one request may have. HTTP 413."""


class PatchNotApplicable(Exception):  # noqa: N818
    """The patch does not fit this object, or a test in it fails; nothing was changed. HTTP 422.

    `index` and `path` are as in `MalformedPatch`.
    """

    def __init__(self, message: str, *, index: int | None = None, path: str = "") -> None:
        super().__init__(_placed(message, index, path))
        self.index = index
        self.path = path


def _placed(message: str, index: int | None, path: str) -> str:
    place = f"operation {index}" if index is not None else ""
    place += (", " if place and path else "") + path
    return f"{place}: {message}" if place else message
