"""Decisions in words: which criterion decides, what was observed, what is asked for, how much is missing, and where.

Texts are rendered on reading, from the book that decided; they are never stored and never compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastbrand.domain.decision import Decision
from rules.criteria import leaves_of
from rules.mending import leaves_to_mend
from rules.model import Band, Book, Criterion, FactDef, Table
from rules.wording import (
    EFFECTS,
    OUTCOMES,
    VERDICTS,
    demand_text,
    distance_text,
    grouped,
    percent,
    pick,
    value_text,
    why_text,
)

_FIRST = {"fail": 0, "unknown": 1, "pass": 2, "not_applicable": 3}


def explain(book: Book, decision: Decision | Mapping[str, Any], lang: str = "en") -> list[dict[str, Any]]:
    """The findings of a decision (or of its core), failed and unknown ones first, each with a sentence in ``lang``.

    Keys: ``criterion, title, verdict, effect, text, path, line, leaves[{fact, title, text, verdict}]``.
    """
    core = decision.core() if isinstance(decision, Decision) else decision
    written = _written(book, str(core["rulebook"]))
    found = []
    for finding in core["findings"]:
        item = written.get(finding["criterion"])
        title = finding["criterion"] if item is None else pick((item.title.en, item.title.zh), lang)
        found.append(
            {
                "criterion": finding["criterion"],
                "title": title,
                "verdict": finding["verdict"],
                "effect": finding["effect"],
                "text": pick(("; ", "；"), lang).join(_telling(book, finding, item, lang)),
                "path": item.mark.path if item else "",
                "line": item.mark.line if item else 0,
                "leaves": [_leaf(book, leaf, lang) for leaf in finding["leaves"]],
            }
        )
    return sorted(found, key=lambda each: _FIRST[each["verdict"]])


def _telling(book: Book, finding: Mapping[str, Any], item: Criterion | Band | None, lang: str) -> list[str]:
    """The sentences that say why: of a failed criterion the branch with the fewest leaves to mend, of a band what it is
    in, of an unknown one everything that is unknown."""
    leaves, verdict = finding["leaves"], finding["verdict"]
    keys = _keys(book, item, lang)
    if verdict == "fail" and isinstance(item, Criterion):
        mends = leaves_to_mend(item.require, [leaf["verdict"] for leaf in leaves])
        return [str(_leaf(book, leaves[each.place], lang, must_fail=each.must_fail)["text"]) for each in mends]
    if verdict == "fail" and isinstance(item, Band):
        return [_in_band(book, leaf, lang) for leaf in leaves if leaf["verdict"] == "pass"][-1:]
    if verdict == "unknown":
        leaves = [leaf for leaf in finding["when"] if leaf["verdict"] == "unknown"] or leaves
    return [str(_leaf(book, leaf, lang, keys=keys)["text"]) for leaf in leaves if leaf["verdict"] == verdict]


def _keys(book: Book, item: Criterion | Band | None, lang: str) -> dict[tuple[str, str], str]:
    """Fact and operator of each comparison whose threshold comes from a table -> the title of the fact that chooses."""
    nodes = [item.when, item.require] if isinstance(item, Criterion) else [item.alert, item.limit] if item else []
    found: dict[tuple[str, str], str] = {}
    for leaf in (leaf for node in nodes if node is not None for leaf in leaves_of(node)):
        if isinstance(leaf.operand, Table):
            title = book.facts[leaf.operand.by].title
            found[leaf.fact, leaf.op] = pick((title.en, title.zh), lang)
    return found


def explain_lines(book: Book, decision: Mapping[str, Any], lang: str = "en") -> list[str]:
    """A decision as lines: the outcome, its scores, every criterion that failed or is unknown, and how many pass."""
    findings = explain(book, decision, lang)
    lines = [_headline(book, decision, lang), *_score_lines(book, decision, lang)]
    width = max((len(each["criterion"]) for each in findings if each["verdict"] in {"fail", "unknown"}), default=0)
    for each in findings:
        if each["verdict"] not in {"fail", "unknown"}:
            continue
        verdict = pick(VERDICTS[each["verdict"]], lang)
        effect = pick(EFFECTS.get(each["effect"], ("", "")), lang)
        lines.append(f"{verdict:<8}{each['criterion']:<{width}}  {each['title']}: {each['text']}")
        lines.append(f"{'':<8}{'':<{width}}  {effect}; {each['path']}:{each['line']}")
    passed = sum(1 for each in findings if each["verdict"] == "pass")
    aside = sum(1 for each in findings if each["verdict"] == "not_applicable")
    if findings:
        told = pick((f"{passed} of {len(findings)} pass", f"{len(findings)} 项中 {passed} 项通过"), lang)
        lines.append(told + (pick((f", {aside} do not apply", f"，{aside} 项不适用"), lang) if aside else ""))
    return lines


def explain_steps(book: Book, decision: Mapping[str, Any], lang: str = "en") -> list[str]:
    """How the amount of a grant came about, step by step; why there is none; what the next tier needs."""
    incentive = book.incentive[str(decision["rulebook"])]
    base = book.facts.get(incentive.base_fact)
    lines = [_step(base, step, lang, book.programme.currency) for step in decision["steps"]]
    for reason in decision["reasons"]:
        known = {
            "base_unknown": ("no grant: the base of the bonus is not known", "不发放：激励基数未知"),
            "score_unknown": ("no grant: the score is not known", "不发放：评分未知"),
            "category_unknown": ("no grant: the category is not known", "不发放：类目未知"),
            "zero": ("no grant: the amount is 0", "不发放：金额为零"),
        }
        name = reason["criterion"]
        lines.append(pick(known.get(name, (f"no grant: `{name}` is not met", f"不发放：{name} 未满足")), lang))
    result = decision["result"]
    further = result.get("next_tier")
    if further and result.get("amount"):
        missing = value_text(base, further["missing"], lang, book.programme.currency)
        lines.append(
            pick(
                (f"tier {further['n']} begins {missing} further up", f"距第 {further['n']} 档还差 {missing}"),
                lang,
            )
        )
    return lines


def _headline(book: Book, decision: Mapping[str, Any], lang: str) -> str:
    head = next((each.head for each in book.rulebooks.values() if each.head.name == decision["rulebook"]), None)
    mark = pick((f" [{head.status}]", "【示例】"), lang) if head is not None and head.status else ""
    outcome = pick(OUTCOMES.get(decision["outcome"], (decision["outcome"], decision["outcome"])), lang)
    return pick(
        (
            f"{decision['rulebook']} {decision['version']}{mark}: {outcome} (as of {decision['as_of'][:19]}Z)",
            f"{decision['rulebook']} {decision['version']}{mark}：{outcome}（截至 {decision['as_of'][:19]}Z）",
        ),
        lang,
    )


def _score_lines(book: Book, decision: Mapping[str, Any], lang: str) -> list[str]:
    lines = []
    for score in decision["scores"]:
        parts = []
        for part in score["parts"]:
            fact = book.facts.get(part["fact"])
            title = part["fact"] if fact is None else pick((fact.title.en, fact.title.zh), lang)
            points = part["points"] if part["points"] is not None else "?"
            parts.append(f"{title} {points}/{part['weight']}")
        value = score["value"] if score["value"] is not None else pick(("not known", "未知"), lang)
        lines.append(f"{score['score']} {value} ({', '.join(parts)})")
    return lines


def _leaf(
    book: Book,
    leaf: Mapping[str, Any],
    lang: str,
    *,
    must_fail: bool = False,
    keys: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> dict[str, Any]:
    """A leaf in words; ``must_fail``: it is under a `not`, so the contrary is asked for. ``keys`` as of ``_keys``."""
    fact = book.facts.get(leaf["fact"])
    currency = book.programme.currency
    title = leaf["fact"] if fact is None else pick((fact.title.en, fact.title.zh), lang)
    demand = demand_text(fact, leaf["op"], leaf["threshold"], lang, currency)
    demand = pick((f"anything but {demand}", f"排除{demand}"), lang) if must_fail else demand
    key = keys.get((leaf["fact"], leaf["op"]))
    if leaf["why"] == "table_key_unknown" and key is not None:
        told = pick(
            (
                f"{title} cannot be judged: what is asked for depends on {key}, which is not known",
                f"{title}无法判断：门槛取决于{key}，而{key}未知",
            ),
            lang,
        )
    elif leaf["verdict"] == "unknown":
        why = why_text(leaf["why"], lang)
        told = pick((f"{title} is unknown ({why}), asked for is {demand}", f"{title}未知（{why}），要求{demand}"), lang)
    else:
        told = pick(("{0} is {1}, asked for is {2}", "{0}为 {1}，要求{2}"), lang).format(
            title, value_text(fact, leaf["observed"], lang, currency), demand
        ) + _away(book, leaf, lang)
    return {"fact": leaf["fact"], "title": title, "text": told, "verdict": leaf["verdict"]}


def _in_band(book: Book, leaf: Mapping[str, Any], lang: str) -> str:
    """What a band is entered by, and how far the way out is."""
    fact = book.facts.get(leaf["fact"])
    title = leaf["fact"] if fact is None else pick((fact.title.en, fact.title.zh), lang)
    value = value_text(fact, leaf["observed"], lang, book.programme.currency)
    demand = demand_text(fact, leaf["op"], leaf["threshold"], lang, book.programme.currency)
    return pick((f"{title} is {value}: {demand}", f"{title}为 {value}：{demand}"), lang) + _away(book, leaf, lang)


def _away(book: Book, leaf: Mapping[str, Any], lang: str) -> str:
    away = distance_text(
        book.facts.get(leaf["fact"]), leaf["op"], leaf["distance_to_pass"], lang, book.programme.currency
    )
    return pick((f" ({away})", f"（{away}）"), lang) if away else ""


def _step(base: FactDef | None, step: Mapping[str, Any], lang: str, currency: str) -> str:
    match step["step"]:
        case "tier":
            amount = value_text(base, step["amount"], lang, currency)
            rate = percent(step["rate"])
            return (
                pick((f"tier {step['n']}: ", f"第 {step['n']} 档："), lang)
                + f"{amount} x {rate} = {grouped(step['units'])}"
            )
        case "multiply":
            score = pick((f"score {step['score']}", f"评分 {step['score']}"), lang)
            units = pick(("base", "基数"), lang)
            return f"{units} {grouped(step['base'])} x {step['by']} ({score}) = {grouped(step['product'])}"
        case "floor":
            return pick((f"floor {step['amount']:,}", f"取整 {step['amount']:,}"), lang)
        case "cap":
            return pick((f"capped by {step['by']} at {step['at']:,}", f"受 {step['by']} 限制为 {step['at']:,}"), lang)
        case other:
            return str(other)


def _written(book: Book, rulebook: str) -> dict[str, Criterion | Band]:
    """Criteria, gates or bands of the rule book by id."""
    if rulebook in book.eligibility:
        return {each.id: each for each in book.eligibility[rulebook].criteria}
    if rulebook in book.incentive:
        return {each.id: each for each in book.incentive[rulebook].gates}
    if rulebook in book.maintenance:
        return {each.id: each for each in book.maintenance[rulebook].bands}
    return {}
