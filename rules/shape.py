"""What a mapping of a rule file is made of."""

from __future__ import annotations

from dataclasses import dataclass

from rules.words import STATUSES


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping.

    ``form`` says how its value reads: a key of ``words.FORMS``, the name of a shape, or ``list of`` or ``map of`` one;
    ``words`` are those that it may be, ``about`` is its line in the reference.
    """

    name: str
    form: str
    about: str
    required: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A mapping of the language: ``label`` names it in messages (``a criterion``), ``keys`` are in reading order."""

    name: str
    label: str
    keys: tuple[Key, ...]


def key(name: str, form: str, about: str, *words: str) -> Key:
    """A key that may be there."""
    return Key(name, form, about, words=words)


def must(name: str, form: str, about: str, *words: str) -> Key:
    """A key that must be there."""
    return Key(name, form, about, required=True, words=words)


def head_keys(kind: str, *, title: bool, parties: bool | None) -> tuple[Key, ...]:
    """The keys that every rule book begins with; ``title`` and ``parties`` say whether those must be there (``parties``
    None: they may not)."""
    whom = "whom it is for" + ("" if parties else "; default: all whom no other book names")
    keys = (
        must("rulebook", "name", "the book's name; decisions carry it"),
        must("kind", "words", "what this file is", kind),
        must("version", "version", "raised with every change"),
        key("effective", "effective", "when it is in force; without it, always"),
        Key("parties", "list of track", whom, bool(parties)),
        Key("title", "title", "shown wherever its decisions are", title),
        key("status", "words", "shown wherever its decisions are", *STATUSES),
        key("in_flight", "words", "which version decides an open application; default pin", "pin", "reevaluate"),
    )
    return tuple(each for each in keys if each.name != "parties" or parties is not None)
