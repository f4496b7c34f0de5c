"""Why a condition always holds, or never: in words, for messages and hints."""

from __future__ import annotations

from collections.abc import Mapping

from rules.decimals import scaled_text
from rules.lint.cells import FAIL, PASS
from rules.lint.study import Study
from rules.model import (
    All,
    Atom,
    BandAtom,
    ClearForAtom,
    FactAtom,
    FailedAtom,
    Leaf,
    Node,
    Not,
    ScoreAtom,
    ScreeningAtom,
    StreakAtom,
    UnknownAtom,
    WarningsAtom,
)


def always(study: Study, node: Node, seen: Mapping[int, int]) -> str:
    """Why ``node`` can only hold. ``seen``: what each node can come to."""
    if isinstance(node, Leaf):
        return f"`{node.fact}` is always {_said(study, node)}"
    if isinstance(node, Not):
        return never(study, node.node, seen)
    if isinstance(node, All):
        return "every one of its conditions always holds"
    for child in node.nodes:
        if not seen.get(id(child), FAIL) & FAIL:
            return always(study, child, seen)
    return "its conditions leave nothing out"


def never(study: Study, node: Node, seen: Mapping[int, int]) -> str:
    """Why ``node`` cannot hold."""
    if isinstance(node, Leaf):
        return f"`{node.fact}` is never {_said(study, node)}"
    if isinstance(node, Not):
        return always(study, node.node, seen)
    if isinstance(node, All):
        for child in node.nodes:
            if not seen.get(id(child), PASS) & PASS:
                return never(study, child, seen)
        return "its conditions exclude each other"
    return "none of its conditions ever holds"


def condition(study: Study, atom: Atom) -> str:
    """A condition of a row as the file says it."""
    match atom:
        case FactAtom(leaf):
            return f"`{leaf.fact}` {_said(study, leaf)}"
        case ScoreAtom(score, op, operand):
            decimals = next((book.scores[score].decimals for book in study.eligibility() if score in book.scores), 0)
            ends = [scaled_text(end, decimals) for end in (operand if isinstance(operand, tuple) else (operand,))]
            return f"the score `{score}` {_operator(op)} `{' and '.join(ends)}`"
        case FailedAtom(effect, group, criterion):
            return f"`failed: {effect}`{_narrowed(group, criterion)}"
        case UnknownAtom(wanted, group, criterion):
            return f"`unknown: {str(wanted).lower()}`{_narrowed(group, criterion)}"
        case ScreeningAtom(outcomes):
            return f"`screening: {outcomes[0] if len(outcomes) == 1 else list(outcomes)}`".replace("'", "")
        case WarningsAtom(some):
            return f"`warnings: {'any' if some else 'none'}`"
        case BandAtom(level, band):
            return f"`{level}: {band or 'any'}`"
        case StreakAtom(op, operand, band):
            number = " and ".join(map(str, operand)) if isinstance(operand, tuple) else operand
            return f"a streak {'' if band is None else f'of `{band}` '}{_operator(op)} `{number}`"
        case ClearForAtom(months):
            return f"`clear_for: {months} months`"


def mend(study: Study, node: Node) -> str:
    """What to do about a condition that always or never holds."""
    if isinstance(node, Leaf):
        known = study.range_text(node.fact)
        return f"{known}: mend the threshold, or the range" if known else "mend the threshold"
    return "mend a threshold, or take a condition away"


def _said(study: Study, leaf: Leaf) -> str:
    """The comparison in words: ``at least `15%```."""
    return f"{_operator(leaf.op)} {study.operand(leaf)}".removeprefix("is ")


def _operator(op: str) -> str:
    return "of the form" if op == "matches" else op.replace("_", " ")


def _narrowed(group: str | None, criterion: str | None) -> str:
    told = [f"{kind} `{name}`" for kind, name in (("group", group), ("criterion", criterion)) if name is not None]
    return f" ({', '.join(told)})" if told else ""
