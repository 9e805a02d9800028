"""Ids of dead letters and redrives as a server tells them: those of its stores, which may be the same, and a mark of
the store. Pure.

What a store with the mark `3f2a9c01` calls `r17` is told as `r17.3f2a9c01`. Where a store has no mark, its ids are
told as they are.
"""

import hashlib
from dataclasses import replace
from typing import Final

from channels.dead_letter import DeadLetter, Redrive, Selector

_DOT: Final = "."
"""No store has it in its ids; it stays as it is in a URL, and a terminal selects it with the word around it."""


def mark_of(store: str) -> str:
    """A store's name in eight hex digits: the same in every process, after every restart."""
    return hashlib.blake2s(store.encode(), digest_size=4).hexdigest()


def told_id(own: str, mark: str) -> str:
    """What a store of that mark calls so; empty where it calls nothing."""
    return f"{own}{_DOT}{mark}" if own and mark else own


def own_id(told: str, mark: str) -> str:
    """What the store of that mark calls what is told so; empty where it is another store's, or nobody's."""
    own, dot, of = told.partition(_DOT)
    return own if of == mark and bool(dot) == bool(mark) else ""


def told_letter(letter: DeadLetter, mark: str) -> DeadLetter:
    """A letter of the store of that mark."""
    return replace(letter, id=told_id(letter.id, mark), redrive_id=told_id(letter.redrive_id, mark)) if mark else letter


def told_redrive(redrive: Redrive, mark: str) -> Redrive:
    """A redrive of the store of that mark: of what was selected by id, what is in that store."""
    ids = tuple([told_id(one, mark) for one in redrive.selector.ids])
    return replace(redrive, id=told_id(redrive.id, mark), selector=replace(redrive.selector, ids=ids))


def own_selector(selector: Selector, mark: str) -> Selector | None:
    """What to ask of the store of that mark; None where letters are selected by ids and none of them is one of it."""
    if not selector.ids:
        return selector
    ids = tuple([own for one in selector.ids if (own := own_id(one, mark))])
    return replace(selector, ids=ids) if ids else None
