"""The index of mistakes: each code with a file that has it, what the program says, and the mend.

The examples are in ``error_examples.yaml``. Each is made here, in a copy of the book of ``rules init`` (of the shipped
book, for mappings), and checked by the program itself: what the page shows is what is said today. A code without an
example, an example without its code, and a mend that leaves it, fail.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML

from fastbrand.domain.errors import RuleFileError
from rules.mistakes import CODES, MAPPING_CODES, WARNINGS, Mistake

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = Path(__file__).with_name("error_examples.yaml")
TEMPLATE = ROOT / "rules" / "templates" / "book"
SHIPPED = ROOT / "rules" / "book"
MAPPING = ROOT / "examples" / "olist" / "mapping.yaml"

SORTS = {
    "Errors in rule files and rule tests": CODES,
    "Errors in mappings": MAPPING_CODES,
    "Warnings": WARNINGS,
}
MEANINGS = {code: meaning for codes in SORTS.values() for code, meaning in codes.items()}
"""Every code -> what it stands for, in the order of the page."""


@dataclass(frozen=True, slots=True)
class Example:
    """How a mistake is made; see the head of ``error_examples.yaml``."""

    code: str
    file: str = ""
    right: str = ""
    wrong: str = ""
    base: str = ""
    add: Mapping[str, Any] = field(default_factory=dict)
    remove: str = ""
    encoding: str = "utf-8"
    size: int = 0
    prepared: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    mend: str = ""
    never: str = ""
    mapping: bool = False
    against_live: bool = False


def examples() -> dict[str, Example]:
    """Code -> its example, in the order of the page. Raises ``KeyError`` where a code has none."""
    read = YAML(typ="safe", pure=True).load(EXAMPLES.read_text(encoding="utf-8"))
    found: dict[str, Example] = {}
    for code in MEANINGS:
        said = dict(read.pop(code))
        prepared = {name: (old, new) for name, (old, new) in said.pop("with", {}).items()}
        also = tuple(said.pop("also", ()))
        found[code] = Example(code, prepared=prepared, also=also, **said)
    if read:
        raise KeyError(f"there are examples of {sorted(read)}, and no such codes")
    return found


def block() -> str:
    """Every code under the heading of its sort, and before them a list that leads to each."""
    made = examples()
    parts = []
    for title, codes in SORTS.items():
        links = " · ".join(f"[`{code}`](#{code})" for code in codes)
        parts += [f"## {title}\n\n{links}\n", *(entry(made[code]) for code in codes)]
    return "\n".join(parts)


def entry(example: Example) -> str:
    """One code: what it stands for, what the program says, and the change that mends it."""
    meaning = MEANINGS[example.code]
    lines = [f"### `{example.code}`", "", f"{meaning[0].upper()}{meaning[1:]}."]
    if example.never:
        return "\n".join([*lines, example.never, ""])
    mistake = next(each for each in told(example) if each.code == example.code)
    lines += ["", "```text", *str(mistake).splitlines(), "```", ""]
    if changed := change(example):
        lines += ["```diff", *changed, "```", ""]
    return "\n".join([*lines, *([example.mend, ""] if example.mend else [])])


def change(example: Example) -> list[str]:
    """The lines that are wrong (``-``) and right (``+``); empty where the change says nothing."""
    if example.size or example.encoding != "utf-8" or "*" in example.wrong or not (example.wrong or example.right):
        return []
    text = (MAPPING if example.mapping else TEMPLATE / example.file).read_text(encoding="utf-8")
    if example.file in example.prepared:
        text = _replaced(text, *example.prepared[example.file])
    wrong, right = (_written(text, example, which) for which in ("wrong", "right"))
    lines = list(difflib.unified_diff(wrong.splitlines(), right.splitlines(), lineterm="", n=0))
    return [_visible(line) for line in lines[2:] if not line.startswith("@@")]


def told(example: Example, *, mended: bool = False) -> list[Mistake]:
    """What the program says of the example, or of the mended one, with paths from the book's directory."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        if example.mapping:
            found = _of_mapping(example, place, mended=mended)
        else:
            book = place / "book"
            shutil.copytree(TEMPLATE, book)
            _prepare(example, book)
            _make(example, book, mended=mended)
            found = _of_book(example, book)
        return [_from(each, f"{place}/") for each in found]


def _of_book(example: Example, book: Path) -> list[Mistake]:
    from rules.lint.findings import warnings
    from rules.lint.untested import untested
    from rules.loader import changed_without_version, check_directory, load_directory
    from rules.testing.directory import coverage_of
    from rules.testing.loading import load_tests

    loaded, mistakes = check_directory(book)
    if loaded is None:
        return mistakes
    if example.against_live:
        return [*mistakes, *changed_without_version(load_directory(TEMPLATE), loaded)]
    _, of_tests = load_tests(loaded, book)
    seen = coverage_of(loaded, book) if example.code == "untested" else None
    return [*mistakes, *of_tests, *warnings(loaded), *(untested(loaded, seen) if seen is not None else ())]


def _of_mapping(example: Example, place: Path, *, mended: bool) -> list[Mistake]:
    from fastbrand.service.mapping import load_mapping
    from rules.loader import load_directory

    path = place / "mapping.yaml"
    text = _written(MAPPING.read_text(encoding="utf-8"), example, "right" if mended else "wrong")
    path.write_text(text, encoding="utf-8")
    try:
        load_mapping(path, load_directory(SHIPPED))
    except RuleFileError as error:
        return [each for each in error.mistakes if isinstance(each, Mistake)]
    return []


def _prepare(example: Example, book: Path) -> None:
    """Bring in what the example needs and is not about."""
    for name, (old, new) in example.prepared.items():
        text = (book / name).read_text(encoding="utf-8")
        (book / name).write_text(_replaced(text, old, new), encoding="utf-8")


def _make(example: Example, book: Path, *, mended: bool) -> None:
    """Make the mistake in ``book``, or its mend."""
    if example.file:
        path = book / example.file
        text = _written(path.read_text(encoding="utf-8"), example, "right" if mended else "wrong")
        content = text.encode("utf-8" if mended else example.encoding)
        path.write_bytes(content if mended else content.ljust(example.size, b"#"))
    if mended:
        return
    if example.remove:
        (book / example.remove).unlink()
    for name, content in example.add.items():
        for number in range(250 if "*" in name else 1):
            _add(book / name.replace("*", f"{number:03}"), content, book)


def _add(path: Path, content: Any, book: Path) -> None:
    """A file more: its text, another file with a change, or a link that leads nowhere."""
    path.parent.mkdir(exist_ok=True)
    if content is None:
        path.symlink_to("nowhere")
    elif isinstance(content, dict):
        path.write_text(_replaced((book / content["of"]).read_text(encoding="utf-8"), *content["change"]), "utf-8")
    else:
        path.write_text(content, encoding="utf-8")


def _written(text: str, example: Example, which: str) -> str:
    """``text`` with what is wrong, or right; a ``*`` in what is added is a thousand and more of it."""
    put = example.wrong if which == "wrong" else example.right
    if not (example.base or example.right):
        many = "".join(put.replace("*", str(number)) for number in range(1_100)) if "*" in put else put
        return text + many
    return _replaced(text, example.base or example.right, put)


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise KeyError(f"`{old}` stands {text.count(old)} times")
    return text.replace(old, new)


def _from(mistake: Mistake, folder: str) -> Mistake:
    """The mistake as somebody sees it who stands beside the book."""
    path, message, hint = (text.replace(folder, "") for text in (mistake.path, mistake.message, mistake.hint))
    return replace(mistake, path=path, message=message, hint=hint)


def _visible(line: str) -> str:
    """What cannot be seen, written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
