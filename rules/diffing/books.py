"""Two books compared: what changed, and what it means, rule book by rule book and for the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.diffing.changes import changes_of
from rules.diffing.meaning import Answer, Meaning, Relation, Said, relation
from rules.diffing.phrases import Text
from rules.diffing.telling import Change
from rules.model import Book, FactDef, Incentive

if TYPE_CHECKING:
    from rules.diffing.solving import Budget

SECONDS = 10.0
"""How long the solver may take in all."""
_NOT_WEIGHED = ("routing", "maintenance", "matching", "programme")


@dataclass(frozen=True, slots=True)
class Bonus:
    """What changed for the amounts of an incentive rule book on one track."""

    track: str
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Diff:
    """Two books compared.

    ``meanings``: each eligibility rule book that both have. ``alone``: (name, whether it is the new book that has it)
    of eligibility rule books that one has. ``notes``: what the comparison leaves out.
    """

    books: tuple[Book, Book]
    changes: Sequence[Change]
    meanings: Sequence[Meaning]
    alone: Sequence[tuple[str, bool]]
    bonus: Sequence[Bonus]
    notes: Sequence[Text]

    @property
    def relation(self) -> Relation:
        """Of the whole: every rule book by itself, taken together. A party that only one of the books decides about is
        not to be compared."""
        if self.alone:
            return "incomparable"
        if not self.meanings:
            return "equivalent"
        falls, rises = ([answer.said for answer in each] for each in zip(*map(_ways, self.meanings), strict=True))
        return relation(_any(falls), _any(rises))

    @property
    def same(self) -> bool:
        """Whether it is proven that no party gets another outcome or amount."""
        return self.relation == "equivalent" and all(each.meaning.relation == "equivalent" for each in self.bonus)


def compare(old: Book, new: Book, *, only: tuple[str, str] | None = None, seconds: float = SECONDS) -> Diff:
    """Compare two books, or, with ``only``, one rule book of theirs (its name in each).

    Raises ``EngineFault`` where solver and evaluators contradict each other.
    """
    changes = changes_of(old, new, only)
    books = (old, new)
    pairs, alone = _pairs(old, new, only)
    notes = [*_vocabulary_notes(old.facts, new.facts), *_unweighed(changes, new)]
    if old.sha256 == new.sha256 and old.closure == new.closure and (only is None or only[0] == only[1]):
        return Diff(books, changes, [_unchanged(pair) for pair in pairs], alone, [], notes)
    from rules.diffing.relation import meaning
    from rules.diffing.solving import Budget

    budget = Budget(seconds)
    meanings = [meaning(books, pair, budget) for pair in pairs]
    return Diff(books, changes, meanings, alone, _bonus(books, only, budget, notes), notes)


def _ways(meaning: Meaning) -> tuple[Answer[Any], Answer[Any]]:
    return meaning.falls, meaning.rises


def _any(said: Sequence[Said]) -> Said:
    return "yes" if "yes" in said else "undecided" if "undecided" in said else "no"


def _unchanged(names: tuple[str, str]) -> Meaning:
    return Meaning(names, Answer("no"), Answer("no"))


def _pairs(old: Book, new: Book, only: tuple[str, str] | None) -> tuple[list[tuple[str, str]], list[tuple[str, bool]]]:
    """Eligibility rule books by name, then, where each book has just one left for the same parties, by those."""
    if only is not None:
        return ([only] if only[0] in old.eligibility and only[1] in new.eligibility else []), []
    pairs = [(name, name) for name in new.eligibility if name in old.eligibility]
    gone = [name for name in old.eligibility if name not in new.eligibility]
    come = [name for name in new.eligibility if name not in old.eligibility]
    for name in list(come):
        parties = set(new.eligibility[name].head.parties)
        twin = next((one for one in gone if set(old.eligibility[one].head.parties) == parties), None)
        if twin is not None:
            gone.remove(twin)
            come.remove(name)
            pairs.append((twin, name))
    return pairs, [*((name, False) for name in gone), *((name, True) for name in come)]


def _bonus(books: tuple[Book, Book], only: tuple[str, str] | None, budget: Budget, notes: list[Text]) -> list[Bonus]:
    """Incentive rule books that both have, on each track that both pay."""
    from rules.diffing.bonus import bonus_meaning

    found = []
    for names in _incentives(*books, only):
        rulebooks: list[Incentive] = [book.incentive[name] for book, name in zip(books, names, strict=True)]
        for track in (track for track in rulebooks[0].pool if track in rulebooks[1].pool):
            meaning = bonus_meaning(books, names, track, budget)
            if meaning is not None:
                found.append(Bonus(track, meaning))
            else:
                en = f"amounts of `{names[1]}` on track {track}: no day on which all that they rest on is in force"
                notes.append((en, f"`{names[1]}`（{track}）：没有全部规则同时生效的日期，金额未比较"))
    return found


def _incentives(old: Book, new: Book, only: tuple[str, str] | None) -> list[tuple[str, str]]:
    if only is not None:
        return [only] if only[0] in old.incentive and only[1] in new.incentive else []
    return [(name, name) for name in new.incentive if name in old.incentive]


# --- notes --------------------------------------------------------------------------------------------------------


def _vocabulary_notes(old: Mapping[str, FactDef], new: Mapping[str, FactDef]) -> list[Text]:
    """Values that only one of the books takes: nobody can be decided by both with them."""
    notes: list[Text] = []
    for name, fact in new.items():
        before = old.get(name)
        if before is None or before.derivation is not None or fact.derivation is not None:
            continue
        if before.type == fact.type and before.range != fact.range:
            en = f"`{name}`: compared over values within both ranges; a value that one book refuses is an input error"
            notes.append((en, f"`{name}`：仅比较两版取值范围内的数值；任一版不接受的数值属输入错误"))
        if (before.choices is None) == (fact.choices is None) and set(before.choices or ()) != set(fact.choices or ()):
            en = (
                f"`{name}`: compared over choices that both books declare; another one is an input error in one of them"
            )
            notes.append((en, f"`{name}`：仅比较两版均声明的选项；其他选项在其中一版属输入错误"))
    return notes


def _unweighed(changes: Sequence[Change], new: Book) -> list[Text]:
    """Kinds that changed and have no part in outcomes and amounts."""
    changed = {change.rulebook for change in changes}
    kinds = {
        "programme": {"programme"},
        "routing": set(new.routing),
        "maintenance": set(new.maintenance),
        "matching": set(new.matching),
    }
    names = [kind for kind in _NOT_WEIGHED if kinds[kind] & changed]
    if not names:
        return []
    listed = ", ".join(names)
    return [
        (f"changes of kind {listed} are listed, what they mean is not compared", f"{listed} 的改动仅列出，不比较其影响")
    ]
