"""The house's own measures: sizes, names, docstrings, and no silent exceptions from the type checker."""

from __future__ import annotations

import ast
import re
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("house")
"""Each file is read once."""

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("fastbrand", "workflows", "activities", "rules", "scripts", "benchmarks")
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
TOO_VAGUE = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "shared.py", "misc.py"}
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def ours() -> list[Path]:
    """Python files of the product, without its tests."""
    return [ROOT / "worker.py", *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))]


def of_tests() -> list[Path]:
    """Python files of the tests."""
    return sorted((ROOT / "tests").rglob("*.py"))


def where(path: Path, line: int) -> str:
    """``rules/rete.py:12``."""
    return f"{path.relative_to(ROOT)}:{line}"


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def comments(path: Path) -> list[tokenize.TokenInfo]:
    """The comments of a file."""
    if "#" not in path.read_text(encoding="utf-8"):
        return []
    with tokenize.open(path) as file:
        return [token for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT]


def functions(block: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function in a block, however deep: what holds statements is looked through, expressions are not."""
    for node in ast.iter_child_nodes(block):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from functions(node)


def test_rooms_are_there() -> None:
    assert len(ours()) > 20
    assert len(of_tests()) > 5


def test_every_room_is_checked_for_types() -> None:
    checked = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["files"])
    rooms = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("*/**/*.py")}
    there = {room for room in rooms if not room.startswith((".", "var")) and room not in ("build", "dist")}
    assert there | {"worker.py"} == checked


def test_functions_fit_a_screen() -> None:
    long = [
        f"{where(path, node.lineno)} `{node.name}` has {lines} lines"
        for path in [*ours(), *of_tests()]
        for node in functions(tree(path))
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_files_fit_a_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in ours()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES_MAX
    }
    assert long == {}


def test_file_names_say_what_is_in_them() -> None:
    assert [where(path, 1) for path in [*ours(), *of_tests()] if path.name in TOO_VAGUE] == []


def public(nodes: list[ast.stmt]) -> Iterator[Defined]:
    """Public classes and functions, and the public methods of public classes (not setters and overloads)."""
    for node in nodes:
        if not isinstance(node, Defined) or node.name.startswith("_"):
            continue
        told_elsewhere = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
        if told_elsewhere & {"setter", "overload", "override"}:
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from public(node.body)


def test_public_names_are_documented() -> None:
    silent = []
    for path in ours():
        module = tree(path)
        if module.body and ast.get_docstring(module) is None:
            silent.append(f"{where(path, 1)} module")
        silent += [
            f"{where(path, node.lineno)} `{node.name}`"
            for node in public(module.body)
            if not (ast.get_docstring(node) or "").strip()
        ]
    assert silent == []


def test_ignored_types_say_what_and_why() -> None:
    with_both = re.compile(r"# type: ignore\[[a-z-]+(, [a-z-]+)*\]  # \S+")
    bare = []
    for path in [*ours(), *of_tests()]:
        bare += [
            f"{where(path, token.start[0])} {token.line.strip()}"
            for token in comments(path)
            if token.string.startswith("# type:") and not with_both.match(token.string)
        ]
    assert bare == []


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX"])
def test_nothing_is_put_off_in_a_comment(word: str) -> None:
    put_off = [
        where(path, token.start[0])
        for path in ours()
        for token in comments(path)
        if re.search(rf"\b{word}\b", token.string)
    ]
    assert put_off == []
