"""What there is to be seen of a matching book, what a decision shows of it, and cases that would show the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fastbrand.domain.decision import Decision
from fastbrand.domain.provider import SCORE_MAX
from rules.engine import RuleEngine
from rules.lint.matching import MatchingStudy
from rules.lint.study import Study
from rules.model import Covers, Leaf, Mark, Matching, Preference, ProviderCurve, Same, Table, Value
from rules.providers import party_name, provider_facts
from rules.records import Candidate, Context, Observed
from rules.testing.cases import Case
from rules.testing.loading import default_case
from rules.testing.options import meeting
from rules.testing.points import Point
from rules.testing.running import decide_cases
from rules.words import CAPABILITIES, SHARED

VERDICTS = ("pass", "fail", "unknown")


def points(study: Study, book: Matching) -> Iterator[tuple[Point, Mark]]:
    """Everything to be seen of ``book``, with its place."""
    name, found = book.head.name, MatchingStudy(study, book)
    for number, (each, leaf) in enumerate(zip(book.require, found.required, strict=True), 1):
        possible = found.verdicts(leaf)
        yield from ((Point(name, "requirement", str(number), v), each.mark) for v in VERDICTS if v in possible)
    for number, preference in enumerate(book.prefer, 1):
        for seen in ("some", "none"):
            if _possible(found, preference, seen):
                yield Point(name, "preference", str(number), seen), preference.mark
    serves = book.marks.get("serves", book.head.mark)
    yield from ((Point(name, "type", kind, "offered"), serves) for kind in book.serves)
    yield Point(name, "outcome", "no_offer", "taken"), book.head.mark


def points_seen(decision: Decision) -> Iterator[Point]:
    """What one decision shows."""
    name, result = decision.rulebook, decision.result
    lacking = [(each["requirement"], each["verdict"]) for each in result["left_out"]]
    for number, verdict in lacking:
        yield Point(name, "requirement", str(number), verdict)
    offered = [step for step in decision.steps if step["step"] == "offer"]
    met = max([*(number - 1 for number, _ in lacking), *(len(step["require"]) for step in offered)], default=0)
    yield from (Point(name, "requirement", str(number), "pass") for number in range(1, met + 1))
    for step in offered:
        for part in step["prefer"]:
            yield Point(name, "preference", str(part["n"]), "none" if part["points"] == "0" else "some")
    yield from (Point(name, "type", each["type"], "offered") for each in result["offers"])
    if decision.outcome == "no_offer":
        yield Point(name, "outcome", "no_offer", "taken")


def _possible(found: MatchingStudy, preference: Preference, seen: str) -> bool:
    """Whether a provider that is proposed can get some of the weight, or none of it."""
    what = preference.what
    if isinstance(what, Covers):
        return True
    if isinstance(what, ProviderCurve):
        points = [y for _, y in what.curve]
        always_known = what.attribute in ("capacity", "load", "free_capacity")
        return max(points) > 0 if seen == "some" else min(points) == 0 or not always_known
    leaf = found.leaf(what)
    return found.can_hold(*found.required, leaf) if seen == "some" else found.verdicts(leaf) != {"pass"}


# --- proposals ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Setting:
    """A party and the one provider that it is matched with. ``provider``: attribute -> value."""

    kind: str
    party: dict[str, str | None]
    provider: dict[str, Any]
    gaps: tuple[str, ...] = ()
    registered: bool = True


class Proposals:
    """Cases of one provider each: one that meets everything, then changed in one thing at a time."""

    def __init__(self, study: Study, book: Matching) -> None:
        self._study, self._rulebook = study, book
        self._facts = provider_facts(study.facts)
        self._day = study.moment(book.head).day

    def tried(self, engine: RuleEngine) -> Iterator[tuple[Case, Decision]]:
        """Every case that is proposed, decided. Raises ``EngineFault``."""
        cases = [self._case(setting) for setting in self._settings()]
        for case, answer in zip(cases, decide_cases(self._study.book, cases, engine), strict=True):
            if isinstance(answer, Decision):
                yield case, answer

    def _case(self, setting: _Setting) -> Case:
        party = {name: Observed(code) for name, code in setting.party.items()}
        case = default_case(self._study.book, self._rulebook, party)
        register = (_candidate(setting.provider),) if setting.registered else ()
        context: Context = replace(case.context, track=setting.kind, gaps=setting.gaps, candidates=register)
        return replace(case, context=context)

    def _settings(self) -> Iterator[_Setting]:
        types = [(kind, served) for kind, whom in self._rulebook.serves.items() for served in whom]
        bases = [self._base(kind, served) for kind, served in types]
        yield from bases
        yield replace(bases[0], registered=False)
        for base in bases:
            for requirement in self._rulebook.require:
                yield from self._without(base, requirement)
            for preference in self._rulebook.prefer:
                yield from self._weighed(base, preference)

    def _base(self, kind: str, served: str) -> _Setting:
        """A provider of this type that meets every requirement, as far as each can be met by itself."""
        party = {name: next(iter(self._study.facts[name].choices or {}), None) for name in self._shared()}
        provider: dict[str, Any] = {"type": kind, "capacity": 1, "load": 0, "categories": (), "region": None}
        base = _Setting(served, party, provider)
        for requirement in self._rulebook.require:
            base = next(self._changed(base, requirement, holds=True), base)
        return base

    def _shared(self) -> list[str]:
        return [name for name in SHARED if party_name(name) in self._facts]

    def _without(self, base: _Setting, requirement: Leaf | Same) -> Iterator[_Setting]:
        yield from self._changed(base, requirement, holds=False)
        name = requirement.fact
        if isinstance(requirement, Same):
            yield replace(base, party={**base.party, name: None})
        elif name in ("region", "track_record", *CAPABILITIES):
            yield replace(base, provider={**base.provider, name: None})

    def _weighed(self, base: _Setting, preference: Preference) -> Iterator[_Setting]:
        what = preference.what
        if isinstance(what, Covers):
            yield replace(base, gaps=(CAPABILITIES[0],))
            yield replace(base, gaps=(CAPABILITIES[0],), provider={**base.provider, CAPABILITIES[0]: SCORE_MAX})
        elif isinstance(what, ProviderCurve):
            yield replace(base, provider={**base.provider, what.attribute: None} if _may_lack(what) else base.provider)
            scale = 10 ** self._facts[what.attribute].decimals
            yield from (_set(base, what.attribute, int(x * scale)) for x, _ in what.curve)
        else:
            yield from self._changed(base, what, holds=True)
            yield from self._changed(base, what, holds=False)

    def _changed(self, base: _Setting, what: Leaf | Same, *, holds: bool) -> Iterator[_Setting]:
        """``base`` with a provider that meets ``what``, or does not."""
        if isinstance(what, Same):
            code = base.party.get(what.fact)
            if what.fact == "category":
                yield _set(base, "categories", (code,) if holds and code is not None else ())
                return
            others = [each for each in self._facts["region"].choices or {} if each != code]
            yield _set(base, "region", code if holds else next(iter(others), None))
            return
        operand = what.operand
        if isinstance(operand, Table):
            operand = operand.rows.get(str(base.provider.get(operand.by)), operand.default)
        now = _value(base.provider, what.fact)
        for value in meeting(self._facts[what.fact], what.op, operand, now, self._day, holds=holds):
            yield _set(base, what.fact, value)


def _may_lack(what: ProviderCurve) -> bool:
    return what.attribute in ("track_record", *CAPABILITIES)


def _value(provider: dict[str, Any], name: str) -> Value | None:
    if name == "free_capacity":
        return int(provider["capacity"]) - int(provider["load"])
    value: Value | None = provider.get(name)
    return value


def _set(base: _Setting, name: str, value: Any) -> _Setting:
    """``base`` with this attribute; capacity and load go together."""
    provider = dict(base.provider)
    if name == "free_capacity":
        provider["capacity"] = provider["load"] + value
    elif name == "load":
        provider |= {"load": value, "capacity": max(value, provider["capacity"])}
    elif name == "capacity":
        provider |= {"capacity": value, "load": min(value, provider["load"])}
    else:
        provider[name] = value
    return replace(base, provider=provider)


def _candidate(provider: dict[str, Any]) -> Candidate:
    known = {name: provider[name] for name in CAPABILITIES if provider.get(name) is not None}
    return Candidate(
        "p",
        provider["type"],
        tuple(provider["categories"]),
        provider["region"],
        provider["capacity"],
        provider["load"],
        provider.get("track_record"),
        known,
    )


def shows(decision: Decision, missing: Iterable[Point]) -> list[Point]:
    """Which of ``missing`` a decision shows, in their order."""
    seen = set(points_seen(decision))
    return [point for point in missing if point in seen]
