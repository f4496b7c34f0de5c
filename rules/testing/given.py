"""What cases are given: facts in the notation of facts files, moments, and the context of a rule book."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import InputError
from rules.loading.reading import Fields, Reader
from rules.mistakes import shown
from rules.model import FactDef, Maintenance, Matching, RuleBook
from rules.records import Context, Observed, Remainders
from rules.situation import LARGEST
from rules.testing import registers, shape
from rules.values import NONE_OF_THEM, parse_fact, parse_literal, to_text
from rules.words import NUMERIC_TYPES, SERVED, TRACKS
from rules.yaml_guard import Mapping, Node, Scalar, Sequence

MAX_STREAK = 10_000
"""Most months that a case can be given."""

DEFAULT_TRACK = "M"
"""The track of a case whose rule book names no parties."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_BETWEEN_DIGITS = re.compile(r"(?<=\d)_(?=\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """What a ``context`` says; a name that it does not say is not in ``said``."""

    said: MappingABC[str, object] = field(default_factory=dict)

    def over(self, base: Given) -> Given:
        """These, and where they say nothing those of ``base``."""
        return Given({**base.said, **self.said})


def moment(reader: Reader, node: Node, label: str, zone: ZoneInfo) -> datetime | None:
    """``node`` as a moment in UTC: a day begins at midnight in ``zone``."""

    def parse(text: str) -> datetime:
        try:
            if _DAY.fullmatch(text):
                return datetime.combine(date.fromisoformat(text), time.min, zone).astimezone(UTC)
            found = datetime.fromisoformat(text)
            if found.tzinfo is None:
                raise ValueError
            return found.astimezone(UTC)
        except (ValueError, OverflowError):
            hint = "write a day like `2022-08-01`, or a moment with its offset like `2022-08-01T08:00:00+08:00`"
            raise InputError(f"`{shown(text)}` is not a time", hint=hint, code="wrong_type") from None

    return reader.take(parse, node, label)


# --- facts --------------------------------------------------------------------------------------------------------


def facts(
    reader: Reader, vocabulary: MappingABC[str, FactDef], node: Node, label: str, zone: ZoneInfo
) -> dict[str, Observed] | None:
    """The facts that a mapping gives, as a record carries them; None where any of them has a mistake."""
    found = reader.mapping(node, label, "write `fact: value` lines")
    if found is None:
        return None
    read: dict[str, Observed] = {}
    for key, value in found.pairs:
        fact = _fact(reader, vocabulary, key)
        observed = None if fact is None else _observed(reader, fact, value, zone)
        if observed is not None:
            read[key.text] = observed
    return read if len(read) == len(found.pairs) else None


def _fact(reader: Reader, vocabulary: MappingABC[str, FactDef], key: Scalar) -> FactDef | None:
    fact = vocabulary.get(key.text)
    if fact is None:
        hint = reader.report.nearest(key.text, vocabulary)
        reader.wrong(key, "unknown_fact", f"there is no fact `{shown(key.text)}`", hint or "declare it in facts.yaml")
        return None
    if fact.derivation is not None:
        needed = ", ".join(f"`{name}`" for name in fact.derivation.args)
        message = f"`{key.text}` is computed, so it cannot be given"
        reader.wrong(key, "derived_given", message, f"give {needed}")
        return None
    return fact


def _observed(reader: Reader, fact: FactDef, node: Node, zone: ZoneInfo) -> Observed | None:
    if not isinstance(node, Mapping):
        sound, text = _text(reader, fact, node)
        return Observed(text) if sound else None
    fields = reader.fields(node, shape.OBSERVED, "write a value, or `{value: ..., observed_at: ...}`")
    if fields is None:
        return None
    value_node, at_node = fields.get("value"), fields.get("observed_at")
    sound, text = _text(reader, fact, value_node) if value_node else (False, None)
    at = moment(reader, at_node, "`observed_at`", zone) if at_node else None
    return Observed(text, at) if sound and at is not None else None


def _text(reader: Reader, fact: FactDef, node: Node) -> tuple[bool, str | None]:
    """(sound, value as text in facts-file notation; None: unknown)."""
    if isinstance(node, Scalar) and node.is_null:
        return True, None
    if isinstance(node, Sequence) and fact.type == "choices":
        codes = [reader.text(item, f"a choice of `{fact.name}`") for item in node.items]
        if None in codes:
            return False, None
        written: Node = Scalar(node.line, node.column, "|".join(map(str, codes)) or NONE_OF_THEM, plain=True)
    else:
        written = node
    text = reader.take(lambda text: parsed(fact, text), written, f"the value of `{fact.name}`")
    return text is not None, text


def parsed(fact: FactDef, text: str) -> str:
    """``text`` in the canonical notation of facts files. Raises ``InputError``.

    As in facts files; in numbers ``_`` may stand between digits, and an amount or a duration may have its unit, as in
    rule files.
    """
    plain = _BETWEEN_DIGITS.sub("", text) if fact.type in NUMERIC_TYPES else text
    try:
        value = parse_fact(fact, plain)
    except InputError as error:
        if fact.type in ("money", "duration") and " " in text.strip():
            return to_text(fact, parse_literal(fact, text.strip()))
        hint = error.hint if text.strip() not in ("unknown", "none") else "write `null` for what is not known"
        raise InputError(error.message, hint=hint, code=error.instance_code) from None
    if value is None:
        raise InputError(f"`{shown(text)}` says nothing about `{fact.name}`", hint="write `null`", code="wrong_type")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise InputError(f"`{shown(text)}` is beyond 2^53", hint="give a smaller number", code="out_of_range")
    return to_text(fact, value)


# --- context ------------------------------------------------------------------------------------------------------


def context(
    reader: Reader, vocabulary: MappingABC[str, FactDef], rulebook: RuleBook | None, sort: str, node: Node
) -> Given | None:
    """What a ``context`` says, as far as it means something to the rule book; None where it has a mistake."""
    fields = reader.fields(node, shape.CONTEXT)
    if fields is None:
        return None
    before = len(reader.report.mistakes)
    said: dict[str, object] = {}
    for name in ("track", "streaks", "clear_months", "period", "remainders", "gaps", "providers"):
        value = fields.get(name)
        if value is None:
            continue
        if rulebook is not None and name not in shape.CONTEXTS[sort]:
            message = f"`{name}` means nothing to `{rulebook.head.name}`: it decides {_told(sort)}"
            reader.wrong(fields.key(name), "not_here", message, "take it away")
            continue
        if name == "providers":
            said[name] = registers.register(reader, vocabulary, value)
        else:
            said[name] = _said(reader, rulebook, name, value)
    return Given(said) if len(reader.report.mistakes) == before and _whole(fields) else None


def built(said: Given, rulebook: RuleBook, as_of: datetime, zone: ZoneInfo) -> Context:
    """The context of a case: what it says, and what goes without saying."""
    given = said.said
    left = given.get("remainders")
    streaks = given.get("streaks")
    clear = given.get("clear_months")
    lacking, providers = given.get("gaps"), given.get("providers")
    track = given.get("track") or (rulebook.head.parties[0] if rulebook.head.parties else DEFAULT_TRACK)
    return Context(
        streaks=streaks if isinstance(streaks, dict) else {},
        clear_months=clear if isinstance(clear, int) else 0,
        remainders=left if isinstance(left, Remainders) else Remainders(),
        track=str(track),
        period=str(given.get("period") or f"{as_of.astimezone(zone):%Y-%m}"),
        gaps=lacking if isinstance(lacking, tuple) else None,
        candidates=providers if isinstance(providers, tuple) else (),
    )


def _whole(fields: Fields) -> bool:
    """Whether every key of the mapping was read (a key that is unknown, or has no value, was reported)."""
    return all(key.text in fields for key, _ in fields.node.pairs)


def _told(sort: str) -> str:
    told = {"eligibility": "who is eligible", "maintenance": "who keeps it", "incentive": "the bonus"}
    return {**told, "matching": "which providers are proposed"}.get(sort, f"the {sort}")


def _said(reader: Reader, rulebook: RuleBook | None, name: str, node: Node) -> object:
    match name:
        case "track":
            return _track(reader, rulebook, node)
        case "streaks":
            return _streaks(reader, rulebook, node)
        case "clear_months":
            return reader.whole(node, "`clear_months`", 0, MAX_STREAK)
        case "period":
            return reader.take(_period, node, "`period`")
        case "gaps":
            return registers.gaps(reader, node)
        case _:
            fields = reader.fields(node, shape.REMAINDERS, "write `{party_year: ..., category_month: ...}`")
            names = ("party_year", "category_month")
            return None if fields is None else Remainders(*(_left(reader, fields, name) for name in names))


def _track(reader: Reader, rulebook: RuleBook | None, node: Node) -> str | None:
    track = reader.word(node, "a track", SERVED if isinstance(rulebook, Matching) else TRACKS)
    parties = rulebook.head.parties if rulebook is not None else ()
    if track is not None and rulebook is not None and parties and track not in parties:
        message = f"`{rulebook.head.name}` is not for the track `{track}`"
        reader.wrong(node, "unknown_word", message, f"it is for {', '.join(f'`{party}`' for party in parties)}")
        return None
    return track


def _streaks(reader: Reader, rulebook: RuleBook | None, node: Node) -> dict[str, int]:
    found = reader.mapping(node, "`streaks`", "write `{band: months}`")
    read: dict[str, int] = {}
    for key, value in found.pairs if found else ():
        months = reader.whole(value, "a streak", 0, MAX_STREAK)
        if band_known(reader, rulebook, key) and months is not None:
            read[key.text] = months
    return read


def band_known(reader: Reader, rulebook: RuleBook | None, key: Scalar) -> bool:
    """Whether ``key`` names a band of the maintenance book; an unknown one is reported."""
    if not isinstance(rulebook, Maintenance):
        return True
    bands = [band.id for band in rulebook.bands]
    if key.text in bands:
        return True
    hint = reader.report.nearest(key.text, bands)
    reader.wrong(key, "unknown_band", f"there is no band `{shown(key.text)}`", hint)
    return False


def _left(reader: Reader, fields: Fields, name: str) -> int | None:
    node = fields.get(name)
    return None if node is None else reader.whole(node, f"`{name}`")


def _period(text: str) -> str:
    if not _PERIOD.fullmatch(text):
        raise InputError(f"`{shown(text)}` is not a month", hint="write it like `2022-08`", code="wrong_type")
    return text
