"""The error index: no code without an example, no example without its code, and every mend mends."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from fastbrand.domain.errors import FastbrandError, InputError, Refused
from rules.mistakes import CODES, MAPPING_CODES, WARNINGS
from scripts import error_index, error_messages
from scripts.error_index import Example

ROOT = Path(__file__).parents[2]
EXAMPLES = error_index.examples()
CHANGES = {code: example for code, example in EXAMPLES.items() if example.wrong or example.right}


def test_every_code_has_an_example() -> None:
    assert list(EXAMPLES) == [*CODES, *MAPPING_CODES, *WARNINGS]
    assert [code for code, example in EXAMPLES.items() if example.never] == ["falling_amount"]


@pytest.mark.parametrize("code", [code for code, example in EXAMPLES.items() if not example.never])
def test_an_example_has_the_mistake_and_no_other(code: str) -> None:
    example = EXAMPLES[code]
    found = error_index.told(example)
    assert {each.code for each in found} == {code, *example.also}
    first = next(each for each in found if each.code == code)
    assert first.hint
    assert first.grade == ("warning" if code in WARNINGS else "error")
    assert example.mend or error_index.change(example), "the page would not say the mend"


@pytest.mark.parametrize("code", CHANGES)
def test_a_mend_leaves_no_mistake(code: str) -> None:
    assert error_index.told(CHANGES[code], mended=True) == []


def test_an_example_that_is_none_is_found_out() -> None:
    """The tests above can fail: what stands there already is no mistake, and a text that is not there is told."""
    same = Example("unknown_fact", "facts.yaml", right="range: [0, 1_000_000_000]", wrong="range: [0, 1_000_000_001]")
    assert error_index.told(same) == []
    with pytest.raises(KeyError, match="stands 0 times"):
        error_index.told(Example("unknown_fact", "facts.yaml", right="not there", wrong="x"))


def test_an_entry_shows_the_message_and_the_change() -> None:
    lines = error_index.entry(EXAMPLES["unknown_fact"]).splitlines()
    assert "book/fast-brand.eligibility.yaml:21:15: error[unknown_fact]: there is no fact `own_brand`" in lines
    assert "  help: did you mean `owns_brand`?" in lines
    assert lines[-3:] == [
        "-    require: {own_brand: {is: true}}",
        "+    require: {owns_brand: {is: true}}",
        "```",
    ]


# --- errors of the program ----------------------------------------------------------------------------------------


def codes_in_the_code() -> set[str]:
    """Every code that is written out where an error is made."""
    written = set()
    for room in error_messages.ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in error_messages.CLASSES:
                    given = [each.value for each in node.keywords if each.arg == "code"]
                    written |= {value for each in given if isinstance(value := getattr(each, "value", None), str)}
    return written


def test_every_code_of_the_program_is_listed() -> None:
    listed = {each.code for each in error_messages.messages()}
    assert codes_in_the_code() | {each.code for each in error_messages.CLASSES.values()} <= listed
    assert len(listed) > 50


def test_messages_are_those_that_are_raised() -> None:
    """Real errors, raised by the program, fit what the page says of them."""
    from fastbrand.domain.names import check_party_id
    from fastbrand.service import rule_tests, schemas
    from fastbrand.service.table_files import read_table

    raised: list[FastbrandError] = []
    for act in (
        lambda: schemas.show("recipe"),
        lambda: check_party_id("a b"),
        lambda: read_table(Path("sellers.doc")),
        lambda: read_table(Path("nowhere.csv")),
        lambda: rule_tests.run(Path("nowhere")),
    ):
        with pytest.raises(FastbrandError) as told:
            act()
        raised.append(told.value)
    for error in raised:
        said = [each for each in error_messages.messages() if each.code == error.instance_code]
        assert any(fits(each.text, error.message) and fits(each.mend, error.hint) for each in said), error
        assert {each.exit_code for each in said} == {error.exit_code}


def fits(pattern: str, text: str) -> bool:
    """Whether ``text`` is ``pattern`` with its words in capitals filled in."""
    parts = re.split(r"\b[A-Z][A-Z_]+\b(?:, \.\.\.)?", pattern)
    return re.fullmatch(".*".join(map(re.escape, parts)), text) is not None


def test_what_depends_is_said_in_each_way() -> None:
    source = """
HINT = "write one"
def f(path, found):
    more = "some" if found else "none"
    if path:
        hint = f"mend `{path}`"
        raise InputError(f"`{path.name}` has {more}", hint=hint, code="odd")
    hint = HINT
    raise Refused(f"`{', '.join(each.name for each in found)}` is {len(found)} times there", hint=hint)
"""
    assert {InputError.code, Refused.code} == {"input", "refused"}
    said = [(each.exit_code, each.code, each.text, each.mend) for each in error_messages.of_file(source)]
    assert sorted(said) == [
        (2, "odd", "`NAME` has none", "mend `PATH`"),
        (2, "odd", "`NAME` has some", "mend `PATH`"),
        (3, "refused", "`NAME, ...` is N times there", "write one"),
    ]
