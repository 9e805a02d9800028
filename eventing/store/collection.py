"""What goes with what: owners and what they own, namespaces and what is in them. All in the draft of the change that
set it off.

Source: Kubernetes' garbage collector and namespace controller, which come to the same a moment later.
"""

from collections.abc import Collection, Iterable, Sequence

from eventing.resources.identity import Key, Object, key_of
from eventing.store import bookkeeping
from eventing.store.draft import Draft, Step


def namespace_key(name: str) -> Key:
    """The object that a namespace is deleted by."""
    return Key("", "Namespace", "", name)


def is_held(draft: Draft, item: Object) -> bool:
    """True while finalizers hold up the deletion of the object or, of a Namespace, what is left in it."""
    if bookkeeping.finalizers(item):
        return True
    return bookkeeping.is_namespace(item) and draft.count(item["metadata"]["name"]) > 0


def remove(draft: Draft, item: Object, *, now: str, foreground: bool = False) -> None:
    """Remove an object of the draft, or mark it, if it is not; `settle` does the rest."""
    if bookkeeping.is_deleting(item):
        return
    if foreground or bookkeeping.finalizers(item) or bookkeeping.is_namespace(item):
        hold = bookkeeping.FOREGROUND if foreground else ""
        draft.put("MODIFIED", bookkeeping.marked(item, now=now, version=draft.next_version, hold=hold))
    else:
        draft.put("DELETED", bookkeeping.removed(item, version=draft.next_version))


def settle(draft: Draft, *, now: str) -> None:
    """Do what follows from the draft's changes, then what follows from that, until nothing does."""
    seen = 0
    while seen < len(draft.steps):
        steps, seen = draft.steps[seen:], len(draft.steps)
        _empty_namespaces(draft, steps, now)
        _judge_owned(draft, steps, now)
        _release_owners(draft, steps)
        _end_namespaces(draft, steps)


def _empty_namespaces(draft: Draft, steps: Sequence[Step], now: str) -> None:
    for step in steps:
        if bookkeeping.is_namespace(step.item) and step.type == "MODIFIED" and _is_begun(step):
            for item in draft.within(step.key.name):
                remove(draft, item, now=now)


def _is_begun(step: Step) -> bool:
    """True for the change that began a deletion."""
    return bookkeeping.is_deleting(step.item) and not (step.old and bookkeeping.is_deleting(step.old))


def _judge_owned(draft: Draft, steps: Sequence[Step], now: str) -> None:
    """Remove what has lost its owners; from the others take what they lost."""
    lost = {step.item["metadata"]["uid"] for step in steps if step.type == "DELETED" or _waits_from(step)}
    suspects = [step.key for step in steps if step.type != "DELETED" and _is_reowned(step)]
    if lost:
        suspects += [key_of(item) for item in draft.owned_by(lost)]
    if not suspects:
        return
    items = draft.read(suspects)
    owners = draft.having(frozenset().union(*map(bookkeeping.owner_uids, items.values())))
    waiting = {owner["metadata"]["uid"] for owner in owners if bookkeeping.is_waiting(owner)}
    living = {owner["metadata"]["uid"] for owner in owners} - waiting
    for key in sorted(items):
        _judge(draft, items[key], living, waiting, now)


def _waits_from(step: Step) -> bool:
    """True for the change from which on an object waits for what it owns."""
    return bookkeeping.is_waiting(step.item) and not (step.old and bookkeeping.is_waiting(step.old))


def _is_reowned(step: Step) -> bool:
    """True for a change that named other owners, or named them in another way."""
    old = step.old["metadata"].get("ownerReferences", []) if step.old else []
    return bool(step.item["metadata"].get("ownerReferences", []) != old)


def _judge(draft: Draft, item: Object, living: set[str], waiting: Collection[str], now: str) -> None:
    left = bookkeeping.disowned(item, living, version=draft.next_version)
    if left is None:
        foreground = not bookkeeping.owner_uids(item).isdisjoint(waiting) and _owns_others(draft, item)
        remove(draft, item, now=now, foreground=foreground)
    elif left is not item:
        draft.put("MODIFIED", left)


def _owns_others(draft: Draft, item: Object) -> bool:
    """True where something that is not going already depends on the object: what goes in a circle waits for nobody."""
    return not all(bookkeeping.is_deleting(one) for one in draft.owned_by((item["metadata"]["uid"],)))


def _release_owners(draft: Draft, steps: Sequence[Step]) -> None:
    """Let owners go that waited for no more than what went."""
    uids = {step.item["metadata"]["uid"] for step in steps if _waits_from(step)}
    uids.update(*(bookkeeping.owner_uids(step.old) for step in steps if step.old and _has_let_go(step)))
    owners = draft.having(uids) if uids else []
    for owner in filter(bookkeeping.is_waiting, owners):
        if not _is_blocked(draft, owner):
            left = bookkeeping.released(owner, version=draft.next_version)
            if is_held(draft, left):
                draft.put("MODIFIED", left)
            else:  # its watchers see it as it waited, as those of the Kubernetes API server do
                draft.put("DELETED", bookkeeping.removed(owner, version=draft.next_version))


def _is_blocked(draft: Draft, owner: Object) -> bool:
    """True while the owner waits, itself or by those it waits for, for something that waits for nobody. Where all wait
    for each other, they do so in a circle, and in vain.
    """
    seen: set[str] = set()
    asked = {owner["metadata"]["uid"]}
    while asked:
        uid = asked.pop()
        seen.add(uid)
        blockers = [item for item in draft.owned_by((uid,)) if bookkeeping.is_blocking(item, uid)]
        if not all(bookkeeping.is_waiting(item) for item in blockers):
            return True
        asked |= {item["metadata"]["uid"] for item in blockers} - seen
    return False


def _has_let_go(step: Step) -> bool:
    return step.type == "DELETED" or _is_reowned(step)


def _end_namespaces(draft: Draft, steps: Iterable[Step]) -> None:
    """Remove the namespaces that are being deleted and have become empty."""
    names = {step.key.namespace for step in steps if step.type == "DELETED" and step.key.namespace}
    names |= {step.key.name for step in steps if bookkeeping.is_namespace(step.item) and step.type == "MODIFIED"}
    found = draft.read([namespace_key(name) for name in sorted(names)]) if names else {}
    for item in found.values():
        if bookkeeping.is_deleting(item) and not is_held(draft, item):
            draft.put("DELETED", bookkeeping.removed(item, version=draft.next_version))
