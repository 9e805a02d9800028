"""What admission may know when a user writes, read from the store's ConfigMaps at each write."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from eventing.errors import NotFound
from eventing.resources.context import CONTEXT_KEYS, configure
from eventing.resources.identity import Key, Object
from eventing.resources.kind import Context
from eventing.store.contract import Store

_log = logging.getLogger(__name__)


class StoredConfiguration:
    """The server's ConfigMaps in a store. One that cannot be read counts as absent, and is told of once: then `context`
    says what holds.
    """

    def __init__(self, store: Store, context: Context) -> None:
        self._store = store
        self._context = context
        self._faults: Mapping[Key, str] = {}

    async def context_of(self, user: str) -> Context:
        """The context of that user's writes."""
        found: dict[Key, Object] = {}
        for key in CONTEXT_KEYS:
            try:
                found[key] = await self._store.get(key)
            except NotFound:
                continue
        configuration = configure(replace(self._context, user=user), found.get)
        for key, fault in configuration.faults.items():
            if self._faults.get(key) != fault:
                _log.warning("%s: data: %s; what it says does not count", key, fault)
        self._faults = configuration.faults
        return configuration.context
