"""What somebody says of a provider or a talent, read and checked: options of a command, or a row of a file.

Codes of categories and regions are those of the book in force; scores are 0 to 100 with one decimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fastbrand.domain import names
from fastbrand.domain.errors import InputError
from fastbrand.domain.provider import (
    CAPACITY_MAX,
    SCORE_DECIMALS,
    SCORE_MAX,
    Capability,
    ProviderType,
    check_provider_id,
)
from fastbrand.service.table_files import Cell, nearest, shown_cell
from fastbrand.store.providers import Profile
from fastbrand.store.talents import Talent
from rules.decimals import exactly, read_decimal, read_whole
from rules.mistakes import shown
from rules.model import FactDef
from rules.records import Candidate

NAME_MAX = 120
PROVIDER_COLUMNS = (
    *("provider_id", "type", "name", "categories", "region", "capacity", "track_record"),
    *(str(each) for each in Capability),
    "active",
)
"""Columns of a file of providers; ``categories`` are codes with ``|`` between them."""
TALENT_COLUMNS = ("talent_id", "category", "region", "active")

Cells = Mapping[str, Cell]


class RowError(InputError):
    """What is wrong in one cell: ``column`` names it."""

    def __init__(self, column: str, error: InputError) -> None:
        super().__init__(error.message, hint=error.hint, code=error.instance_code)
        self.column = column


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The codes that providers and talents can have; None: the book has no such choice."""

    categories: tuple[str, ...] | None
    regions: tuple[str, ...] | None

    @classmethod
    def of(cls, facts: Mapping[str, FactDef]) -> Vocabulary:
        """Those of a book's facts ``category`` and ``region``."""

        def codes(name: str) -> tuple[str, ...] | None:
            fact = facts.get(name)
            return tuple(fact.choices or ()) if fact is not None and fact.type == "choice" else None

        return cls(codes("category"), codes("region"))


def profile(cells: Cells, words: Vocabulary, base: Profile | None = None) -> Profile:
    """A provider as ``cells`` say it; what they do not name is as in ``base``, or not known.

    Raises ``RowError``, the first one found.
    """
    given: dict[str, Any] = {}
    if base is not None:
        given = {"provider_id": base.provider_id, "type": base.type, **base.told()}
        given |= {"categories": base.categories, "type": base.type}
    readers = {
        "provider_id": lambda cell: check_provider_id(_text(cell, "a provider id")),
        "type": _type,
        "name": lambda cell: names.check_label(_text(cell, "a name"), "name", NAME_MAX),
        "categories": lambda cell: _codes(cell, words.categories),
        "region": lambda cell: _code(cell, "region", words.regions),
        "capacity": _capacity,
        "track_record": lambda cell: _score(cell, "track_record"),
        "active": _flag,
    }
    for name, read in readers.items():
        if name in cells:
            given[name] = _at(name, read, cells[name])
    scores = dict(given.get("capabilities", {}))
    for capability in map(str, Capability):
        if capability in cells:
            scores[capability] = _at(capability, lambda cell, name=capability: _score(cell, name), cells[capability])
    given["capabilities"] = {name: score for name, score in sorted(scores.items()) if score is not None}
    for needed in ("provider_id", "type", "name", "categories", "capacity"):
        if needed not in given:
            raise RowError(needed, InputError(f"`{needed}` is missing", hint=f"give the provider its {needed}"))
    return Profile(**given)


def candidate(cells: Cells, words: Vocabulary) -> Candidate | None:
    """A provider as a matching book sees it, with its ``load`` (without one, 0); None where it is not active.

    Raises ``RowError``.
    """
    said = profile(cells, words)
    load = _at("load", _capacity, cells["load"]) if shown_cell(cells.get("load")) else 0
    if load > said.capacity:
        raise RowError(
            "load", InputError(f"the load is above the capacity of {said.capacity}", hint="mend one of both")
        )
    own = (said.provider_id, str(said.type), said.categories, said.region, said.capacity, load, said.track_record)
    return Candidate(*own, said.capabilities) if said.active else None


def talent(cells: Cells, words: Vocabulary, base: Talent | None = None) -> Talent:
    """A talent as ``cells`` say it. Raises ``RowError``."""
    given: dict[str, Any] = {} if base is None else {"talent_id": base.talent_id, **base.told()}
    readers = {
        "talent_id": lambda cell: check_provider_id(_text(cell, "a talent id"), "talent"),
        "category": lambda cell: _code(cell, "category", words.categories),
        "region": lambda cell: _code(cell, "region", words.regions),
        "active": _flag,
    }
    for name, read in readers.items():
        if name in cells:
            given[name] = _at(name, read, cells[name])
    if "talent_id" not in given:
        raise RowError("talent_id", InputError("`talent_id` is missing", hint="give the talent its id"))
    return Talent(**{"category": None, **given})


def _at(column: str, read: Any, cell: Cell) -> Any:
    try:
        return read(cell)
    except InputError as error:
        raise RowError(column, error) from None


# --- cells --------------------------------------------------------------------------------------------------------


def _text(cell: Cell, what: str) -> str:
    if isinstance(cell, bool) or not isinstance(cell, str | int) or cell == "":
        raise InputError(
            f"`{shown(shown_cell(cell))}` is not {what}" if cell else f"{what} is missing", hint="write one"
        )
    return str(cell)


def _type(cell: Cell) -> ProviderType:
    text = shown_cell(cell)
    try:
        return ProviderType(text)
    except ValueError:
        known = [str(each) for each in ProviderType]
        near = nearest(text, known)
        hint = f"did you mean `{near}`?" if near else f"types are {', '.join(known)}"
        raise InputError(f"`{shown(text)}` is not a type of provider", hint=hint, code="unknown_type") from None


def _codes(cell: Cell, known: tuple[str, ...] | None) -> tuple[str, ...]:
    parts = cell if isinstance(cell, list) else shown_cell(cell).split("|")
    codes = [code for part in parts if (code := _code(part, "category", known)) is not None]
    if not codes:
        raise InputError("a provider serves at least one category", hint="write codes with `|` between them")
    return tuple(sorted(set(codes)))


def _code(cell: Cell, name: str, known: tuple[str, ...] | None) -> str | None:
    text = shown_cell(cell).strip()
    if not text:
        return None
    if known is None:
        raise InputError(f"the book in force has no {name}", hint=f"declare a choice fact `{name}`, or leave it out")
    if text not in known:
        near = nearest(text, known)
        hint = f"did you mean `{near}`?" if near else f"codes are {', '.join(known[:12])}" + ", ..." * (len(known) > 12)
        raise InputError(f"`{shown(text)}` is not a {name}", hint=hint, code="unknown_choice")
    return text


def _capacity(cell: Cell) -> int:
    number = read_whole(shown_cell(cell)) if not isinstance(cell, bool) else None
    if number is None or not 0 <= number <= CAPACITY_MAX:
        raise InputError(
            f"`{shown(shown_cell(cell))}` is not a capacity",
            hint=f"write how many it can serve at once, 0 to {CAPACITY_MAX:,}",
        )
    return number


def _score(cell: Cell, name: str) -> int | None:
    """A score in tenths; an empty cell is not known."""
    text = shown_cell(cell).strip()
    if not text:
        return None
    parts = None if isinstance(cell, bool) else read_decimal(text)
    scaled = None
    if parts is not None:
        mantissa, exponent = parts
        scaled = (
            mantissa * 10 ** (exponent + SCORE_DECIMALS)
            if exponent >= 0
            else exactly(mantissa * 10**SCORE_DECIMALS, exponent)
        )
    if scaled is None or not 0 <= scaled <= SCORE_MAX:
        raise InputError(
            f"`{shown(text)}` is not a score for `{name}`",
            hint=f"write 0 to 100, with at most {SCORE_DECIMALS} decimal",
        )
    return scaled


def _flag(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    text = shown_cell(cell)
    if text not in ("true", "false", ""):
        raise InputError(f"`{shown(text)}` is not `true` or `false`", hint="write `true` or `false`")
    return text != "false"


def score_text(tenths: int | None) -> str | None:
    """``725`` as ``72.5``."""
    return None if tenths is None else str(Decimal(tenths).scaleb(-SCORE_DECIMALS))


def pairs(values: Iterable[str], what: str, known: Iterable[str]) -> dict[str, Cell]:
    """``NAME=VALUE`` options as cells. Raises ``InputError`` where a name is not one of ``known``."""
    options = list(known)
    cells: dict[str, Cell] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or name not in options:
            near = nearest(name, options)
            hint = f"did you mean `{near}`?" if near else f"write NAME=SCORE; names are {', '.join(options)}"
            raise InputError(f"`{shown(value)}` is not a {what}", hint=hint)
        cells[name] = text
    return cells
