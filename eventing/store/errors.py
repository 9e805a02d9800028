"""What an operator must mend before a store in SQL can work. Each says what to do."""


class UnusableStore(Exception):  # noqa: N818 - named for what it is, like its neighbours
    """The operator must act. Each of the kinds below is one."""


class SchemaNotCurrent(UnusableStore):
    """The tables are of another version of this program."""


class SecretKeyMissing(UnusableStore):
    """A Secret is stored encrypted, and there is no key."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"Secrets are stored encrypted with the key {key_id}, and no key is given: set EVENTING_SECRET_KEY_FILE to"
            " the file that holds it"
        )


class SecretKeyWrong(UnusableStore):
    """A Secret is stored encrypted with a key that is not among those given."""

    def __init__(self, key_id: str, given: str) -> None:
        super().__init__(
            f"Secrets are stored encrypted with the key {key_id}, and the one given is {given}: add the former to the"
            " file of EVENTING_SECRET_KEY_FILE, in a line of its own"
        )


class SecretKeyInvalid(UnusableStore):
    """The file that should hold the key does not."""


class SecretDamaged(UnusableStore):
    """A Secret does not decrypt to what was stored under that name: the database was damaged, or tampered with."""
