"""A comparison of two books as JSON data and as lines for people, in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastbrand.domain.decision import Decision, Finding
from rules.diffing.books import Diff
from rules.diffing.meaning import Meaning
from rules.diffing.phrases import Text
from rules.wording import EFFECTS, OUTCOMES, VERDICTS, pick

if TYPE_CHECKING:
    from rules.diffing.witness import Witness

RELATIONS: dict[str, Text] = {
    "equivalent": ("equivalent: nobody gets another outcome", "等价：任何商家的结果都不变"),
    "stricter": ("stricter: outcomes fall for some, and rise for nobody", "更严：部分商家结果变差，无人变好"),
    "looser": ("looser: outcomes rise for some, and fall for nobody", "更宽：部分商家结果变好，无人变差"),
    "incomparable": ("incomparable: outcomes fall for some and rise for others", "不可比：部分变差，部分变好"),
    "undecided": ("undecided", "未能判定"),
}
AMOUNTS: dict[str, Text] = {
    "equivalent": ("nobody gets another amount", "金额都不变"),
    "stricter": ("amounts fall for some, and rise for nobody", "部分商家金额减少，无人增加"),
    "looser": ("amounts rise for some, and fall for nobody", "部分商家金额增加，无人减少"),
    "incomparable": ("amounts fall for some and rise for others", "部分商家金额减少，部分增加"),
    "undecided": ("undecided", "未能判定"),
}
LINE = 120
"""Most columns of a line that holds a party, where each of its facts fits."""
_WAYS = (("falls", "stricter"), ("rises", "looser"))


def as_json(diff: Diff, lang: str = "en") -> dict[str, Any]:
    """``relation, witnesses[{rulebook, direction, facts{}, old, new, ...}], changes[], rulebooks[], bonus[], notes[]``.

    ``direction``: ``stricter`` shows that an outcome falls, ``looser`` that one rises. ``facts`` is in the notation of
    facts files; what is not there is unknown.
    """
    return {
        "relation": diff.relation,
        "witnesses": [each for meaning in diff.meanings for each in _witnesses(meaning, lang)],
        "changes": [change.as_json(lang) for change in diff.changes],
        "rulebooks": [
            *({"rulebook": meaning.names[1], **_said(meaning)} for meaning in diff.meanings),
            *(
                {"rulebook": name, "relation": "incomparable", "only_in": "new" if new else "old"}
                for name, new in diff.alone
            ),
        ],
        "bonus": [
            {
                "rulebook": each.meaning.names[1],
                "track": each.track,
                **_said(each.meaning),
                "witnesses": _witnesses(each.meaning, lang),
            }
            for each in diff.bonus
        ],
        "notes": [pick(note, lang) for note in diff.notes],
    }


def lines(diff: Diff, lang: str = "en") -> Iterator[str]:
    """The comparison for people: changes with their places, then the meaning with a party for each direction."""
    if not diff.changes:
        yield pick(("no changes in what the files say", "文件内容无改动"), lang)
    for change in diff.changes:
        places = " -> ".join(str(place) for place in (change.old_place, change.new_place) if place is not None)
        yield f"{pick(change.text, lang)}"
        yield f"    {places}"
    yield ""
    for meaning in diff.meanings:
        yield f"{meaning.names[1]}: {pick(RELATIONS[meaning.relation], lang)}"
        yield from _shown(meaning, lang)
    for name, new in diff.alone:
        where = ("only the new book has it", "仅新版有") if new else ("only the old book has it", "仅旧版有")
        yield f"{name}: {pick(where, lang)}"
    for each in diff.bonus:
        yield f"{each.meaning.names[1]} ({each.track}): {pick(AMOUNTS[each.meaning.relation], lang)}"
        yield from _shown(each.meaning, lang)
    for note in diff.notes:
        yield f"{pick(('note', '说明'), lang)}: {pick(note, lang)}"
    if len(diff.meanings) + len(diff.alone) > 1:
        yield f"{pick(('outcomes in all', '准入结果总体'), lang)}: {pick(RELATIONS[diff.relation], lang)}"


def _said(meaning: Meaning) -> dict[str, Any]:
    undecided = [answer.why for answer in (meaning.falls, meaning.rises) if answer.said == "undecided"]
    return {
        "relation": meaning.relation,
        "falls": meaning.falls.said,
        "rises": meaning.rises.said,
        "undecided": "; ".join(dict.fromkeys(undecided)) or None,
    }


def _found(meaning: Meaning) -> Iterator[tuple[str, Witness]]:
    for way, direction in _WAYS:
        answer = getattr(meaning, way)
        if answer.found is not None:
            yield direction, answer.found


def _witnesses(meaning: Meaning, lang: str) -> list[dict[str, Any]]:
    return [
        {
            "rulebook": meaning.names[1],
            "direction": direction,
            "facts": {name: seen.text for name, seen in witness.record.facts.items()},
            "old": _weighed(witness.old),
            "new": _weighed(witness.new),
            "as_of": _moment(witness.as_of),
            "observed_at": {
                name: _moment(seen.observed_at)
                for name, seen in witness.record.facts.items()
                if seen.observed_at is not None
            },
            "why": [pick(why, lang) for why in reasons(witness)],
        }
        for direction, witness in _found(meaning)
    ]


def _weighed(decision: Decision) -> str | int:
    """What is compared of a decision: its outcome, or the amount of a grant."""
    return int(decision.result["amount"]) if decision.kind == "incentive" else decision.outcome


def _moment(at: Any) -> str:
    return str(at.isoformat()).replace("+00:00", "Z")


def _shown(meaning: Meaning, lang: str) -> Iterator[str]:
    undecided = _said(meaning)["undecided"]
    if undecided:
        yield f"    {undecided}"
    for told, (_, witness) in zip(_witnesses(meaning, lang), _found(meaning), strict=True):
        old, new = (_outcome(witness_side, lang) for witness_side in (witness.old, witness.new))
        yield f"    {pick(('for instance', '例如'), lang)}: {old} -> {new} ({told['as_of'][:10]})"
        for why in told["why"]:
            yield f"        {why}"
        facts = [f"{name}: {text}" for name, text in told["facts"].items()]
        facts += [f"{name} ({pick(('observed', '采集于'), lang)} {at})" for name, at in told["observed_at"].items()]
        yield from _braced(facts)


def _braced(parts: Sequence[str]) -> Iterator[str]:
    """``{...}``, broken between parts: as it stands it can be put into a rule test."""
    line = "        {"
    for place, part in enumerate(parts):
        told = part + ("}" if place == len(parts) - 1 else ",")
        if len(line) + len(told) > LINE and line.strip() != "{":
            yield line.rstrip()
            line = "         "
        line += f"{told} "
    yield line.rstrip() if parts else f"{line}}}"


def _outcome(decision: Decision, lang: str) -> str:
    weighed = _weighed(decision)
    return f"{weighed:,}" if isinstance(weighed, int) else pick(OUTCOMES[weighed], lang)


# --- why ----------------------------------------------------------------------------------------------------------


def reasons(witness: Witness) -> Iterator[Text]:
    """In what the two decisions about a party differ: criteria first, then scores, or else the row."""
    found = [*_criteria(witness), *_scores(witness)]
    yield from found
    rows = [_row(decision) for decision in (witness.old, witness.new)]
    if not found and rows[0] != rows[1]:
        yield f"row {rows[0]} -> row {rows[1]}", f"第{rows[0]}行 -> 第{rows[1]}行"


def _criteria(witness: Witness) -> Iterator[Text]:
    """Criteria with another effect; what is only noted, or passes either way, decides nothing."""
    old, new = ({each.criterion: each for each in decision.findings} for decision in (witness.old, witness.new))
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name), new.get(name)
        if _weighs(before) != _weighs(after):
            en, zh = (f"{_stands(before, lang)} -> {_stands(after, lang)}" for lang in ("en", "zh"))
            yield f"`{name}`: {en}", f"`{name}`：{zh}"


def _weighs(finding: Finding | None) -> tuple[str, str] | None:
    """Verdict and effect of a criterion, as far as they have a part in the outcome."""
    if finding is None or finding.effect in ("none", "note"):
        return None
    return finding.verdict, finding.effect


def _stands(finding: Finding | None, lang: str) -> str:
    """Verdict and effect of a criterion."""
    if finding is None:
        return pick(("not there", "无此条件"), lang)
    verdict, effect = pick(VERDICTS[finding.verdict], lang), pick(EFFECTS[finding.effect], lang)
    return f"{verdict} ({effect})" if effect else verdict


def _scores(witness: Witness) -> Iterator[Text]:
    old, new = ({each.score: each.value for each in decision.scores} for decision in (witness.old, witness.new))
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name), new.get(name)
        if before != after:
            texts = (f"{before or '-'} -> {after or '-'}",) * 2
            yield f"score `{name}`: {texts[0]}", f"评分 `{name}`：{texts[1]}"


def _row(decision: Decision) -> int | None:
    return next((step["row"] for step in decision.steps if step["step"] == "row" and step["holds"]), None)
