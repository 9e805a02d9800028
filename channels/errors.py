"""What can go wrong below, sorted by who must act. Nothing here is ever matched by its text."""


class MalformedEvent(ValueError):  # noqa: N818 - named for what it is, as the CloudEvents specification does
    """The sender must act: what came is no valid CloudEvent. An ingress answers 400.

    `path` names the attribute (`time`), member (`data_base64`) or, in a batch, the element (`[3].source`);
    it is empty where the fault is the message as a whole. `reason` is a sentence for people.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


class UnsupportedFormat(MalformedEvent):
    """The sender must act: a CloudEvents format, or a content coding, not spoken here. An ingress answers 415."""


class ChannelFull(Exception):  # noqa: N818
    """Time must act: the channel's bound is reached. An ingress answers 503 with Retry-After."""


class ChannelUnavailable(Exception):  # noqa: N818
    """Time or the operator must act: the channel is closed, or its server does not answer. An ingress answers 503."""
