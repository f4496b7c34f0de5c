"""The index of the program's errors: every code with every message and its mend, as they stand in the code.

A message is read from where it is raised; what is filled in shows as a word in capitals. A message that is handed on
(a value's mistake becomes a row's) is listed where it is first said.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastbrand.domain import errors
from fastbrand.domain.errors import FastbrandError

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("fastbrand", "rules", "activities", "workflows")
CLASSES = {
    name: each for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, FastbrandError)
}
EXIT_CODES = {
    2: "wrong use, or input that cannot be read",
    3: "refused by a rule of the business",
    4: "a dependency is not reachable",
    70: "our own fault",
}
_MOST_VARIANTS = 12
_EDGE = "\0"
"""Stands round what is filled in, until it is known what is beside it."""
_HANDED_ON = re.compile(f"{_EDGE}[^{_EDGE}]*{_EDGE}|")
"""A text that says itself elsewhere."""


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One message: exit code, code, text and mend (empty where it has none), with words for what is filled in."""

    exit_code: int
    code: str
    text: str
    mend: str


def messages() -> list[Message]:
    """Every message in the code, each once; one whose class says nothing further stands for the class."""
    found: set[Message] = set()
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            found.update(of_file(path.read_text(encoding="utf-8")))
    silent = {each.code: each.exit_code for each in CLASSES.values()}.items() - {(m.code, m.exit_code) for m in found}
    return sorted(found | {Message(exit_code, code, "", "") for code, exit_code in silent})


def block() -> str:
    """A table for each exit code."""
    parts = []
    for exit_code, meaning in EXIT_CODES.items():
        parts.append(f"## Exit code {exit_code}: {meaning}\n\n| code | message | mend |\n|---|---|---|")
        before = ""
        for each in messages():
            if each.exit_code == exit_code:
                code = f"`{each.code}`" if each.code != before else ""
                parts.append(f"| {code} | {_cell(each.text)} | {_cell(each.mend)} |")
                before = each.code
        parts.append("")
    return "\n".join(parts)


def of_file(source: str) -> Iterator[Message]:
    """The messages of one file. Names are looked up in the function around them, then in the module."""
    module, lines = ast.parse(source), source.splitlines()
    functions = [each for each in ast.walk(module) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    seen: set[int] = set()
    for scope in [*reversed(functions), module]:  # inner functions first
        for node in ast.walk(scope):
            known = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES
            if known and id(node) not in seen:
                assert isinstance(node, ast.Call)
                assert isinstance(node.func, ast.Name)
                seen.add(id(node))
                names = {**_assigned(module.body, node, lines), **_assigned(ast.walk(scope), node, lines)}
                yield from _messages(node, CLASSES[node.func.id], names)


def _assigned(nodes: Iterable[ast.AST], call: ast.Call, lines: list[str]) -> dict[str, list[ast.expr]]:
    """Name -> the expressions that it may stand for at ``call``: the last that it is assigned before, and those before
    that where the last is only assigned under a condition.
    """
    found: dict[str, list[tuple[int, int, ast.expr]]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            pairs: list[tuple[ast.expr, ast.expr]] = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            for name, each in pairs:
                if isinstance(name, ast.Name):
                    found.setdefault(name.id, []).append((node.lineno, node.col_offset, each))
    own = lines[call.lineno - 1]
    indented = len(own) - len(own.lstrip())
    kept: dict[str, list[ast.expr]] = {}
    for name_, places in found.items():
        for line, column, each in sorted(places, key=lambda place: -place[0]):
            if line < call.lineno:
                kept.setdefault(name_, []).append(each)
                if column <= indented:
                    break
    return kept


def _messages(call: ast.Call, raised: type[FastbrandError], names: Mapping[str, list[ast.expr]]) -> Iterator[Message]:
    given = {each.arg: each.value for each in call.keywords}
    if not call.args:
        return
    read = _Reading(names)
    ways = itertools.product(
        read.texts(given["code"]) if "code" in given else [raised.code],
        read.texts(call.args[0]),
        read.texts(given["hint"]) if "hint" in given else [""],
    )
    for code, text, mend in itertools.islice(ways, _MOST_VARIANTS):
        if _EDGE not in code and not _HANDED_ON.fullmatch(text):
            yield Message(raised.exit_code, code, _joined(text), _joined(mend) if re.search("[a-z]", mend) else "")


class _Reading:
    """Reads expressions as the texts that they may give."""

    def __init__(self, names: Mapping[str, list[ast.expr]]) -> None:
        self._names = names

    def texts(self, node: ast.expr, depth: int = 0) -> list[str]:
        """Every text that ``node`` may give, what is filled in between edges."""
        match node:
            case ast.Constant(value=str() as text):
                return [text]
            case ast.IfExp():
                return [*self.texts(node.body, depth), *self.texts(node.orelse, depth)]
            case ast.BinOp(op=ast.Add()):
                return [a + b for a in self.texts(node.left, depth) for b in self.texts(node.right, depth)]
            case ast.BoolOp(op=ast.Or()):
                return [text for each in node.values for text in self.texts(each, depth)]
            case ast.JoinedStr():
                parts = [self.texts(each, depth) for each in node.values]
                return ["".join(each) for each in itertools.islice(itertools.product(*parts), _MOST_VARIANTS)]
            case ast.FormattedValue():
                return self.texts(node.value, depth)
            case ast.Name() if depth < 3 and (found := self._sayings(node.id, depth)):
                return found
            case _:
                return [f"{_EDGE}{_word(node)}{_EDGE}"]

    def _sayings(self, name: str, depth: int) -> list[str]:
        """What is assigned to a name, where that is said in words."""
        found = [text for each in self._names.get(name, ()) for text in self.texts(each, depth + 1)]
        return found if found and all(re.search("[a-z]", text) or not text for text in found) else []


def _word(node: ast.expr) -> str:
    """A word in capitals for what an expression fills in."""
    match node:
        case ast.Name():
            name = node.id
        case ast.Attribute():
            name = node.attr
        case ast.Constant(value=str() as text):
            name = text
        case ast.Subscript() | ast.FormattedValue():
            return _word(node.value)
        case ast.Call(func=ast.Name(id="len")):
            name = "n"
        case ast.Call(func=ast.Attribute(attr="join"), args=[first, *_]):
            return f"{_word(first)}, ..."
        case ast.Call(func=ast.Attribute(value=inner), args=[] | [ast.Constant(), *_]):
            return _word(inner)
        case ast.Call(args=[first, *_]):
            return _word(first)
        case ast.GeneratorExp() | ast.ListComp():
            return _word(node.elt)
        case ast.JoinedStr():
            return next((_word(each) for each in node.values if isinstance(each, ast.FormattedValue)), "TEXT")
        case ast.BoolOp():
            return _word(node.values[0])
        case _:
            name = "value"
    return name.strip("_").replace("_", " ").upper().replace(" ", "_")


def _joined(text: str) -> str:
    """``text`` with a space where a word that is filled in meets another."""
    text = text.replace(_EDGE + _EDGE, " ")
    text = re.sub(rf"(?<=[a-z]){_EDGE}(?=[A-Z])|(?<=[A-Z]){_EDGE}(?=[a-z])", " ", text)
    return text.replace(_EDGE, "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
