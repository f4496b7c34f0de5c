"""Only the command that is asked for is built: what it says of itself is the same as where all of them are."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from fastbrand.cli.main import app
from tests.cli.driver import Cli

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-rule-tests")]


@pytest.mark.parametrize(
    "words",
    [
        "demo --help",
        "party --help",
        "party show --help",
        "party plan --help",
        "party plan propose --help",
        "upkeep run --help",
        "rules check --help",
    ],
)
def test_help_is_the_same(warm: Cli, words: str) -> None:
    whole = CliRunner().invoke(app, words.split(), prog_name="fastbrand")
    assert whole.exit_code == 0
    assert warm(*words.split()).fine().out.split() == whole.stdout.split()  # lines are as long as a terminal is wide


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pary show", "no such command `pary`"),
        ("party shw", "Did you mean `show`"),
        ("party plan popose", "Did you mean `propose`"),
        ("rules --nonsense", "--nonsense"),
        ("demo party", "party"),
    ],
)
def test_a_word_that_names_nothing_is_told_as_ever(warm: Cli, words: str, said: str) -> None:
    assert said in warm(*words.split()).failed(2, "usage")
