"""Files through the same door as everybody else: what they say is stored, all of it or nothing."""

from pathlib import Path

import pytest

from eventing.apiserver.patching import MERGE_PATCH, Patch
from eventing.apiserver.query import WriteOptions
from eventing.apiserver.target import Target
from eventing.applier import MANAGER, ORIGIN_ANNOTATION, Applied, apply
from eventing.errors import NotFound
from eventing.manifest import ManifestError
from eventing.resources.channel_default import channel_defaults_of
from eventing.resources.core import NAMESPACE
from eventing.resources.identity import Key, Object
from eventing.resources.kind import Context
from eventing.resources.trigger import TRIGGER as TRIGGER_KIND
from tests.eventing.apiserver.registry import registry_of
from tests.eventing.store.memory_store import MemoryStore
from tests.eventing.test_manifest import BROKER, BROKER_KEY, DEFAULTS, TRIGGER, TRIGGER_KEY, documents

DEFAULT = NAMESPACE.key("", "default")


class Case:
    """A registry over an empty store, and files of one folder."""

    def __init__(self, folder: Path, context: Context | None = None) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.registry = registry_of(self.store, context)

    async def apply(self, *texts: str, prune: bool = False) -> Applied:
        return await apply(self.registry, documents(self.folder, *texts) if texts else [], prune=prune)

    async def get(self, key: Key) -> Object:
        return await self.store.get(key)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


async def test_what_the_files_say_is_stored(case: Case) -> None:
    """Admitted, in an order in which each finds what it refers to, whatever the order of the files; the namespace is
    made.
    """
    assert Applied((DEFAULT, BROKER_KEY, TRIGGER_KEY), (), ()) == await case.apply(TRIGGER, BROKER)
    broker = await case.get(BROKER_KEY)
    assert 10 == broker["spec"]["delivery"]["retry"]
    assert "admin" == broker["metadata"]["annotations"]["eventing.knative.dev/creator"]
    assert [MANAGER] == [one["manager"] for one in broker["metadata"]["managedFields"]]
    assert 16 == len(broker["metadata"]["annotations"][ORIGIN_ANNOTATION])


async def test_the_same_files_change_nothing(case: Case) -> None:
    """Twice is once: not even a version differs."""
    first = await case.apply(BROKER, TRIGGER)
    before = [await case.get(key) for key in first.created]
    assert Applied((), (), ()) == await case.apply(BROKER, TRIGGER)
    assert before == [await case.get(key) for key in first.created]


async def test_a_field_that_a_file_no_longer_has_goes(case: Case) -> None:
    """And what changed in it changes."""
    await case.apply(BROKER, TRIGGER.replace("{name: t}", "{name: t, annotations: {a: b}}"))
    assert (TRIGGER_KEY,) == (await case.apply(BROKER, TRIGGER.replace("receiver", "other"))).updated
    trigger = await case.get(TRIGGER_KEY)
    assert 2 == trigger["metadata"]["generation"]
    signatures = {f"eventing.knative.dev/{name}" for name in ("creator", "lastModifier")}
    assert {*signatures, ORIGIN_ANNOTATION} == {*trigger["metadata"]["annotations"]}


async def test_what_others_set_stays_until_a_file_says_otherwise(case: Case) -> None:
    """Finalizers and labels are theirs; a field of the file's is the file's again with the next load."""
    await case.apply(BROKER, TRIGGER)
    change = {"metadata": {"labels": {"team": "a"}}, "spec": {"subscriber": {"uri": "http://by-hand/"}}}
    target = Target(TRIGGER_KIND.served, "default", "t")
    await case.registry.patch(target, Patch(MERGE_PATCH, change), WriteOptions(manager="kubectl"))
    assert (TRIGGER_KEY,) == (await case.apply(BROKER, TRIGGER)).updated
    trigger = await case.get(TRIGGER_KEY)
    assert "a" == trigger["metadata"]["labels"]["team"]
    assert "http://receiver/" == trigger["spec"]["subscriber"]["uri"]


async def test_what_left_the_files_goes_only_where_that_is_asked_for(case: Case) -> None:
    """Triggers before Brokers; what others made stays, and what somebody deleted already is no error."""
    await case.store.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}})
    await case.apply(BROKER, TRIGGER)
    assert Applied((), (), ()) == await case.apply(BROKER)
    assert Applied((), (), (TRIGGER_KEY,)) == await case.apply(BROKER, prune=True)
    await case.apply(TRIGGER)
    await case.store.delete(TRIGGER_KEY)
    assert Applied((), (), (BROKER_KEY,)) == await case.apply(prune=True)
    assert await case.get(Key("", "Secret", "default", "s"))


async def test_another_process_prunes_what_an_earlier_one_brought(case: Case) -> None:
    """Whose an object is stands in its managed fields."""
    await case.apply(BROKER, TRIGGER)
    case.registry = registry_of(case.store)
    assert (TRIGGER_KEY, BROKER_KEY) == (await case.apply(prune=True)).deleted
    with pytest.raises(NotFound):
        await case.get(TRIGGER_KEY)


async def test_a_change_that_is_refused_changes_nothing_at_all(case: Case, tmp_path: Path) -> None:
    """What is immutable is told in Knative's words, and not even the good objects are applied."""
    await case.apply(TRIGGER)
    with pytest.raises(ManifestError) as caught:
        await case.apply(BROKER, TRIGGER.replace("broker: default", "broker: b2"))
    reason = 'Immutable fields changed (-old +new): -"default" +"b2"'
    assert (f"{tmp_path / 'all.yaml'}: document 2 (Trigger default/t): spec.broker: {reason}",) == caught.value.lines
    with pytest.raises(NotFound):
        await case.get(BROKER_KEY)


async def test_defaults_of_brokers_come_from_the_files_or_the_store(case: Case) -> None:
    """`config-br-defaults` counts for the Brokers beside it, and for those that come later."""
    await case.apply(BROKER, DEFAULTS)
    await case.apply(BROKER.replace("name: default", "name: later"))
    for name in ("default", "later"):
        broker = await case.get(Key("eventing.knative.dev", "Broker", "default", name))
        assert {"delivery": {"retry": 3}} == broker["spec"]


async def test_defaults_of_channels_come_from_the_server_or_a_config_map(tmp_path: Path) -> None:
    """The ConfigMap comes first."""
    case = Case(tmp_path, Context(channel_defaults=channel_defaults_of("journal")))
    channel = "apiVersion: messaging.knative.dev/v1\nkind: Channel\nmetadata: {name: %s}\n"
    text = "{clusterDefault: {apiVersion: a.example.com/v1, kind: Wide}}"
    metadata = "metadata: {name: default-ch-webhook, namespace: knative-eventing}"
    config_map = f"apiVersion: v1\nkind: ConfigMap\n{metadata}\ndata: {{default-ch-config: '{text}'}}\n"
    await case.apply(channel % "first")
    await case.apply(channel % "second", config_map)
    for name, kind in (("first", "JournalChannel"), ("second", "Wide")):
        stored = await case.get(Key("messaging.knative.dev", "Channel", "default", name))
        assert kind == stored["spec"]["channelTemplate"]["kind"]


async def test_an_object_may_be_written_in_any_version_that_is_served(case: Case) -> None:
    """It is stored in one."""
    text = "apiVersion: eventing.knative.dev/v1beta3\nkind: EventType\nmetadata: {name: e}\nspec: %s\n"
    spec = "{attributes: [{name: type, value: order, required: true}]}"
    await case.apply(text % spec)
    stored = await case.get(Key("eventing.knative.dev", "EventType", "default", "e"))
    assert "eventing.knative.dev/v1beta2" == stored["apiVersion"]
    assert Applied((), (), ()) == await case.apply(text % spec)


async def test_many_objects_are_applied_at_once(case: Case) -> None:
    """Each once, in the order of the files."""
    triggers = [TRIGGER.replace("{name: t}", f"{{name: t-{number:03}}}") for number in range(150)]
    created = (await case.apply(BROKER, *triggers)).created
    assert [f"t-{number:03}" for number in range(150)] == [key.name for key in created[2:]]
