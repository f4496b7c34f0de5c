"""The reader of pages finds what is not true: otherwise the tests of pages could not fail."""

from __future__ import annotations

import pytest

from tests.docs.console import commands, untrue

PRINTED = "stage  endorsed\nbook   " + "a" * 64 + "\n\ndue    2026-11-22T11:49:19Z\nend\n"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["stage  endorsed", "..."],
        ["...", "end"],
        ["...", "due    2022-08-17T06:32:00Z", "end"],
        ["stage  endorsed", "book   " + "b" * 64, "", "due    2022-08-17T06:32:00Z", "end"],
    ],
)
def test_true(lines: list[str]) -> None:
    assert untrue(lines, PRINTED) == ""


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (["stage  rejected", "..."], "stage  rejected"),
        (["end", "...", "stage  endorsed"], "end"),
        (["...", "end", "stage  endorsed"], "stage  endorsed"),
        (["stage  endorsed", "end"], "end"),
        (["stage  endorsed"], "printed further: book   <sha256>"),
        (["...", "due    soon", "..."], "due    soon"),
    ],
)
def test_untrue(lines: list[str], wrong: str) -> None:
    assert untrue(lines, PRINTED) == wrong


def test_commands_of_a_page() -> None:
    first, second = "```console\n$ one\nsays\n$ two\n```\n", "```console\n$ three\nfastbrand: error[x]: y (z)\n```\n"
    page = f"text\n{first}```text\n$ no\n```\n{second}```console\n$ four \\\n    --five\nsays\n```\n"
    assert [(shown.command, shown.lines, shown.fails) for shown in commands(page)] == [
        ("one", ["says"], False),
        ("two", [], False),
        ("three", ["fastbrand: error[x]: y (z)"], True),
        ("four --five", ["says"], False),
    ]
