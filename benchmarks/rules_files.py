"""How long a policy person waits: ``rules check`` of 1,000 criteria, 1,000 rule tests, a new book, a comparison.

    .venv/bin/python -m benchmarks.rules_files --rounds 5

**check**: a book of ``--criteria`` criteria of every shape (``tables``, ``all``, ``any``, ``when``, least samples) over
facts of every type is checked, static analysis and all, beside what ruamel.yaml's ``compose()`` alone takes to read the
same files in this process. Rounds are interleaved; compared are ratios of one round.

**check, the command**: the same as the whole command ``fastbrand rules check``, interpreter, imports and all, beside an
interpreter that only composes the files.

**test**: ``fastbrand rules test`` of ``--cases`` cases: those of the shipped book, as often as it takes.

**reload**: a changed book given to an engine at work: until its first decision, in the child process that decided by
the old one a moment ago; and how long a decision takes when the book is known.

**diff**: ``fastbrand rules diff`` of the shipped book and of one with a threshold changed in each of four rule books.

Seconds are the clock's, and of the processor (all processes together), which tells more where a machine is shared.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from rules.engine import RuleEngine
from rules.loader import load_directory
from rules.records import Observed, Record

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "rules" / "book"
AS_OF = datetime(2022, 8, 1, tzinfo=UTC)
CHANGES = (
    ("fast-brand.eligibility.yaml", "live_days_30d: {at_least: 8}", "live_days_30d: {at_least: 6}"),
    ("traffic-bonus.incentive.yaml", "single_grant: ", "single_grant: 1"),
    ("review.routing.yaml", "sla: 3 business days", "sla: 4 business days"),
    ("fast-brand.maintenance.yaml", "streak: {at_least: 3}", "streak: {at_least: 4}"),
)
"""File of the shipped book, a text in it, and what stands there afterwards. A text that is gone is an error."""

_TYPES = ("ratio", "count", "score", "money", "duration", "flag", "choice")
_LITERALS: dict[str, Callable[[int], str]] = {
    "ratio": lambda number: f"{5 + number % 90}%",
    "count": lambda number: f"{10 + number % 900:_}",
    "score": lambda number: f"{20 + number % 70}.5",
    "money": lambda number: f"{1 + number % 90}00_000 CNY",
    "duration": lambda number: f"{1 + number % 50} hours",
}


# --- a large book -------------------------------------------------------------------------------------------------


def large_book(directory: Path, criteria: int) -> None:
    """Write a book of so many criteria, no two the same, into ``directory``: programme, facts and one rule book."""
    facts = max(len(_TYPES), criteria // 4)
    shutil.copy(ROOT / "benchmarks" / "rules_book" / "programme.yaml", directory / "programme.yaml")
    lines = ["kind: facts", 'version: "1"', "facts:", *(_fact(number) for number in range(facts))]
    (directory / "facts.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    head = ["rulebook: large", "kind: eligibility", 'version: "1"', "parties: [M]", "in_flight: pin"]
    head += ["title: {en: Large, zh: 大}", "", "criteria:"]
    rows = [
        "",
        "outcomes:",
        "  - {when: {failed: reject}, then: ineligible}",
        "  - {when: {failed: refer}, then: refer}",
    ]
    rows += ["  - {when: {unknown: true}, then: refer}", "  - {then: eligible}"]
    text = "\n".join([*head, *(_criterion(number, facts) for number in range(criteria)), *rows])
    (directory / "large.eligibility.yaml").write_text(text + "\n", encoding="utf-8")


def _fact(number: int) -> str:
    kind = _TYPES[number % len(_TYPES)]
    more = {
        "ratio": "range: [0%, 100%], sample: f1, ",
        "count": "range: [0, 1_000_000], ",
        "score": "decimals: 1, range: [0, 100], ",
        "money": "range: [0 CNY, 100_000_000 CNY], ",
        "duration": "unit: hours, ",
        "choice": "choices: {a: {en: A, zh: 甲}, b: {en: B, zh: 乙}, c: {en: C, zh: 丙}}, ",
    }.get(kind, "")
    return f"  f{number}: {{type: {kind}, {more}title: {{en: Fact {number}, zh: 事实{number}}}}}"


def _criterion(number: int, facts: int) -> str:
    """A criterion: by turns plain, by a table, nested, with a condition, with a least sample."""
    of_type = {kind: range(place, facts, len(_TYPES)) for place, kind in enumerate(_TYPES)}

    def fact(kind: str, step: int = 0) -> str:
        return f"f{of_type[kind][(number + step) % len(of_type[kind])]}"

    def leaf(kind: str, step: int = 0) -> str:
        if kind == "flag":
            return f"{{{fact(kind, step)}: {{is: true}}}}"
        if kind == "choice":
            return f"{{{fact(kind, step)}: {{one_of: [a, b]}}}}"
        op = ("at_least", "at_most", "more_than", "less_than")[number % 4]
        return f"{{{fact(kind, step)}: {{{op}: {_LITERALS[kind](number)}}}}}"

    kind = _TYPES[number // 7 % 5]
    text = _LITERALS[kind]
    require, more = [
        (f"    require: {leaf(_TYPES[number % len(_TYPES)])}", ""),
        (
            f"    require:\n      {fact(kind)}:\n        at_least: {{by: {fact('choice')}, a: {text(number)}, "
            f"b: {text(number + 1)}, default: {text(number + 2)}}}",
            "",
        ),
        (f"    require:\n      any:\n        - {leaf(kind)}\n        - all: [{leaf('flag')}, {leaf('count', 1)}]", ""),
        (f"    when: {leaf('choice')}\n    require: {leaf(kind)}", ""),
        (f"    require: {leaf('ratio')}", "\n    min_sample: 30"),
    ][number % 5]
    otherwise = ("refer", "reject", "note")[number % 3]
    return (
        f"  - id: part{number % 9}.c{number}\n    group: part{number % 9}\n"
        f"    title: {{en: Criterion {number}, zh: 指标{number}}}\n{require}{more}\n    otherwise: {otherwise}"
    )


# --- measuring ----------------------------------------------------------------------------------------------------


def _clocks() -> tuple[float, float]:
    """The clock's time, and processor seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    began = _clocks()
    work()
    seconds, processor = (now - then for now, then in zip(_clocks(), began, strict=True))
    return {"seconds": seconds, "processor": processor}


def interleaved(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, Any]:
    """Median seconds of each side, and the medians of the first one's ratios to the second in the same round."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            found[side].append(_timed(sides[side]))
    told: dict[str, Any] = {}
    if len(sides) == 2:
        for unit in ("seconds", "processor"):
            ratios = [one[unit] / max(other[unit], 1e-9) for one, other in zip(*found.values(), strict=True)]
            told[f"ratio of {unit}"] = round(statistics.median(ratios), 2)
    for side, each in found.items():
        for unit in ("seconds", "processor"):
            told[f"{side}, {unit}"] = round(statistics.median(one[unit] for one in each), 3)
    return told


def compose(directory: Path) -> None:
    """What reading alone costs: ``compose()`` of every file, in pure Python like ours, which needs its positions."""
    for path in sorted(directory.glob("*.yaml")):
        YAML(typ="safe", pure=True).compose(path.read_text(encoding="utf-8"))


def _command(*arguments: str, codes: Sequence[int] = (0,)) -> str:
    """What a ``fastbrand`` command prints; it must end with one of ``codes``."""
    script = Path(sys.executable).with_name("fastbrand")
    done = subprocess.run([str(script), *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"`fastbrand {' '.join(arguments)}` ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


def check(directory: Path, criteria: int, rounds: int) -> Iterator[dict[str, Any]]:
    """``rules check`` of a large book beside ``compose()``: as functions in this process, and as whole commands."""
    from fastbrand.service import checking

    large_book(directory, criteria)
    errors = [each for each in checking.check(directory)["mistakes"] if each["grade"] == "error"]
    if errors:
        raise SystemExit(f"the book that was made has mistakes: {errors[0]}")
    size = sum(path.stat().st_size for path in directory.glob("*.yaml"))
    about = {"criteria": criteria, "bytes": size}
    ours = {"check": lambda: checking.check(directory), "compose()": lambda: compose(directory)}
    yield {"what": "check", **about, **interleaved(ours, rounds)}
    alone = (
        "import sys; from pathlib import Path; from benchmarks import rules_files as f; f.compose(Path(sys.argv[1]))"
    )
    commands = {
        "check": lambda: _command("rules", "check", str(directory), codes=(0, 1)),
        "compose()": lambda: subprocess.run([sys.executable, "-c", alone, str(directory)], cwd=ROOT, check=True),
    }
    yield {"what": "check, the command", **about, **interleaved(commands, rounds)}


def test(directory: Path, cases: int, rounds: int) -> dict[str, Any]:
    """``rules test`` of so many cases, all of which pass."""
    shutil.copytree(SHIPPED, directory, dirs_exist_ok=True)
    suite = {path: path.read_text(encoding="utf-8") for path in sorted((directory / "tests").glob("*.yaml"))}
    one = json.loads(_command("rules", "test", str(directory), "--json"))["passed"]
    for copy in range(1, -(-cases // one)):
        for path, text in suite.items():
            path.with_stem(f"{path.stem}-{copy}").write_text(text, encoding="utf-8")
    told = json.loads(_command("rules", "test", str(directory), "--json"))
    if told["failed"] or told["passed"] < cases:
        raise SystemExit(f"{told['passed']} cases passed and {told['failed']} failed: there should be {cases}")
    sides = {"test": lambda: _command("rules", "test", str(directory))}
    return {"what": "test", "cases": told["passed"], **interleaved(sides, rounds)}


def reload(directory: Path, rounds: int) -> dict[str, Any]:
    """A new book, from its files to the first decision, in the processes that are at work already."""
    book = ROOT / "benchmarks" / "rules_book"
    shutil.copytree(book, directory, dirs_exist_ok=True)
    path = directory / "flat.eligibility.yaml"
    text = path.read_text(encoding="utf-8")
    known = load_directory(directory)
    record = Record("p", {"live_days_30d": Observed("10")})
    took: dict[str, list[float]] = {"new book": [], "known book": []}
    with RuleEngine() as engine:

        def observed(closure: bytes) -> str:
            (decision,) = engine.decide(closure, "flat", [record], as_of=AS_OF)
            if isinstance(decision, Exception):
                raise decision
            return next(each.verdict for each in decision.findings if each.criterion == "content.days")

        observed(known.closure)
        processes = _children()
        for number in range(rounds):
            limit = 5 + number % 9
            changed = text.replace("live_days_30d: {at_least: 8}", f"live_days_30d: {{at_least: {limit}}}")
            path.write_text(f"{changed}# {number}\n", encoding="utf-8")
            began = time.perf_counter()
            verdict = observed(load_directory(directory).closure)
            took["new book"].append(time.perf_counter() - began)
            if verdict != ("pass" if limit <= 10 else "fail"):
                raise SystemExit(f"the new book wants {limit}, and 10 is a {verdict}")
            began = time.perf_counter()
            observed(known.closure)
            took["known book"].append(time.perf_counter() - began)
        if _children() != processes:
            raise SystemExit("a process was started anew")
    return {"what": "reload", **{f"{what}, seconds": round(statistics.median(each), 4) for what, each in took.items()}}


def _children() -> set[str]:
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {pid for task in tasks for pid in task.read_text(encoding="ascii").split()}


def diff(directory: Path, rounds: int) -> dict[str, Any]:
    """``rules diff`` of the shipped book and a changed one, meaning, witnesses and all."""
    shutil.copytree(SHIPPED, directory, dirs_exist_ok=True)
    for name, old, new in CHANGES:
        path = directory / name
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise SystemExit(f"`{name}` has no `{old}` any more")
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    told = json.loads(_command("rules", "diff", str(SHIPPED), str(directory), "--json", codes=(0, 1)))
    same = {"diff": lambda: _command("rules", "diff", str(SHIPPED), str(directory), codes=(0, 1))}
    about = {"relation": told["relation"], "witnesses": len(told["witnesses"]), "changes": len(told["changes"])}
    return {"what": "diff", **about, **interleaved(same, rounds)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks and print what they found, one JSON document each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--criteria", type=int, default=1_000)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        places = [Path(temporary, name) for name in ("large", "tested", "changing", "compared")]
        for place in places:
            place.mkdir()
        for told in check(places[0], given.criteria, given.rounds):
            print(json.dumps(told, indent=2), flush=True)
        print(json.dumps(test(places[1], given.cases, given.rounds), indent=2), flush=True)
        print(json.dumps(reload(places[2], given.rounds), indent=2), flush=True)
        print(json.dumps(diff(places[3], given.rounds), indent=2), flush=True)


if __name__ == "__main__":
    main()
