"""Decisions as lines for people: rendered on reading, from the stored book; the wording is the rules room's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from fastbrand.store import books
from rules.loader import load_closure

if TYPE_CHECKING:
    from fastbrand.store.decisions import DecisionRow


def decision_lines(conn: Connection, stored: DecisionRow, lang: str) -> list[str]:
    """What a decision found, failed and unknown criteria first, with file and line, in ``lang``."""
    row = books.get(conn, stored.book_sha256)
    if row is None:
        return [f"decision {stored.decision_id}: {stored.outcome} (its book is not stored)"]
    from rules.explain import explain_lines

    return explain_lines(load_closure(row.closure), json.loads(stored.core), lang)


def step_lines(conn: Connection, stored: DecisionRow, lang: str = "en") -> list[str]:
    """How the amount of a grant came about, step by step, and what the next tier needs."""
    row = books.get(conn, stored.book_sha256)
    if row is None:
        return []
    from rules.explain import explain_steps

    return explain_steps(load_closure(row.closure), json.loads(stored.core), lang)


def row_lines(conn: Connection, stored: DecisionRow, lang: str = "en") -> list[str]:
    """Which row decided, which rows before it did not hold, and why."""
    row = books.get(conn, stored.book_sha256)
    if row is None:
        return []
    from rules.row_texts import explain_rows

    return explain_rows(load_closure(row.closure), json.loads(stored.core), lang)


def matching_lines(conn: Connection, stored: DecisionRow, lang: str = "en") -> list[str]:
    """Which providers were proposed, what speaks for each, and who was left out why."""
    row = books.get(conn, stored.book_sha256)
    if row is None:
        return []
    from rules.matching_texts import explain_matching

    return explain_matching(load_closure(row.closure), json.loads(stored.core), lang)


def further_lines(conn: Connection, stored: DecisionRow, lang: str = "en") -> list[str]:
    """How a decision of its kind came about: the steps of an amount, who was proposed, or which row decided."""
    lines = {"incentive": step_lines, "matching": matching_lines}.get(stored.kind, row_lines)
    return lines(conn, stored, lang)


def summary_of(conn: Connection, stored: DecisionRow, lang: str = "en") -> str:
    """A decision in one paragraph for a merchant; empty where there is nothing to say to one."""
    row = books.get(conn, stored.book_sha256)
    if row is None:
        return ""
    from rules.summaries import summary

    return summary(load_closure(row.closure), json.loads(stored.core), lang)
