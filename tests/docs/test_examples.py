"""Brokers of the examples, as a server would take them."""

from pathlib import Path

import pytest
import yaml

from eventing.resources.admission import admit
from eventing.resources.broker import Broker
from eventing.resources.broker_channel import choose_channel
from eventing.resources.catalogue import Catalogue
from eventing.resources.engine import EngineDefaults, EngineName, address_of
from eventing.resources.identity import Key, Object, key_of
from eventing.resources.kind import Context

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(("folder", "address"), [("kafka", "localhost:9092"), ("redis", "redis://localhost:6379")])
def test_a_broker_rests_where_its_example_says(folder: EngineName, address: str) -> None:
    objects: dict[Key, Object] = {}
    for given in yaml.safe_load_all((EXAMPLES / folder / "broker.yaml").read_text()):
        served = Catalogue().find(given["apiVersion"], given["kind"])
        assert served is not None
        given["metadata"].setdefault("namespace", "default")
        item = admit(served, given, context=Context()).item
        objects[key_of(item)] = item
    (broker,) = (item for item in objects.values() if item["kind"] == "Broker")
    engine = choose_channel(Broker.of(broker), objects.get, EngineDefaults())
    assert (folder, address) == (engine.name, address_of(engine))
