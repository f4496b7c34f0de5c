"""Which providers were proposed and why, in words, English and Chinese: rendered on reading, never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rules.leaves import show_operand
from rules.matching import NOBODY_FITS, NOBODY_SERVES
from rules.model import Book, FactDef, Matching, Same, Table
from rules.providers import party_name, provider_facts
from rules.wording import demand_text, pick, value_text, why_text

_SERVED = {"K": ("talents", "达人"), "M": ("merchants", "商家"), "S": ("brands", "品牌")}
_NONE = {
    NOBODY_SERVES: ("no offer: no provider serves such parties", "无推荐：没有可服务该类对象的服务商"),
    NOBODY_FITS: ("no offer: no provider meets every requirement", "无推荐：没有服务商满足全部要求"),
}
MAX_NAMED = 8
"""Most providers named in one line of those that were left out."""


def explain_matching(book: Book, decision: Mapping[str, Any], lang: str = "en") -> list[str]:
    """A matching decision as lines: the gaps, each offer with what its score is made of, and who was left out why.

    ``decision`` is a decision's core; ``book`` is the one that decided.
    """
    result = decision["result"]
    rulebook = book.matching.get(str(decision["rulebook"]))
    words = _Words(book, rulebook, lang)
    lines = [words.gaps(result["gaps"], result["served"])]
    lines += [pick(_NONE[reason["criterion"]], lang) for reason in decision["reasons"] if reason["criterion"] in _NONE]
    for offer, step in zip(result["offers"], decision["steps"], strict=False):
        kind = words.value("type", offer["type"])
        lines.append(f"{offer['rank']}. {offer['provider']} ({kind}): {offer['score']}")
        lines += [f"   {words.part(part)}" for part in step["prefer"]]
    if result["behind"]:
        told = words.listed([f"{each['provider']} {each['score']}" for each in result["behind"]])
        lines.append(pick((f"behind: {told}", f"其后：{told}"), lang))
    return [*lines, *words.left_out(result["left_out"])]


class _Words:
    """The words for one rule book in one language."""

    def __init__(self, book: Book, rulebook: Matching | None, lang: str) -> None:
        self._book, self._rulebook, self._lang = book, rulebook, lang
        self._facts: dict[str, FactDef] = provider_facts(book.facts)

    def gaps(self, gaps: Sequence[str] | None, served: str) -> str:
        """What the party lacks."""
        whom = pick(_SERVED[served], self._lang)
        if gaps is None:
            return self._pick(f"for {whom}; gaps are not known", f"服务对象：{whom}；能力短板未知")
        if not gaps:
            return self._pick(f"for {whom}; no gaps", f"服务对象：{whom}；无能力短板")
        told = self.listed([self._title(name) for name in gaps])
        return self._pick(f"for {whom}; gaps: {told}", f"服务对象：{whom}；能力短板：{told}")

    def part(self, part: Mapping[str, Any]) -> str:
        """What one preference brought."""
        points = f"{part['points']}/{part['weight']}"
        if "gaps" in part:
            scores = part["gaps"]
            told = self.listed(
                [f"{self._title(name)} {self.value(name, score)}" for name, score in (scores or {}).items()]
            )
            what = self._pick("covers the gaps", "补足短板")
            return f"{points}  {what}" + (f" ({told})" if told else "")
        if "attribute" in part:
            name = part["attribute"]
            return f"{points}  {self._title(name)}: {self.value(name, part['observed'])}"
        return f"{points}  {self.leaf(part['leaf'])}"

    def leaf(self, leaf: Mapping[str, Any]) -> str:
        """A comparison of a provider: what was seen, and what is asked for."""
        fact = self._facts.get(leaf["fact"])
        title = self._title(leaf["fact"])
        demand = demand_text(fact, leaf["op"], leaf["threshold"], self._lang)
        if leaf["verdict"] == "unknown":
            why = why_text(leaf["why"], self._lang)
            return self._pick(f"{title} is unknown ({why})", f"{title}未知（{why}）")
        seen = self.value(leaf["fact"], leaf["observed"])
        return self._pick(f"{title} is {seen}, asked for is {demand}", f"{title}为 {seen}，要求{demand}")

    def left_out(self, left_out: Sequence[Mapping[str, Any]]) -> list[str]:
        """One line for each requirement and verdict: how many do not meet it, and the first of them."""
        groups: dict[tuple[int, str], list[str]] = {}
        for each in left_out:
            groups.setdefault((each["requirement"], each["verdict"]), []).append(each["provider"])
        lines = []
        for (number, verdict), names in sorted(groups.items()):
            asked, place = self._asked(number)
            told = self.listed(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
            if verdict == "unknown":
                said = self._pick(f"left out, not known: {asked}", f"未入选（未知）：{asked}")
            else:
                said = self._pick(f"left out, not met: {asked}", f"未入选（不满足）：{asked}")
            lines.append(f"{said}: {len(names):,} ({told}){place}")
        return lines

    def value(self, name: str, value: Any) -> str:
        """A value of an attribute."""
        return value_text(self._facts.get(name), value, self._lang)

    def listed(self, names: Sequence[str]) -> str:
        """Names in a row."""
        return pick((", ", "、"), self._lang).join(names)

    def _pick(self, en: str, zh: str) -> str:
        return pick((en, zh), self._lang)

    def _title(self, name: str) -> str:
        fact = self._facts.get(name)
        return name if fact is None else pick((fact.title.en, fact.title.zh), self._lang)

    def _asked(self, number: int) -> tuple[str, str]:
        """What a requirement asks for, and where it stands."""
        if self._rulebook is None or number > len(self._rulebook.require):
            return self._pick(f"requirement {number}", f"第 {number} 项要求"), ""
        what = self._rulebook.require[number - 1]
        place = f" ({what.mark.path}:{what.mark.line})"
        if isinstance(what, Same):
            title = self._title(party_name(what.fact))
            return self._pick(f"the same {title.lower()}", f"{title}一致"), place
        fact, title = self._facts[what.fact], self._title(what.fact)
        if isinstance(what.operand, Table):
            by = self._title(what.operand.by)
            return self._pick(f"{title}, by {by.lower()}", f"{title}（按{by}）"), place
        demand = demand_text(fact, what.op, show_operand(fact, what.op, what.operand), self._lang)
        return self._pick(f"{title} {demand}", f"{title}{demand}"), place
