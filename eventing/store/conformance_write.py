"""Laws of a store: what is written is what is read."""

from typing import Any, Final

from eventing.errors import AlreadyExists, Conflict, NotFound
from eventing.resources.identity import Key, key_of
from eventing.store.contract import Store
from eventing.store.witness import CONFIG_MAPS, Law, config_map, held, raises, version_of


async def what_is_created_is_read(store: Store) -> None:
    """A created object is returned by create, get and list alike, with the books begun."""
    created = await store.create(config_map(key="value"))
    metadata = created["metadata"]
    assert created["data"] == {"key": "value"}
    assert metadata["generation"] == 1
    assert metadata["uid"]
    assert metadata["creationTimestamp"]
    assert await store.get(key_of(created)) == created
    listing = await store.list(CONFIG_MAPS)
    assert listing.items == (created,)
    assert listing.resource_version == metadata["resourceVersion"]


async def creation_takes_no_books_from_the_caller(store: Store) -> None:
    """Status, uid, version and generation of a new object are the store's."""
    item = config_map()
    item["status"] = {"phase": "x"}
    item["metadata"] |= {
        "uid": "mine",
        "resourceVersion": "99",
        "generation": 7,
        "deletionTimestamp": "2020-01-01T00:00:00Z",
    }
    created = await store.create(item)
    assert "status" not in created
    assert "deletionTimestamp" not in created["metadata"]
    assert created["metadata"]["generation"] == 1
    assert created["metadata"]["uid"] != "mine"


async def a_name_is_taken_once(store: Store) -> None:
    """Creating what is there raises AlreadyExists; the same name in another namespace is another object."""
    first = await store.create(config_map(key="first"))
    await raises(AlreadyExists, store.create(config_map(key="second")))
    await store.create(config_map(namespace="other"))
    assert await store.get(key_of(first)) == first


async def what_is_absent_is_not_found(store: Store) -> None:
    """Every verb that needs an object raises NotFound without it."""
    item = config_map()
    await raises(NotFound, store.get(key_of(item)))
    await raises(NotFound, store.update(item))
    await raises(NotFound, store.update_status(item))
    await raises(NotFound, store.delete(key_of(item)))


async def a_list_is_of_a_kind_and_namespace(store: Store) -> None:
    """A list holds the kind's objects, by namespace and name, or those of one namespace."""
    for namespace, name in (("b", "x"), ("a", "y"), ("a", "x")):
        await store.create(config_map(name, namespace))
    await store.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "a"}})
    everywhere = (await store.list(CONFIG_MAPS)).items
    assert [str(key_of(item)) for item in everywhere] == ["ConfigMap a/x", "ConfigMap a/y", "ConfigMap b/x"]
    assert [str(key_of(item)) for item in (await store.list(CONFIG_MAPS, "b")).items] == ["ConfigMap b/x"]


async def an_update_counts_its_generation(store: Store) -> None:
    """Content changes raise generation and version; metadata raises the version; nothing raises nothing."""
    created = await store.create(config_map(key="1"))
    same = await store.update(config_map(key="1"))
    assert same == created
    changed = await store.update(config_map(key="2"))
    assert changed["metadata"]["generation"] == 2
    assert version_of(changed) > version_of(created)
    labelled = config_map(key="2")
    labelled["metadata"]["labels"] = {"a": "b"}
    stored = await store.update(labelled)
    assert stored["metadata"]["generation"] == 2
    assert version_of(stored) > version_of(changed)
    assert stored["metadata"]["uid"] == created["metadata"]["uid"]
    assert stored["metadata"]["creationTimestamp"] == created["metadata"]["creationTimestamp"]


async def status_is_written_by_its_own_verb(store: Store) -> None:
    """An update keeps the stored status; `update_status` keeps all the rest, the generation too."""
    await store.create(config_map(key="1"))
    written = await store.update_status(config_map(key="ignored") | {"status": {"ready": True}})
    assert written["data"] == {"key": "1"}
    assert written["status"] == {"ready": True}
    assert written["metadata"]["generation"] == 1
    updated = await store.update(config_map(key="2") | {"status": {"ready": False}})
    assert updated["status"] == {"ready": True}
    again = await store.update_status(config_map() | {"status": {"ready": True}})
    assert again == updated
    cleared = await store.update_status(config_map())
    assert "status" not in cleared


async def a_stale_writer_conflicts(store: Store) -> None:
    """Writing from an old version or for another uid raises Conflict and changes nothing."""
    stale = await store.create(config_map(key="1"))
    fresh = await store.update(config_map(key="2"))
    await raises(Conflict, store.update(stale))
    await raises(Conflict, store.update_status(stale))
    other = config_map(key="3")
    other["metadata"]["uid"] = "another"
    await raises(Conflict, store.update(other))
    await raises(Conflict, store.delete(key_of(other), uid="another"))
    assert await store.get(key_of(stale)) == fresh
    await store.update(fresh)


async def callers_hold_copies(store: Store) -> None:
    """Changing what went in or came out changes nothing in the store."""
    item = config_map(key="1")
    created = await store.create(item)
    key = key_of(created)
    item["data"]["key"] = created["data"]["key"] = (await store.get(key))["data"]["key"] = "changed"
    (await store.list(CONFIG_MAPS)).items[0]["data"]["key"] = "changed"
    assert (await store.get(key))["data"] == {"key": "1"}


async def times_of_managed_fields_are_no_change(store: Store) -> None:
    """Neither verb counts them; who manages what is a change like any other."""
    entry = {"manager": "kubectl", "operation": "Apply", "apiVersion": "v1", "time": "2024-05-01T12:00:00Z"}
    item = config_map(key="1")
    item["metadata"]["managedFields"] = [entry]
    created = await store.create(item)
    assert created["metadata"]["managedFields"] == [entry]
    item["metadata"]["managedFields"] = [entry | {"time": "2024-05-01T13:00:00Z"}]
    assert await store.update(item) == created
    assert await store.update_status(item) == created
    item["metadata"]["managedFields"] = [entry | {"manager": "kn"}]
    changed = await store.update(item)
    assert version_of(changed) > version_of(created)
    assert changed["metadata"]["managedFields"] == item["metadata"]["managedFields"]


async def a_status_writer_brings_managed_fields(store: Store) -> None:
    """They are the one part of metadata that a status update takes; without them they stay."""
    await store.create(config_map())
    item = config_map() | {"status": {"x": 1}}
    item["metadata"] |= {"managedFields": [{"manager": "controller"}], "labels": {"a": "b"}}
    written = await store.update_status(item)
    assert written["metadata"]["managedFields"] == [{"manager": "controller"}]
    assert "labels" not in written["metadata"]
    kept = await store.update_status(config_map() | {"status": {"x": 2}})
    assert kept["metadata"]["managedFields"] == [{"manager": "controller"}]


async def many_statuses_are_judged_alone(store: Store) -> None:
    """Those that can be written are, in order; the others are told why not, each in its place."""
    stale = await store.create(config_map("stale"))
    await store.update(config_map("stale", key="1"))
    await store.create(config_map("good"))
    absent = config_map("absent")
    good = [config_map("good") | {"status": {"x": number}} for number in (1, 2)]
    written = await store.update_statuses([stale | {"status": {}}, good[0], absent, good[1]])
    assert isinstance(written[0], Conflict)
    assert isinstance(written[2], NotFound)
    stored = [item for item in written if isinstance(item, dict)]
    assert [item["status"] for item in stored] == [{"x": 1}, {"x": 2}]
    assert version_of(stored[1]) == version_of(stored[0]) + 1
    assert await store.get(key_of(good[0])) == stored[1]
    assert "status" not in await store.get(key_of(stale))
    assert await store.update_statuses([]) == []


async def a_dry_run_keeps_nothing(store: Store) -> None:
    """Every verb returns what it would, raises what it would, and leaves object and version as they were."""
    created = await store.create(held(config_map(key="1"), "a"))
    before, key = await store.version(), key_of(created)
    tried = await store.create(config_map("new"), dry_run=True)
    assert tried["metadata"]["uid"]
    changed = await store.update(held(config_map(key="2"), "a"), dry_run=True)
    assert (changed["data"], changed["metadata"]["generation"]) == ({"key": "2"}, 2)
    assert (await store.update_status(config_map() | {"status": {"x": 1}}, dry_run=True))["status"] == {"x": 1}
    assert "deletionTimestamp" in (await store.delete(key, dry_run=True))["metadata"]
    await raises(AlreadyExists, store.create(config_map(), dry_run=True))
    await raises(NotFound, store.update(config_map("new"), dry_run=True))
    await raises(NotFound, store.update_status(config_map("new"), dry_run=True))
    await raises(Conflict, store.delete(key, uid="another", dry_run=True))
    assert (await store.get(key), await store.version()) == (created, before)
    await raises(NotFound, store.get(key_of(tried)))


async def the_version_is_the_latest_changes(store: Store) -> None:
    """It grows with every change, and with nothing else."""
    created = await store.create(config_map(key="1"))
    assert await store.version() == created["metadata"]["resourceVersion"]
    await store.update(config_map(key="1"))
    await raises(AlreadyExists, store.create(config_map()))
    assert await store.version() == created["metadata"]["resourceVersion"]
    removed = await store.delete(key_of(created))
    assert await store.version() == removed["metadata"]["resourceVersion"]
    assert version_of(removed) > version_of(created)


async def a_big_object_round_trips(store: Store) -> None:
    """1.4 MiB: nearly what the Kubernetes API server takes in one request."""
    item = config_map(big="x" * 1_400_000, bigger="\u00e9" * 30_000)
    created = await store.create(item)
    assert created["data"] == item["data"]
    assert await store.get(key_of(item)) == created
    assert (await store.list(CONFIG_MAPS)).items == (created,)


async def any_text_and_number_round_trips(store: Store) -> None:
    """Names of keys, and values, in all of Unicode; numbers keep their kind."""
    data = {"\u00fc\u4e16\U0001f600": "\u0000\u202e\uffff", "": "", "a/b\"'\\": "\n\t"}
    rest: dict[str, Any] = {
        "numbers": [0, -1, 2**53, 1.5, 1e300],
        "nothing": None,
        "truth": [True, False],
        "empty": [{}, []],
    }
    item = config_map(**data) | {"rest": rest}
    created = await store.create(item)
    read = await store.get(key_of(item))
    assert (read["data"], read["rest"]) == (data, rest)
    assert [type(number) for number in read["rest"]["numbers"]] == [int, int, int, float, float]
    assert read == created


async def an_object_may_have_no_namespace(store: Store) -> None:
    """Cluster-wide objects are of no namespace, and listed with their kind."""
    item = {"apiVersion": "eventing.knative.dev/v1", "kind": "Cluster", "metadata": {"name": "x"}}
    created = await store.create(item)
    assert key_of(created) == Key("eventing.knative.dev", "Cluster", "", "x")
    assert await store.get(key_of(item)) == created
    assert (await store.list(key_of(item).group_kind)).items == (created,)


LAWS: Final[tuple[Law, ...]] = (
    what_is_created_is_read,
    creation_takes_no_books_from_the_caller,
    a_name_is_taken_once,
    what_is_absent_is_not_found,
    a_list_is_of_a_kind_and_namespace,
    an_update_counts_its_generation,
    status_is_written_by_its_own_verb,
    a_stale_writer_conflicts,
    callers_hold_copies,
    times_of_managed_fields_are_no_change,
    a_status_writer_brings_managed_fields,
    many_statuses_are_judged_alone,
    a_dry_run_keeps_nothing,
    the_version_is_the_latest_changes,
    a_big_object_round_trips,
    any_text_and_number_round_trips,
    an_object_may_have_no_namespace,
)
