"""A stored decision in words: rendered from the book that decided it, never stored."""

from __future__ import annotations

from typing import Any

from fastbrand.domain.errors import NotFound
from fastbrand.service.office import Office
from fastbrand.service.texts import decision_lines, further_lines, summary_of
from fastbrand.store import decisions


def explain(office: Office, decision_id: str, lang: str) -> dict[str, Any]:
    """``{decision, lines[], summary}``: the decision's core with its id, and what it says, in ``lang``; the summary is
    one paragraph for the merchant (empty for routing and matching).

    Outcome, scores and criteria first, then which row decided, how the bonus came about, or who was proposed.
    Raises ``NotFound``.
    """
    with office.db.read() as conn:
        row = decisions.get(conn, decision_id)
        if row is None:
            raise NotFound(
                f"decision `{decision_id}` is not known", hint="see `fastbrand party show ID --json` for ids"
            )
        lines = [*decision_lines(conn, row, lang), *further_lines(conn, row, lang)]
        return {"decision": row.decision(), "lines": lines, "summary": summary_of(conn, row, lang)}
