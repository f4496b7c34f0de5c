"""What histories tell: how many events and workflow tasks a party cost, and the shape that the bare layout copies."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from benchmarks.bare_workflows import Layout

_SETTLE_S = 0.5
_AT_ONCE = 16

_COUNTED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "workflows",
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: "workflow tasks",
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: "failed workflow tasks",
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: "lost workflow tasks",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "children",
    EventType.EVENT_TYPE_MARKER_RECORDED: "local activities",
    EventType.EVENT_TYPE_TIMER_STARTED: "timers",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search attribute upserts",
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: "signals",
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "server activities",
}


@dataclass(slots=True)
class Told:
    """A workflow's history in numbers; ``counts`` has the names of ``_COUNTED``, ``events`` and ``bytes``."""

    workflow_id: str
    input_bytes: int = 0
    results: list[int] = field(default_factory=list)
    children: list[Told] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def total(self) -> Counter[str]:
        """Counts with those of its children."""
        found = Counter(self.counts)
        for child in self.children:
            found.update(child.total())
        return found

    def layout(self) -> Layout:
        """The same shape for the bare layout: the party rests after its last local activity."""
        made = self._layout()
        _last_with_steps(made).last = True
        return made

    def _layout(self) -> Layout:
        return Layout(
            name=self.workflow_id.rpartition("/")[2],
            results=self.results,
            children=[child._layout() for child in self.children],
            timer=bool(self.counts["timers"]),
            last=False,
            padding="x" * self.input_bytes,
        )


def _last_with_steps(layout: Layout) -> Layout:
    found = layout
    for child in layout.children:
        if child.results:
            found = _last_with_steps(child)
    return found


async def read_all(client: Client, workflow_ids: Iterable[str]) -> list[Told]:
    """The histories of ``workflow_ids`` and of all their children, when nothing is added to them any more."""
    ids = list(workflow_ids)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(workflow_id: str) -> Told:
        async with gate:
            told, children = await _read(client, workflow_id)
        told.children = list(await asyncio.gather(*(read(child) for child in children)))
        return told

    before = -1
    while True:
        found = list(await asyncio.gather(*(read(each) for each in ids)))
        events = sum(told.total()["events"] for told in found)
        if events == before:
            return found
        before = events
        await asyncio.sleep(_SETTLE_S)


async def _read(client: Client, workflow_id: str) -> tuple[Told, list[str]]:
    told, children = Told(workflow_id), []
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        told.counts["events"] += 1
        told.counts["bytes"] += event.ByteSize()
        if event.event_type in _COUNTED and not _is_other_marker(event):
            told.counts[_COUNTED[event.event_type]] += 1
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            started = event.workflow_execution_started_event_attributes
            told.input_bytes = sum(len(payload.data) for payload in started.input.payloads)
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED and not _is_other_marker(event):
            told.results.append(_result_bytes(event))
        elif event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
            child = event.child_workflow_execution_started_event_attributes
            children.append(child.workflow_execution.workflow_id)
    return told, children


def _is_other_marker(event: HistoryEvent) -> bool:
    name = event.marker_recorded_event_attributes.marker_name
    return event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED and name != "core_local_activity"


def _result_bytes(event: HistoryEvent) -> int:
    details = event.marker_recorded_event_attributes.details
    return sum(len(payload.data) for payload in details["result"].payloads) if "result" in details else 0
