"""Pages that repeat the code are fresh, nothing is undocumented, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from scripts import docs
from tests.cli import shapes
from tests.docs.console import linked

ROOT = docs.ROOT
PAGES = [
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    if page.is_file()
]
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_blocks_are_fresh(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert docs.refreshed(text) == text, "run `make docs` and commit it"


def test_every_block_stands_on_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in docs.BLOCKS if f"made from {name}: begin" not in text] == []


def test_every_command_is_described() -> None:
    described = re.findall(r"^### `(fastbrand .+)`\n\n(.+)", CLI, re.MULTILINE)
    assert [words for words, _ in described] == [words for words, _ in docs.commands()]
    assert all(len(text) > 10 for _, text in described)


def test_shared_options_are_described_once() -> None:
    table = CLI.partition("## Options that mean the same everywhere")[2].partition("##")[0]
    assert [option for option in docs.SHARED if f"`{option}" not in table] == []


def test_every_variable_is_described() -> None:
    """Settings, and what is read from the environment without being one."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rooms = ("fastbrand", "workflows", "activities", "rules", "worker.py")
    files = [
        path for room in rooms for path in ([ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"))
    ]
    named = {name for path in files for name in re.findall(r"\bFASTBRAND_[A-Z_]+[A-Z]\b", path.read_text("utf-8"))}
    settings = {variable for variable, _, _ in docs.settings()}
    assert {"FASTBRAND_STATE", "TEMPORAL_ADDRESS"} <= settings
    assert [name for name in sorted(named | settings) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("command", "shape"),
    [
        ("demo", shapes.DEMO),
        ("party show", {**shapes.PARTY, "endorsement": shapes.ENDORSEMENT}),
        ("facts show", shapes.SHOWN_FACT),
        ("facts import", shapes.IMPORTED_FACTS),
        ("document list", shapes.DOCUMENT),
        ("document verify", shapes.VERIFIED),
        ("document get", shapes.GOT_FILE),
        ("case list", shapes.CASE),
        ("grant list", shapes.GRANT),
        ("grant consume GRANT", shapes.REPORTED),
        ("grant consume FILE", shapes.REPORTS),
        ("grant clawback", shapes.CLAWBACK),
        ("pool status", shapes.POOL),
        ("pool top-up", shapes.TOP_UP),
        ("provider list", shapes.PROVIDER),
        ("provider import", shapes.PROVIDER_IMPORT),
        ("provider match", shapes.PROVIDER_MATCH),
        ("provider offers", shapes.MATCH),
        ("talent list", shapes.TALENT),
        ("rules decide", shapes.DECISION),
        ("rules list", shapes.BOOK),
        ("audit list", shapes.EVENT),
    ],
)
def test_keys_that_scripts_rely_on(command: str, shape: dict[str, Any]) -> None:
    """The table names the keys that the tests of the command line hold the program to."""
    row = next(line for line in CLI.splitlines() if line.startswith("| ") and f"`{command}`" in line.split(" | ")[0])
    keys = re.findall(r"`(\w+)`", row.split(" | ")[1])
    assert sorted(keys) == sorted(shape)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [str(path) for path in linked(text, page) if not path.exists()] == []


def test_decisions_name_files_that_are_there() -> None:
    """Each record says which files enforce it; all records are listed."""
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        if page.name == "README.md":
            continue
        assert f"({page.name})" in index, f"{page.name} is not in the list"
        named = re.findall(
            r"`((?:fastbrand|workflows|activities|rules|tests|scripts)/[\w./-]+)`", page.read_text("utf-8")
        )
        assert [path for path in named if not (ROOT / path).exists()] == []
