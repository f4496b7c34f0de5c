"""The benchmarks run, and what they compare agrees. Nothing is timed in here: the sizes are tiny."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from benchmarks import intake, population, rules_engines, rules_files
from benchmarks.rules_cedar import cedar_policies
from benchmarks.rules_jsonlogic import jsonlogic_rules
from benchmarks.rules_parties import parties
from benchmarks.rules_policy import Answer, Policy, policy
from benchmarks.rules_rego import rego_module
from benchmarks.rules_zen import zen_model
from rules.loader import load_directory
from rules.model import Book

PEERS = {
    "zen-engine with trace": "zen",
    "zen-engine with trace and findings": "zen",
    "zen-engine without trace": "zen",
    "cedarpy": "cedarpy",
    "datalogic-py": "datalogic_py",
    "regopy": "regopy",
}


def documents(text: str) -> Iterator[dict[str, Any]]:
    """The JSON documents in ``text``, one after another."""
    decoder, place = json.JSONDecoder(), 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        told, place = decoder.raw_decode(text, place)
        yield told


@pytest.fixture(scope="module")
def book() -> Book:
    return load_directory(rules_engines.BOOK)


@pytest.mark.parametrize("name", rules_engines.POLICIES)
def test_engines_agree_and_are_measured(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["--parties", "150", "--rounds", "1", "--seconds", "0.001", "--population", "20000"]
    rules_engines.main(["--policy", name, *tiny])
    engines, columns, versions = documents(capsys.readouterr().out)
    assert set(engines["outcomes"]) == {"eligible", "refer", "ineligible"}
    assert sum(engines["outcomes"].values()) == 150
    here = {each for each, module in PEERS.items() if util.find_spec(module) is not None}
    told = [each["engine"] for each in engines["engines"]]
    assert told[:3] == ["ours", "ours, facts read already", "ours, child process"]
    assert set(told[3:]) == here
    assert set(engines.get("absent", {})) == set(PEERS) - here
    assert all(each["median us"] > 0 and each["in batches, to ours"] > 0 for each in engines["engines"])
    assert columns["parties"] == 20_000
    assert columns["ratio"] > 0
    assert "polars" in versions["versions"]


def test_a_difference_between_engines_ends_the_run(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_engines.OursInChild, "answer", lambda _self, decided: wrong(decided.outcome))
    with pytest.raises(SystemExit, match="ours, child process says otherwise about party 0"):
        rules_engines.run(book, "flat", 3, 1, 0.001)


def wrong(outcome: str) -> Answer:
    """Another answer than the right one."""
    return Answer(outcome, ("nothing",), ())


@pytest.mark.parametrize("name", rules_engines.POLICIES)
def test_every_language_has_the_whole_policy(name: str, book: Book) -> None:
    asked: Policy = policy(book, name)
    assert len(asked.rules) == 20
    with_ids = [cedar_policies(asked), rego_module(asked)]
    with_keys = [
        json.dumps(each) for each in (zen_model(asked), zen_model(asked, findings=True), jsonlogic_rules(asked))
    ]
    for rule in asked.rules:
        assert all(f'"{rule.id}' in text for text in with_ids)
        assert all(f'"{rule.key}"' in text for text in with_keys)


def test_parties_are_the_same_every_time_and_stand_on_thresholds(book: Book) -> None:
    drawn = parties(book, 500)
    assert [each.plain for each in drawn] == [each.plain for each in parties(book, 500)]
    assert any(each.plain.get("rights_score") == 600 for each in drawn)
    assert all(set(each.record.facts) == set(each.plain) for each in drawn)
    assert any(len(each.plain) < len(book.facts) for each in drawn)


def test_population_is_decided_alike_by_both_sides(tmp_path: Path) -> None:
    source = tmp_path / "sellers.parquet"
    population.sellers(3_000).sink_parquet(source)
    told = population.run(source, 3_000, 1, stream=True)
    assert sum(told["answers"].values()) == 3_000
    assert len({outcome.partition(",")[0] for outcome in told["answers"]}) == 3
    assert told["ours, peak MB"] > 0


@pytest.mark.slow
def test_what_a_policy_person_waits_for_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    rules_files.main(["--criteria", "60", "--cases", "40", "--rounds", "1"])
    checked, commanded, tested, reloaded, compared = documents(capsys.readouterr().out)
    assert checked["criteria"] == commanded["criteria"] == 60
    assert tested["cases"] >= 40
    assert reloaded["new book, seconds"] > 0
    assert compared["relation"] in ("stricter", "looser", "incomparable")
    assert compared["changes"] == len(rules_files.CHANGES)


@pytest.mark.slow
@pytest.mark.server
def test_rows_of_a_file_are_measured_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    intake.main(["--rows", "40", "--parts", "2", "--settle", "0.1"])
    told = capsys.readouterr().out
    until = [int(line.split()[0]) for line in told.splitlines() if line.split()[:1] and line.split()[0].isdigit()]
    assert len(until) == 2
    assert until == sorted(until)
    assert until[-1] == 40
    assert "last part to first part" in told
