"""Hostile files through the script: mistakes with their place or one clear line, never a trace, never a hang."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from tests.cli.driver import CANDIDATES, ROOT, Cli, Ran
from tests.hostile.mutations import check_text, mutated

TEMPLATE = ROOT / "rules" / "templates" / "book"
RULES = "fast-brand.eligibility.yaml"
BOMB = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c, c, c - 1, c - 1) for c in range(98, 122))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of one's own, with tests."""
    return Path(shutil.copytree(TEMPLATE, tmp_path / "book"))


def calm(ran: Ran, *codes: int) -> Ran:
    """Itself, where it ended in one of these ways and without a trace."""
    assert ran.code in codes, (ran.argv, ran.code, ran.out[-500:], ran.err[-500:])
    for said in (ran.out, ran.err):
        assert "Traceback" not in said
        assert "error[internal]" not in said
        assert "error[engine_fault]" not in said
    return ran


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (BOMB, "yaml_anchor"),
        (b"kind: " + b"[" * 5_000, "yaml_depth"),
        (b"- " * 100_000, "yaml_depth"),
        (b"#" * 50_000_000, "file_size"),
        ("kind: eligibility\ntitle: 快品牌\n".encode("gbk"), "file_encoding"),
        ("kind: eligibility\n".encode("utf-16"), "file_encoding"),
        (b"kind: eligibility\n\tversion: 1\n", "tab"),
        (b"kind: eligibility\nversion: \x00\n", "bad_character"),
        (b"kind: eligibility\nversion: \x1b[2J\n", "bad_character"),
        (b"kind: eligibility\nkind: routing\n", "duplicate_key"),
        (b"kind: !!python/object/apply:os.system [ls]\n", "yaml_tag"),
        (b"kind: eligibility\n---\nkind: routing\n", "yaml_documents"),
        (b"", "file_empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_rule_file(warm: Cli, book: Path, content: bytes, code: str) -> None:
    (book / RULES).write_bytes(content)
    for path in (book, book / RULES):
        document = calm(warm("rules", "check", path, "--json"), 1).json()
        assert not document["ok"]
        assert code in {each["code"] for each in document["mistakes"]}
    assert f"error[{code}]" in calm(warm("rules", "check", book), 1).out
    calm(warm("rules", "test", book), 2).failed(2, "rule_file", "mistake")
    assert f"error[{code}]" in warm("rules", "diff", TEMPLATE, book).err
    (book / "tests" / "fast-brand.yaml").write_bytes(content)
    shutil.copy(TEMPLATE / RULES, book / RULES)
    ran = calm(warm("rules", "test", book, "--json"), 1).json()
    assert code in {each["code"] for each in ran["mistakes"]}


def test_what_is_no_file(warm: Cli, book: Path) -> None:
    """A pipe is not waited for, and links that lead nowhere, or in a circle, are told."""
    os.mkfifo(book / "pipe.yaml")
    os.mkfifo(book / "tests" / "pipe.yaml")
    (book / "loop.yaml").symlink_to("loop.yaml")
    (book / "tests" / "loop.yaml").symlink_to("loop.yaml")
    told = calm(warm("rules", "check", book, "--json"), 1).json()["mistakes"]
    assert {(Path(each["path"]).name, each["code"]) for each in told} == {
        ("pipe.yaml", "file_unreadable"),
        ("loop.yaml", "file_unreadable"),
    }
    for name in ("pipe.yaml", "loop.yaml"):
        (book / name).unlink()
    told = calm(warm("rules", "test", book, "--json"), 1).json()["mistakes"]
    assert {(Path(each["path"]).name, each["code"]) for each in told} == {
        ("pipe.yaml", "file_unreadable"),
        ("loop.yaml", "file_unreadable"),
    }


def test_mutated_files(warm: Cli, book: Path, tmp_path: Path) -> None:
    """Some of those that `tests/hostile` makes by thousands, through the whole program."""
    facts = tmp_path / "facts.csv"
    for seed in range(12):
        rng = Random(seed)
        rules, tests, rows = (
            mutated(path.read_bytes(), rng)
            for path in (TEMPLATE / RULES, TEMPLATE / "tests" / "fast-brand.yaml", CANDIDATES)
        )
        (book / RULES).write_bytes(rules)
        document = calm(warm("rules", "check", book, "--json"), 0, 1).json()
        for each in document["mistakes"]:
            check_text(each["message"])
        shutil.copy(TEMPLATE / RULES, book / RULES)
        (book / "tests" / "fast-brand.yaml").write_bytes(tests)
        calm(warm("rules", "test", book, "--json"), 0, 1).json()
        facts.write_bytes(rows)
        ran = calm(warm("rules", "decide", "--book", "fast-brand", "--facts", facts, "--json"), 0, 1, 2)
        assert all(line.isprintable() for line in ran.err.splitlines()), ascii(ran.err)
