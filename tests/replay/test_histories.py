"""Workflows that run since before a change go on after it: recorded histories replay on the code of today."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.converter import WithSerializationContext, WorkflowSerializationContext
from temporalio.worker import Replayer

from fastbrand.payload_converter import DATA_CONVERTER
from fastbrand.workflow_runner import workflow_runner
from tests.replay import golden
from tests.workflows.given import BRAND, FAST_BRAND
from workflows.messages import EndorsementInput
from workflows.registry import WORKFLOWS

FILES = golden.files()
NAMES = [workflow._Definition.must_from_class(each).name for each in WORKFLOWS]


@workflow.defn(name="Endorsement", sandboxed=False)
class Restless:
    """Not our ``Endorsement``: it waits twice."""

    @workflow.run
    async def run(self, start: EndorsementInput) -> str:
        """Wait twice."""
        await asyncio.sleep(1)
        await asyncio.sleep(1)
        return start.endorsement_id


def _replayer(workflows: list[type]) -> Replayer:
    runner = workflow_runner(strict=True)
    return Replayer(workflows=workflows, data_converter=DATA_CONVERTER, workflow_runner=runner)


def test_no_payload_needs_a_context() -> None:
    """Our sandbox gives none."""
    assert (DATA_CONVERTER.payload_codec, DATA_CONVERTER.external_storage) == (None, None)
    one, other = DATA_CONVERTER.payload_converter_class(), DATA_CONVERTER.payload_converter_class()
    assert one is other
    context = WorkflowSerializationContext(namespace="default", workflow_id="party/x")
    assert isinstance(one, WithSerializationContext)
    assert one.with_context(context) is one  # it would be everybody's


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    replayer = _replayer(WORKFLOWS)
    result = await replayer.replay_workflow(golden.load(file))
    assert result.replay_failure is None


def test_every_workflow_has_a_history() -> None:
    assert {file.name.partition(".")[0] for file in FILES} == set(NAMES)


def test_histories_belong_to_the_workflows_of_today() -> None:
    changed = [name for name, sha in golden.sources().items() if golden.recorded_sources().get(name) != sha]
    gone = sorted(set(golden.recorded_sources()) - set(golden.sources()))
    assert not changed + gone, (
        f"{', '.join(changed + gone)} changed since the histories were recorded: run `.venv/bin/python "
        "tests/replay/record.py --keep`, and record a story (without `--keep`) for what is new"
    )


async def test_a_workflow_that_does_other_things_does_not_replay() -> None:
    """Otherwise the tests above could not fail."""

    replayer = _replayer([Restless])
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(golden.load(golden.HISTORIES / "Endorsement.term.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_history_tells_nothing_about_the_machine_and_no_facts(file: Path) -> None:
    texts = list(_texts(json.loads(file.read_text(encoding="utf-8"))))
    assert len(texts) > 20
    for text in texts:
        assert not re.search(r"/(home|root|tmp|work|Users|var)/", text), text
        assert set(re.findall(r"\d+@[\w.-]+", text)) <= {"1@recorder"}, text
        assert not any(given in text for given in (FAST_BRAND["brand_name"], BRAND["brand_name"])), text


def _texts(value: Any) -> Iterator[str]:
    """Every text in a history, payloads decoded."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "data" and isinstance(part, str):
                yield base64.b64decode(part).decode("utf-8", "replace")
            else:
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
