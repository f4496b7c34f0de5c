"""README and the first steps, carried out: what they say must be typed is typed, what they show must be true."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.cli.driver import ROOT, Cli, Up, Warm, clean_environment, until
from tests.docs.console import Shown, commands, untrue

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_STEPS = (ROOT / "examples" / "first-steps" / "README.md").read_text(encoding="utf-8")
TYPED = [shown for shown in commands(README) if not shown.command.startswith("make ")]

pytestmark = pytest.mark.xdist_group("readme")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that looks like a clone after ``make run``, with a state of its own."""
    place = tmp_path_factory.mktemp("readme") / "clone"
    place.mkdir()
    for name in ("examples", "rules", "people.yaml"):
        (place / name).symlink_to(ROOT / name)
    (place / ".venv").symlink_to(sys.prefix)
    return place


@pytest.fixture(scope="module")
def up(clone: Path) -> Iterator[Up]:
    """``fastbrand up`` in the clone, as the README says to keep it running in one terminal."""
    cli = Cli(clone / "var")
    with Up(cli) as running:
        yield running


def test_commands_that_make_does() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    asked = [shown.command.split()[1] for shown in commands(README) if shown.command.startswith("make ")]
    assert set(asked) == {"run", "test"} <= set(targets)


@pytest.mark.server
@pytest.mark.slow
def test_first_five_minutes(clone: Path, up: Up) -> None:
    """Every command of the README in a shell, one after the other; each prints what the README shows."""
    exports: list[str] = []
    typed = 0
    for shown in TYPED:
        if shown.command.startswith("export "):
            exports.append(shown.command)
            continue
        if shown.command == "fastbrand up":
            until(partial(printed_by, up, shown), up.said)
            continue
        said = in_shell("; ".join([*exports, shown.command]), clone)
        check(shown, said.returncode, said.stdout)
        typed += 1
    assert typed >= 8


@pytest.mark.server
@pytest.mark.slow
def test_first_steps_go_on(clone: Path, up: Up) -> None:
    """The page that goes on with the other candidates, on the same state."""
    warm = Warm()
    cli = Cli(up.cli.state, warm=warm)
    sha = ""
    for shown in commands(FIRST_STEPS):
        words = shlex.split(shown.command)
        if words[:3] == ["fastbrand", "rules", "approve"]:
            assert len(words[3]) == 8
            words[3] = sha[:8]
        if words[0] != "fastbrand":
            done = in_shell(shown.command, clone)
            check(shown, done.returncode, done.stdout)
            continue
        by_engine = words[1:3] == ["rules", "decide"]
        ran = (Cli(cli.state) if by_engine else cli)(*words[1:], cwd=clone)
        check(shown, ran.code, ran.out + ran.err)
        sha = next(iter(re.findall(r"\b[0-9a-f]{64}\b", ran.out)), sha)
    warm.close()


def printed_by(up: Up, shown: Shown) -> bool:
    """Whether ``fastbrand up`` has printed what the page shows."""
    return not untrue(shown.lines, up.said())


def in_shell(line: str, place: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in a shell that has nothing of ours on its path."""
    environment = clean_environment(PATH=os.defpath + ":/usr/local/bin")
    return subprocess.run(
        ["bash", "-c", line],
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
        check=False,
    )


def check(shown: Shown, code: int, printed: str) -> None:
    """A command ended as its page shows, and printed what its page shows."""
    assert (code != 0) == shown.fails, f"$ {shown.command}\n{printed}"
    missing = untrue(shown.lines, printed)
    assert not missing, f"$ {shown.command}\nis not true: {missing}\nit printed:\n{printed}"


def test_result_of_make_run() -> None:
    """The funnel that the README shows is that of the sample under the shipped book, decided by the rules engine."""
    from activities.evaluating import Evaluated
    from fastbrand.domain.lifecycle import Track
    from fastbrand.service.sample import generate
    from rules.engine import RuleEngine
    from rules.loader import load_directory
    from rules.records import Observed, Record

    book = load_directory(ROOT / "rules" / "book")
    now = datetime.now(UTC)
    ends = {"M": {"person": 0, "reject": 0, "approve": 0}, "S": {"person": 0, "reject": 0, "approve": 0}}
    with RuleEngine() as engine:
        for made in generate(200, 1, book.facts, today=now.date()):
            record = Record(made.party_id, {name: Observed(text, now) for name, text in made.facts.items()})
            screening = engine.screen(book.closure, record, track=made.track, as_of=now)
            ends[made.track][Evaluated(record, Track(made.track), book.facts, screening).route()] += 1
    for track, ended in ends.items():
        applied = sum(ended.values())
        row = (track, applied, applied, ended["person"], ended["reject"], ended["approve"], ended["approve"])
        line = r"\s+".join(str(cell) for cell in row)
        assert re.search(f"^{line}$", README, re.MULTILINE), f"README does not show {row}"
