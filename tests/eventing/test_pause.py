"""Pausing a Trigger by command: the resource says so, and the channel remembers it for those who read files again."""

from pathlib import Path

import pytest

from eventing.errors import NotFound
from eventing.resources.trigger_manner import PAUSED_ANNOTATION
from tests.e2e.manifests import broker, trigger
from tests.eventing.stage import Stage, staged, trigger_key

URL = "http://sink.test"


def annotated(value: str) -> dict[str, object]:
    item = trigger("t", URL)
    item["metadata"]["annotations"] = {PAUSED_ANNOTATION: value}
    return item


def is_paused(stage: Stage) -> bool:
    spec, view = stage.trigger().spec, stage.controller.triggers[trigger_key()].view
    assert spec.manner == view.manner, "the lane does what the status shows"
    return spec.manner.is_paused


async def test_a_paused_trigger_says_so_and_is() -> None:
    """When the command returns; and the same for resuming. Twice is once."""
    async with staged() as stage:
        await stage.reconcile(broker("b"), trigger("t", URL))
        for _ in range(2):
            await stage.controller.set_paused(trigger_key(), is_paused=True)
            assert "true" == (await stage.store.get(trigger_key()))["metadata"]["annotations"][PAUSED_ANNOTATION]
            assert is_paused(stage)
        await stage.controller.set_paused(trigger_key(), is_paused=False)
        assert PAUSED_ANNOTATION not in (await stage.store.get(trigger_key()))["metadata"]["annotations"]
        assert not is_paused(stage)


async def test_files_that_are_silent_do_not_resume_it() -> None:
    """They are applied again without the annotation, and say nothing about pausing."""
    async with staged() as stage:
        await stage.reconcile(broker("b"), trigger("t", URL))
        await stage.controller.set_paused(trigger_key(), is_paused=True)
        await stage.reconcile(trigger("t", URL))
        assert is_paused(stage)


async def test_a_file_that_speaks_counts_for_more() -> None:
    """Its word is what somebody wrote down."""
    async with staged() as stage:
        await stage.reconcile(broker("b"), trigger("t", URL))
        await stage.controller.set_paused(trigger_key(), is_paused=True)
        await stage.reconcile(annotated("false"))
        assert not is_paused(stage)


async def test_it_stays_paused_over_a_restart(tmp_path: Path) -> None:
    """Though the files, which are all there is of resources, never said so."""
    for name in ("first", "second"):
        async with staged(data_dir=tmp_path) as stage:
            await stage.reconcile(broker("b"), trigger("t", URL))
            if name == "first":
                await stage.controller.set_paused(trigger_key(), is_paused=True)
            assert is_paused(stage)


async def test_a_trigger_of_a_deleted_ones_name_is_not_paused(tmp_path: Path) -> None:
    """The pause goes with the Trigger."""
    async with staged(data_dir=tmp_path) as stage:
        await stage.reconcile(broker("b"), trigger("t", URL))
        await stage.controller.set_paused(trigger_key(), is_paused=True)
        await stage.delete(trigger_key())
        await stage.controller.reconcile()
        await stage.reconcile(trigger("t", URL))
        assert not is_paused(stage)


async def test_who_is_not_there_cannot_be_paused() -> None:
    """And is told."""
    async with staged() as stage:
        with pytest.raises(NotFound):
            await stage.controller.set_paused(trigger_key(), is_paused=True)
