"""What changed between two books, in words: every key, item, threshold and table row, with its line in both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from rules.diffing.conditions import comparison, condition
from rules.diffing.phrases import Text, about, joined, label, named, ordinal, said, turned, whole
from rules.diffing.telling import Change, Pair, Place, Teller
from rules.diffing.trees import TEXTS, File, editions, files_of, flow, ident, items, pairs, plain, sense, value_at
from rules.model import Book
from rules.yaml_guard import Mapping, Node
from rules.yaml_guard import Sequence as List

IS_NEW: Text = ("is new", "为新增")
IS_GONE: Text = ("is gone", "已移除")

_NAMED = {"criteria": "id", "gates": "id", "bands": "id", "parts": "fact", "clawback": "cause"}
"""Lists whose items have a name, and the key that it stands under."""
_MAPS = (
    "scores",
    "facts",
    "derived",
    "choices",
    "pools",
    "targets",
    "baseline",
    "pool",
    "category_per_month",
    "serves",
)
"""Mappings from names to items."""
_ROWS = ("outcomes", "rows", "tiers", "tranches", "require", "prefer")
"""Lists whose items are known by their place."""
_BY_NAME_ALONE = ("criteria", "gates", "bands", "facts", "derived")
"""Collections of items that need not be told of which rule book they are."""
_PLAIN_PATHS = ("", "title", "effective", "caps", "base", "multiplier")
"""Mappings whose keys are called the same wherever they stand."""


def changes_of(old: Book, new: Book, only: tuple[str, str] | None = None) -> list[Change]:
    """Every change from ``old`` to ``new``; ``only``: of this rule book (its name in each) and of what it rests on.

    Two notations of one value are no change, nor is the order of keys, or of branches under ``all`` and ``any``.
    """
    texts = TEXTS | {
        name for book in (old, new) for name, fact in book.facts.items() if fact.type in ("text", "choice", "choices")
    }
    befores, afters = (dict(editions(files_of(book))) for book in (old, new))
    if only is not None:
        befores, afters = _kept(befores, only[0], only[1]), _kept(afters, only[1], only[1])
    found: list[Change] = []
    for name in dict.fromkeys([*afters, *befores]):
        found += _of_file(name, befores.get(name, []), afters.get(name, []), texts)
    return found


def _kept(files: dict[str, list[File]], name: str, called: str) -> dict[str, list[File]]:
    """The rule book ``name``, as ``called``, with facts and programme."""
    kept = {each: of for each, of in files.items() if each in ("facts", "programme")}
    return {**kept, called: files[name]} if name in files else kept


def _of_file(name: str, olds: Sequence[File], news: Sequence[File], texts: frozenset[str]) -> Iterator[Change]:
    """The newest edition against the newest, the others by their versions."""
    for before, after in _paired(olds, news):
        if before is not None and after is not None:
            yield from _Walk(Teller(name, (before, after), texts)).changes(before.root, after.root)
            continue
        file = before or after
        assert file is not None
        place, data = Place(file.path, file.root.line), plain(file.root)
        text = about(named(name), joined(label("version"), file.version, IS_NEW if before is None else IS_GONE))
        if before is None:
            yield Change(name, "added", None, data, None, place, text)
        else:
            yield Change(name, "removed", data, None, place, None, text)


def _paired(olds: Sequence[File], news: Sequence[File]) -> Iterator[tuple[File | None, File | None]]:
    if not olds or not news:
        yield from ((file, None) for file in olds)
        yield from ((None, file) for file in news)
        return
    yield olds[-1], news[-1]
    known = {file.version: file for file in olds}
    for file in news[:-1]:
        yield known.get(file.version), file
    versions = {file.version for file in news}
    yield from ((file, None) for file in olds[:-1] if file.version not in versions)


class _Walk:
    """Goes through both trees of one file, from the root down."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    def changes(self, old: Node, new: Node) -> list[Change]:
        """All changes, in the order of the new file."""
        self._mapping(old, new, "")
        return self._teller.in_order()

    def _mapping(self, old: Node, new: Node, path: str) -> None:
        """Each key of either; ``path`` is where we are below the subject."""
        before, after = pairs(old), pairs(new)
        for key in dict.fromkeys([*after, *before]):
            (old_key, old_value), (new_key, new_value) = before.get(key, (None, None)), after.get(key, (None, None))
            if not self._teller.same(old_value, new_value, as_text=key in self._teller.texts):
                self._value(key, (old_value, new_value), (old_key, new_key), path)

    def _value(self, key: str, values: Pair, at: Pair, path: str) -> None:
        old, new = values
        if key in _NAMED and _all(List, values):
            self._named(key, *({ident(item, _NAMED[key]) or "": (item, item) for item in items(v)} for v in values))
        elif key in _MAPS and _all(Mapping, values):
            self._named(key, pairs(old), pairs(new))
        elif key in _ROWS and _all(List, values):
            self._rows(key, items(old), items(new))
        elif key in ("require", "when") and path == "" and isinstance(old, Mapping) and isinstance(new, Mapping):
            condition(self._teller, key, old, new)
        elif key in ("alert", "limit") and isinstance(old, Mapping) and isinstance(new, Mapping):
            comparison(self._teller, label(key), old, new, at)
        elif isinstance(old, Mapping) and isinstance(new, Mapping):
            self._mapping(old, new, f"{path}.{key}" if path else key)
        else:
            name = label(key if path in _PLAIN_PATHS else f"{path}.{key}")
            self._teller.tell(key, values, joined(name, turned(said(old), said(new))), at)

    # --- items with names

    def _named(self, sort: str, before: dict[str, Pair], after: dict[str, Pair]) -> None:
        """Items by their names: gone, new, renamed, changed, and, in lists, moved."""
        teller = self._teller
        gone = {name: pair for name, pair in before.items() if name not in after}
        for name, (at, item) in after.items():
            if name in before:
                old_at, old_item = before[name]
                if not teller.same(old_item, item, as_text=sort == "choices"):
                    self._inside(sort, name, (old_item, item), (old_at, at))
                continue
            twin = next((one for one, pair in gone.items() if self._same_but_name(sort, pair[1], item)), None)
            if twin is not None:
                old_at, _ = gone.pop(twin)
                text = joined(whole(sort, twin), ("is now called", "更名为"), f"`{name}`")
                teller.tell("renamed", (None, None), text, (old_at, at), (twin, name))
            else:
                teller.tell("added", (None, item), joined(_titled(sort, name, item), IS_NEW), (None, at))
        for name, (at, item) in gone.items():
            teller.tell("removed", (item, None), joined(_titled(sort, name, item), IS_GONE), (at, None))
        if sort in ("criteria", "gates", "bands"):
            self._moved(sort, before, after)

    def _same_but_name(self, sort: str, old: Node, new: Node) -> bool:
        """Whether two items of a list with ids differ in nothing else (a group follows the id unless it is written)."""
        if _NAMED.get(sort) != "id":
            return False
        one, other = (sense(node, self._teller.texts) for node in (old, new))
        return isinstance(one, dict) and {**one, "id": ""} == {**other, "id": ""}

    def _inside(self, sort: str, name: str, values: Pair, at: Pair) -> None:
        if not all(isinstance(value, Mapping) for value in values):
            text = joined(whole(sort, name), turned(said(values[0]), said(values[1])))
            self._teller.tell(sort, values, text, at)
            return
        subject = named(name) if sort in _BY_NAME_ALONE else joined(self._teller.subject, whole(sort, name))
        with self._teller.about(subject):
            self._mapping(*values, "")

    def _moved(self, sort: str, before: dict[str, Pair], after: dict[str, Pair]) -> None:
        """Items that are out of the order that the others keep."""
        old = [name for name in before if name in after]
        new = [name for name in after if name in before]
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        kept = {name for block in blocks for name in old[block.a : block.a + block.size]}
        for name in new:
            if name not in kept:
                places = old.index(name) + 1, new.index(name) + 1
                text = joined(whole(sort, name), ("moved from place", "位置"), turned(*map(str, places)))
                self._teller.tell("moved", (None, None), text, (before[name][0], after[name][0]), places)

    # --- rows

    def _rows(self, sort: str, old: list[Node], new: list[Node]) -> None:
        """Rows by what they say: the same in both, moved, changed, or there in one only."""
        teller = self._teller
        for one, other in _same_rows(teller, old, new):
            if one is not None and other is not None and teller.same(old[one], new[other]):
                text = joined(
                    ordinal(sort, one + 1), ("moved to place", "移至位置"), f"{other + 1}: {flow(new[other])}"
                )
                teller.tell("moved", (None, None), text, (old[one], new[other]), (one + 1, other + 1))
            elif one is not None and other is not None:
                self._row(sort, (old[one], new[other]), other + 1)
            elif one is not None:
                text = joined(ordinal(sort, one + 1), ("is gone:", "已移除："), flow(old[one]))
                teller.tell("removed", (old[one], None), text, (old[one], None))
            elif other is not None:
                text = joined(ordinal(sort, other + 1), ("is new:", "为新增："), flow(new[other]))
                teller.tell("added", (None, new[other]), text, (None, new[other]))

    def _row(self, sort: str, values: tuple[Node, Node], place: int) -> None:
        """A changed row: its one comparison, or the row as a whole."""
        old, new = values
        teller = self._teller
        with teller.about(joined(teller.subject, ordinal(sort, place))):
            if sort not in ("outcomes", "rows"):
                self._mapping(old, new, "")
                return
            found = _one_comparison(teller, old, new)
            if found is None:
                teller.tell("row", values, turned(flow(old), flow(new)), values)
                return
            name, (old_at, before), (new_at, after) = found
            comparison(teller, named(name), before, after, (old_at, new_at))


def _same_rows(teller: Teller, old: list[Node], new: list[Node]) -> list[tuple[int | None, int | None]]:
    """Which row became which, without those that stay what and where they were."""
    olds, news = ([repr(sense(item, teller.texts)) for item in rows] for rows in (old, new))
    blocks = SequenceMatcher(None, olds, news, autojunk=False).get_matching_blocks()
    stay = [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]
    gone = [place for place in range(len(old)) if place not in {one for one, _ in stay}]
    come = [place for place in range(len(new)) if place not in {other for _, other in stay}]
    became: list[tuple[int | None, int | None]] = []
    for alike in (
        lambda one, other: olds[one] == news[other],
        lambda one, other: _shape(old[one]) == _shape(new[other]),
        lambda one, other: one == other,
    ):
        for other in list(come):
            found = next((one for one in gone if alike(one, other)), None)
            if found is not None:
                gone.remove(found)
                come.remove(other)
                became.append((found, other))
    return [*became, *((one, None) for one in gone), *((None, other) for other in come)]


def _shape(row: Node) -> tuple[str, ...]:
    """What a row looks at and what it says, without the values."""
    when = value_at(row, "when")
    inner = [name for key in ("score", "fact") for name in pairs(value_at(when, key))] if when is not None else []
    return (*pairs(when), *inner, flow(value_at(row, "then")))


def _one_comparison(teller: Teller, old: Node, new: Node) -> tuple[str, Pair, Pair] | None:
    """The one comparison of a score or a fact in which two rows differ; None where they differ in more."""
    one, other = value_at(old, "when"), value_at(new, "when")
    before, after = pairs(one), pairs(other)
    rest = [key for key in {**pairs(old), **pairs(new)} if key != "when"]
    if any(not teller.same(value_at(old, key), value_at(new, key)) for key in rest) or list(before) != list(after):
        return None
    differing = [key for key in before if not teller.same(before[key][1], after[key][1])]
    if differing not in (["score"], ["fact"]):
        return None
    olds, news = pairs(before[differing[0]][1]), pairs(after[differing[0]][1])
    names = [name for name in olds if name in news and not teller.same(olds[name][1], news[name][1])]
    return (names[0], olds[names[0]], news[names[0]]) if len(names) == 1 and set(olds) == set(news) else None


def _titled(sort: str, name: str, item: Node) -> Text:
    """An item by its name, and its title where it has one."""
    title = value_at(item, "title")
    en, zh = (flow(value_at(title, lang)) if title is not None else "" for lang in ("en", "zh"))
    return joined(whole(sort, name), (f"({en})" if en else "", f"（{zh}）" if zh else ""))


def _all(kind: type[Node], values: Pair) -> bool:
    """Whether both are of this kind, as far as they are there."""
    return all(value is None or isinstance(value, kind) for value in values)
