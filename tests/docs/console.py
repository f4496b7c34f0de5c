"""Pages as sessions: the commands of their ``console`` blocks, and what they claim that those print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"\b\d{1,2} [A-Z][a-z]+ \d{4}\b"), "<day>"),
    (re.compile(r"\b20\d\d-\d\d\b"), "<month>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<sha256>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of a page and the lines below it; ``...`` stands for any lines."""

    command: str
    lines: list[str] = field(default_factory=list)

    @property
    def fails(self) -> bool:
        """Whether the page shows that it ends with an error."""
        return any(line.startswith("fastbrand: error") for line in self.lines)


def commands(text: str) -> Iterator[Shown]:
    """The commands of a page, in order."""
    for block in _BLOCK.finditer(text):
        shown: Shown | None = None
        for line in block[1].splitlines():
            if line.startswith("$ "):
                if shown is not None:
                    yield shown
                shown = Shown(line[2:])
            elif shown is not None and shown.command.endswith("\\") and not shown.lines:
                shown = Shown(f"{shown.command[:-1]}{line.strip()}")
            else:
                assert shown is not None, f"output before any command: {line}"
                shown.lines.append(line)
        if shown is not None:
            yield shown


def plain(line: str) -> str:
    """A line without what differs from run to run: times, hashes, ports; rules of tables in one length."""
    for pattern, word in _VOLATILE:
        line = pattern.sub(word, line)
    return re.sub("─{3,}", "───", line.rstrip())


def untrue(expected: list[str], printed: str) -> str:
    """The first shown line that was not printed where it stands; empty when all is true."""
    there = [plain(line) for line in printed.splitlines()]
    at, anywhere = 0, False
    for line in map(plain, expected):
        if line == "...":
            anywhere = True
            continue
        while at < len(there) and there[at] != line and (anywhere or not there[at]):
            at += 1
        if at == len(there) or there[at] != line:
            return line
        at, anywhere = at + 1, False
    return "" if anywhere or not expected or not any(there[at:]) else f"printed further: {there[at]}"


def linked(text: str, page: Path) -> Iterator[Path]:
    """The files that a page links to."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if path and "://" not in path:
            yield (page.parent / path).resolve()
