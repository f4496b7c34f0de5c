"""Documents: which kinds there are, what a record of each says, until when one counts, and who may use a brand.

A record holds what matters of a paper; the paper itself is a file elsewhere. Holders (of a trademark, in a letter of
authorisation) are companies, by name or unified social credit code, or a party's id: persons have no place here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import InputError, shown
from fastbrand.domain.names import check_label

PENDING_COUNTS = timedelta(days=365)
"""How long after its filing a trademark counts that is not registered yet."""

CHAIN_MOST = 3
"""Most steps from a brand's owner to a party for the brand to count as the party's own."""

_LEVELS_MOST = 20
_LABEL_MAX = 120
_SCORE = re.compile(r"(\d{1,3})(?:\.(\d))?", re.ASCII)


class DocumentKind(StrEnum):
    """What a document is."""

    TRADEMARK = "trademark"
    BUSINESS_LICENCE = "business_licence"
    BRAND_AUTHORISATION = "brand_authorisation"
    QUALITY_REPORT = "quality_report"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A field of a record: how its text is read, and whether it must be there. ``means`` is for help and docs."""

    name: str
    read: Callable[[str], str]
    required: bool
    means: str


@dataclass(frozen=True, slots=True)
class Details:
    """What a record says: its fields in canonical text, and the days on which it was issued and ends.

    The last day (``expires_on``) still counts. None: it has no end.
    """

    kind: DocumentKind
    fields: Mapping[str, str]
    issued_on: date
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Paper:
    """A record as the rest of the programme sees it. ``ends_at``: from then on it does not count (None: no end)."""

    document_id: str
    kind: DocumentKind
    fields: Mapping[str, str]
    issued_on: date
    expires_on: date | None
    ends_at: datetime | None

    def counts(self, at: datetime) -> bool:
        """Whether it counts at ``at``. A report that found a failure never does."""
        return (self.ends_at is None or at < self.ends_at) and self.fields.get("result") != "fail"


@dataclass(frozen=True, slots=True)
class Chain:
    """How a brand comes from its owner to a party: the letters in order (none: the party is the owner).

    ``ends_at`` is when the first of them ends (None: never); ``exclusive``: each letter gives a sole licence.
    """

    letters: tuple[Paper, ...]
    ends_at: datetime | None
    exclusive: bool

    @property
    def levels(self) -> int:
        """Steps between the owner and the party; 0 for the owner."""
        return len(self.letters)


# --- reading a record ---------------------------------------------------------------------------------------------


def read_details(
    kind: str, fields: Mapping[str, str], *, issued: str | None, expires: str | None, today: date
) -> Details:
    """What somebody typed in, as a record. ``today`` is the programme's day.

    Raises ``InputError`` on an unknown kind or field (with the nearest), a field that is missing or cannot be read, a
    credit code whose check digit is wrong, and dates that cannot be.
    """
    known = _kind(kind)
    defined = {each.name: each for each in FIELDS[known]}
    for name in fields:
        if name not in defined:
            near = get_close_matches(name, list(defined), n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"its fields are {', '.join(defined)}"
            raise InputError(f"a {_words(known)} has no field `{shown(name)}`", hint=hint)
    read = {name: defined[name].read(text.strip()) for name, text in fields.items() if text.strip()}
    for each in defined.values():
        if each.required and each.name not in read:
            raise InputError(f"a {_words(known)} needs `{each.name}`", hint=f"add `{each.name}=...`: {each.means}")
    if known is DocumentKind.TRADEMARK and read["status"] == "pending" and "filed" not in read:
        raise InputError("a pending trademark needs `filed`", hint="add `filed=2022-05-13`: when it was applied for")
    if known is DocumentKind.QUALITY_REPORT and not {"score", "result"} & read.keys():
        raise InputError("a quality report needs `score` or `result`", hint="add `result=pass`, or `score=92.5`")
    return _dated(known, read, issued, expires, today)


def ends_at(details: Details, time_zone: str) -> datetime | None:
    """The moment from which a record does not count: after its last day, of a pending trademark after its year.

    None where it has no end.
    """
    last = details.expires_on
    if details.fields.get("status") == "pending":
        last = date.fromisoformat(details.fields["filed"]) + PENDING_COUNTS
    return end_of(last, time_zone) if last else None


def end_of(day: date, time_zone: str) -> datetime:
    """The moment at which ``day`` is over in ``time_zone``."""
    return datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(time_zone))


def read_day(text: str) -> str:
    """``2022-05-13`` as it is. Raises ``InputError``."""
    try:
        found = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        found = None
    if found is None or found.year > 9000:
        raise InputError(f"`{shown(text)}` is not a day", hint="write it like `2022-05-13`")
    return found.isoformat()


def read_uscc(text: str) -> str:
    """A unified social credit code (18 characters, the last a check digit) without separators. Raises ``InputError``.

    Source: GB 32100-2015, as `python-stdnum` has it.
    """
    from stdnum.cn import uscc
    from stdnum.exceptions import InvalidChecksum, ValidationError

    try:
        return str(uscc.validate(text))
    except InvalidChecksum:
        raise InputError(
            f"`{shown(text)}` is not a credit code: its check digit is wrong",
            hint="compare it with the licence, character by character",
            code="uscc",
        ) from None
    except ValidationError:
        raise InputError(
            f"`{shown(text)}` is not a credit code",
            hint="it has 18 digits and capitals, without I, O, S, V and Z, the first eight of them digits",
            code="uscc",
        ) from None


def _dated(kind: DocumentKind, read: dict[str, str], issued: str | None, expires: str | None, today: date) -> Details:
    first = issued or read.get("filed")
    if first is None:
        raise InputError(f"a {_words(kind)} needs the day it was issued", hint="add `--issued 2022-05-13`")
    issued_on = date.fromisoformat(read_day(first))
    expires_on = date.fromisoformat(read_day(expires)) if expires else None
    for name, day in (("issued", issued_on), ("filed", date.fromisoformat(read.get("filed", first)))):
        if day > today:
            raise InputError(f"it cannot be {name} on `{day}`, which is to come", hint="mend the date")
    if expires_on is not None and expires_on < issued_on:
        raise InputError(
            f"it cannot expire on `{expires_on}`, before it was issued on `{issued_on}`", hint="mend the dates"
        )
    pending = read.get("status") == "pending"
    if pending and expires_on is not None:
        raise InputError(
            "a pending trademark has no day on which it expires",
            hint="leave `--expires` out: it counts for a year from its filing",
        )
    if expires_on is None and not pending and kind not in _MAY_HAVE_NO_END:
        raise InputError(f"a {_words(kind)} needs the day it expires", hint="add `--expires 2032-05-12`, its last day")
    return Details(kind, read, issued_on, expires_on)


def _kind(text: str) -> DocumentKind:
    try:
        return DocumentKind(text)
    except ValueError:
        near = get_close_matches(text, [str(kind) for kind in DocumentKind], n=1)
        kinds = ", ".join(str(kind) for kind in DocumentKind)
        raise InputError(
            f"`{shown(text)}` is not a kind of document",
            hint=f"did you mean `{near[0]}`?" if near else f"kinds are {kinds}",
        ) from None


def _words(kind: DocumentKind) -> str:
    return str(kind).replace("_", " ")


def _label(text: str) -> str:
    return check_label(text, "name or number", _LABEL_MAX)


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise InputError(f"`{shown(text)}` is none of {', '.join(choices)}", hint="write one of them")
        return text

    return read


def _class(text: str) -> str:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 45):
        raise InputError(f"`{shown(text)}` is not a trademark class", hint="write one from 1 to 45 (Nice classes)")
    return str(int(text))


def _score(text: str) -> str:
    found = _SCORE.fullmatch(text)
    if found is None or int(found[1]) * 10 + int(found[2] or 0) > 1_000:
        raise InputError(
            f"`{shown(text)}` is not a score", hint="write 0 to 100, with at most one decimal, like `92.5`"
        )
    return f"{int(found[1])}.{found[2] or 0}"


_MAY_HAVE_NO_END = frozenset({DocumentKind.BUSINESS_LICENCE, DocumentKind.CONTRACT})

FIELDS: dict[DocumentKind, tuple[FieldDef, ...]] = {
    DocumentKind.TRADEMARK: (
        FieldDef("number", _label, True, "registration or application number"),
        FieldDef("class", _class, True, "class of goods, 1 to 45"),
        FieldDef("status", _one_of("registered", "pending"), True, "registered or pending"),
        FieldDef("owner", _label, True, "who owns it: a company's name or credit code, or the party's id"),
        FieldDef("filed", read_day, False, "when it was applied for; a pending one needs it"),
    ),
    DocumentKind.BUSINESS_LICENCE: (
        FieldDef("uscc", read_uscc, True, "unified social credit code, with its check digit"),
        FieldDef("name", _label, True, "the company's name"),
    ),
    DocumentKind.BRAND_AUTHORISATION: (
        FieldDef("trademark", _label, True, "number of the trademark it is about"),
        FieldDef("from", _label, True, "who allows it: the owner, or who was allowed by it"),
        FieldDef("to", _label, True, "who is allowed"),
        FieldDef("exclusive", _one_of("true", "false"), False, "true for a sole licence"),
    ),
    DocumentKind.QUALITY_REPORT: (
        FieldDef("lab", _label, True, "who tested"),
        FieldDef("result", _one_of("pass", "fail"), False, "pass or fail"),
        FieldDef("score", _score, False, "0 to 100"),
        FieldDef("number", _label, False, "the report's number"),
    ),
    DocumentKind.CONTRACT: (
        FieldDef("number", _label, True, "the contract's number"),
        FieldDef("subject", _label, False, "what it is about"),
    ),
}
"""Every kind and the fields of its record."""


# --- who may use a brand ------------------------------------------------------------------------------------------


def same_holder(name: str) -> str:
    """``name`` as holders are compared: full-width forms, capitals and spaces make no difference."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def names_of(party_id: str, papers: Iterable[Paper]) -> frozenset[str]:
    """What a party is called in documents: its id, and the name and credit code of its licences, whenever they end."""
    found = {party_id}
    for paper in papers:
        if paper.kind is DocumentKind.BUSINESS_LICENCE:
            found |= {paper.fields["name"], paper.fields["uscc"]}
    return frozenset(same_holder(name) for name in found)


def chain_of(
    trademark: Paper, letters: Sequence[Paper], party: Collection[str], at: datetime, *, exclusive: bool = False
) -> Chain | None:
    """The shortest way of ``trademark`` from its owner to ``party`` by letters that count at ``at``; None: no way.

    Of ways of the same length, the one that holds longest. ``exclusive``: by sole licences only.
    """
    start = same_holder(trademark.fields["owner"])
    usable = [
        each
        for each in letters
        if each.kind is DocumentKind.BRAND_AUTHORISATION
        and each.counts(at)
        and same_holder(each.fields["trademark"]) == same_holder(trademark.fields["number"])
        and (not exclusive or each.fields.get("exclusive") == "true")
    ]
    reached: dict[str, tuple[Paper, ...]] = {start: ()}
    seen = {start}
    for _ in range(_LEVELS_MOST + 1):
        arrived = [way for holder, way in reached.items() if holder in party]
        if arrived or not reached:
            best = max(arrived, key=_holds_until, default=None)
            return None if best is None else _chain(best)
        further: dict[str, tuple[Paper, ...]] = {}
        for each in usable:
            giver, taker = same_holder(each.fields["from"]), same_holder(each.fields["to"])
            if giver not in reached or taker in seen:
                continue
            way = (*reached[giver], each)
            if taker not in further or _holds_until(way) > _holds_until(further[taker]):
                further[taker] = way
        reached = further
        seen |= further.keys()
    return None


def _chain(way: tuple[Paper, ...]) -> Chain:
    ends = [each.ends_at for each in way if each.ends_at is not None]
    sole = all(each.fields.get("exclusive") == "true" for each in way)
    return Chain(way, min(ends, default=None), sole)


def _holds_until(way: tuple[Paper, ...]) -> tuple[bool, float]:
    """Sorts ways by how long they hold; without an end is longest."""
    ends = [each.ends_at.timestamp() for each in way if each.ends_at is not None]
    return (not ends, min(ends, default=0.0))
