"""Channels that hold events: at work where there is an engine, and plain about it where there is none."""

from typing import Any

from eventing.resources.identity import Key, Object, key_of
from eventing.resources.in_memory_channel import IN_MEMORY_CHANNEL
from eventing.resources.journal_channel import JOURNAL_CHANNEL
from eventing.resources.kind import Kind
from eventing.resources.redis_stream_channel import REDIS_STREAM_CHANNEL
from eventing.resources.subscription import SUBSCRIPTION
from tests.eventing.stage import Stage, service, service_ref, settle, staged

URL = "http://127.0.0.1:9/"


def of(kind: Kind, name: str = "c", **spec: Any) -> Object:
    metadata = {"namespace": "default", "name": name}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


def subscription(name: str, to: Object, **spec: Any) -> Object:
    ref = {"apiVersion": to["apiVersion"], "kind": to["kind"], "name": to["metadata"]["name"]}
    whole = {"channel": ref, "subscriber": {"uri": URL}, **spec}
    return {"apiVersion": SUBSCRIPTION.api_version, "kind": "Subscription", "metadata": {"name": name}, "spec": whole}


async def conditions(stage: Stage, key: Key) -> dict[str, tuple[str, str, str]]:
    found = (await stage.store.get(key))["status"]["conditions"]
    return {one["type"]: (one["status"], one.get("reason", ""), one.get("message", "")) for one in found}


async def test_without_a_journal_its_channel_says_how_to_have_one() -> None:
    item = of(JOURNAL_CHANNEL)
    async with staged() as stage:
        await stage.reconcile(item)
        status, _, words = (await conditions(stage, key_of(item)))["Ready"]
        assert "False" == status
        assert "EVENTING_DEFAULT_CHANNEL=journal" in words


async def test_a_name_belongs_to_the_first_channel_of_whatever_kind() -> None:
    """They share their paths. The other one says who has the name, and gets it once that is gone."""
    first = of(IN_MEMORY_CHANNEL)
    async with staged() as stage:
        await stage.reconcile(first, of(REDIS_STREAM_CHANNEL, address="redis://r.test"))
        second = of(JOURNAL_CHANNEL)
        await stage.reconcile(second)
        found = await conditions(stage, key_of(second))
        assert ("False", "NameTaken", "InMemoryChannel c has this name already") == found["Ready"]
        assert stage.controller.brokers[key_of(first)].broker is stage.intake.routes[b"/channels/default/c"]
        async with stage.following():
            await stage.delete(key_of(first))
            await settle()
            assert "NameTaken" != (await conditions(stage, key_of(second)))["Ready"][1]
            assert not stage.controller.brokers.keys() & {key_of(first)}


async def test_a_dead_letter_sink_that_is_missing_is_named_and_found_when_it_comes() -> None:
    item = of(IN_MEMORY_CHANNEL, delivery={"deadLetterSink": service_ref("s")})
    async with staged() as stage:
        await stage.reconcile(item)
        words = 'failed to get object default/s: services "s" not found'
        expected = ("False", "Unable to get the DeadLetterSink's URI", words)
        assert expected == (await conditions(stage, key_of(item)))["DeadLetterSinkResolved"]
        await stage.reconcile(service("s", "letters.test"))
        assert ("True", "", "") == (await conditions(stage, key_of(item)))["Ready"]
        assert "http://letters.test" == (await stage.store.get(key_of(item)))["status"]["deadLetterSinkUri"]


async def test_who_subscribes_stands_in_the_channel() -> None:
    """Resolved, in an order that does not change, and as long as there is a Subscription; so does its status."""
    item = of(IN_MEMORY_CHANNEL, delivery={"retry": 3})
    async with staged() as stage:
        await stage.reconcile(item, subscription("b", item, reply={"uri": URL}))
        await stage.reconcile(subscription("a", item, delivery={"retry": 1}))
        stored = await stage.store.get(key_of(item))
        assert [
            ("b", URL, URL, {"retry": 3}),
            ("a", URL, None, {"retry": 1}),
        ] == [
            (one["name"], one["subscriberUri"], one.get("replyUri"), one["delivery"])
            for one in stored["spec"]["subscribers"]
        ]
        assert 2 == len(stored["status"]["subscribers"])
        await stage.delete(SUBSCRIPTION.key("default", "b"), SUBSCRIPTION.key("default", "a"))
        await stage.reconcile()
        stored = await stage.store.get(key_of(item))
        assert "subscribers" not in stored["spec"]
        assert "subscribers" not in stored["status"]


async def test_a_subscriber_that_cannot_be_found_any_more_stays_as_it_was() -> None:
    """It goes on to be delivered to at the last address, and the channel says so; over a restart, too."""
    item = of(IN_MEMORY_CHANNEL)
    async with staged() as stage:
        await stage.reconcile(item, service("s", "old.test"), subscription("a", item, subscriber=service_ref("s")))
        await stage.delete(Key("", "Service", "default", "s"))
        await stage.reconcile()
        restarted = stage.create_controller()
        await restarted.reconcile()
        (entry,) = (await stage.store.get(key_of(item)))["spec"]["subscribers"]
        assert "http://old.test" == entry["subscriberUri"]
        assert "False" == (await conditions(stage, SUBSCRIPTION.key("default", "a")))["Ready"][0]
        await restarted.close()


async def test_a_channel_that_goes_takes_who_subscribed_with_it() -> None:
    """Another one of its name begins with who there is."""
    item = of(IN_MEMORY_CHANNEL)
    async with staged() as stage:
        await stage.reconcile(item, subscription("a", item))
        await stage.delete(key_of(item))
        await stage.reconcile()
        assert "ChannelReferenceFailed" == (await conditions(stage, SUBSCRIPTION.key("default", "a")))["Ready"][1]
        await stage.reconcile(item)
        assert ["a"] == [one["name"] for one in (await stage.store.get(key_of(item)))["spec"]["subscribers"]]
        assert ["a"] == [*stage.controller.brokers[key_of(item)].broker.triggers]
