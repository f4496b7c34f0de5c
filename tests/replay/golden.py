"""Where recorded histories are kept, and what they were recorded from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from temporalio.client import WorkflowHistory

HERE = Path(__file__).resolve().parent
HISTORIES = HERE / "histories"
SOURCES_FILE = HERE / "sources.json"
WORKFLOWS_FOLDER = HERE.parents[1] / "workflows"


def sources() -> dict[str, str]:
    """Each workflow module and the sha256 of its text as it is now."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(WORKFLOWS_FOLDER.glob("*.py"))
        if file.name != "__init__.py"
    }


def recorded_sources() -> dict[str, str]:
    """The same, as of the last recording."""
    found: dict[str, str] = json.loads(SOURCES_FILE.read_text(encoding="utf-8"))
    return found


def note_sources() -> None:
    """Write down that the histories belong to the workflows as they are now."""
    SOURCES_FILE.write_text(json.dumps(sources(), indent=2) + "\n", encoding="utf-8")


def files() -> list[Path]:
    """The recorded histories, named ``Workflow.story.json``."""
    return sorted(HISTORIES.glob("*.json"))


def load(file: Path) -> WorkflowHistory:
    """A recorded history."""
    return WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))
