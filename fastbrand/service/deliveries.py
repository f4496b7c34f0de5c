"""Delivery reports: one by hand, or a file of them; what cannot be booked is refused whole and told row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain.errors import InputError, NotFound, Refused
from fastbrand.domain.names import check_label
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.grants import find
from fastbrand.service.moments import parse_moment
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.store import deliveries
from fastbrand.store.deliveries import Booked, Report

if TYPE_CHECKING:
    from fastbrand.service.table_files import Cell, RowMistake, Table, TableRow

REPORT_ID_MAX = 64
"""Characters of a report's id."""

COLUMNS = ("grant_id", "tranche", "units", "report_id", "reported_at")
NEEDED = COLUMNS[:4]
_SHOWN = 20
"""Mistakes that a result tells; all of them are in the error file."""


async def consume(
    office: Office, grant_id: str, *, tranche: int, units: int, report_id: str, reported_at: str | None, who: Asker
) -> dict[str, Any]:
    """Book one report: ``grant_id, tranche, report_id, units, state, consumed, late, debt``.

    ``state`` is booked, or repeated where it had been booked before. ``reported_at`` is until when it counts (default:
    now). Raises ``Refused`` (audited) where it cannot be booked, ``NotFound``, ``InputError``.
    """
    grant = find(office, grant_id)
    now = office.now()
    report = _report(grant_id, tranche, units, report_id, _counted(reported_at, now))
    params = {"tranche": tranche, "units": units, "report_id": report_id, "reported_at": reported_at}
    order = Order(Action.GRANT_CONSUME, "grant", grant_id, params, party_id=grant.party_id, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        answer = _book(office, report, envelope, now)
        shown = {"grant_id": grant_id, "tranche": tranche, "report_id": report_id, "units": units}
        if isinstance(answer, Refused):  # audited with the report: told as an answer, so that it is not told twice
            return {**shown, "state": "refused", "error": answer.as_dict(), "command_id": envelope.command_id}
        return {
            **shown,
            "state": "booked" if answer.first else "repeated",
            "consumed": answer.consumed,
            "late": answer.late,
            "debt": answer.debt,
            "command_id": envelope.command_id,
        }

    result = await carry_out(office, order, send)
    if result["state"] == "refused":
        error = result["error"]
        raise Refused(error["message"], hint=error["hint"], code=error["code"])
    return result


@dataclass(slots=True)
class _Count:
    """What became of a file's rows."""

    booked: int = 0
    repeated: int = 0
    refused: int = 0
    units: int = 0
    late: int = 0
    debt: int = 0


async def consume_file(office: Office, path: Path, *, errors: Path | None, who: Asker) -> dict[str, Any]:
    """Book every row of a CSV, JSON, JSONL or Parquet file with the columns grant_id, tranche, units, report_id and
    (optional) reported_at.

    Gives ``file, rows, booked, repeated, refused, mistakes, units, late, debt, problems[], ignored_columns[], errors``.
    Each row is a transaction of its own: the others go on, and the same file again books nothing twice. Rows that were
    refused or cannot be read are in ``problems`` (the first ones) and, all of them, in the file ``errors``. Raises
    ``InputError`` where the file as a whole cannot be taken.
    """
    from fastbrand.service.facts_files import write_errors
    from fastbrand.service.table_files import RowMistake, known_column, read_table

    table = read_table(path)
    for column in NEEDED:
        known_column(table, column)
    if errors is not None:
        write_errors(errors, [])  # before anything is booked: it must be a place that can be written
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    order = Order(Action.GRANT_CONSUME, "delivery_file", path.name[:200], {"sha256": digest}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        now, count = office.now(), _Count()
        problems: list[RowMistake] = list(table.mistakes)
        for row, report in _reports(table, now, problems):
            try:
                answer = _book(office, report, envelope, now)
            except NotFound as error:
                problems.append(RowMistake(row, "", report.grant_id, error.message, error.hint))
                continue
            if isinstance(answer, Refused):
                count.refused += 1
                problems.append(RowMistake(row, "", report.report_id, answer.message, answer.hint))
                continue
            _add(count, answer)
        problems.sort(key=lambda each: each.row)
        if errors is not None:
            write_errors(errors, problems)
        return {
            "file": path.name,
            "rows": count.booked + count.repeated + len(problems),
            "booked": count.booked,
            "repeated": count.repeated,
            "refused": count.refused,
            "mistakes": len(problems) - count.refused,
            "units": count.units,
            "late": count.late,
            "debt": count.debt,
            "problems": [_problem(each) for each in problems[:_SHOWN]],
            "ignored_columns": [column for column in table.columns if column not in COLUMNS],
            "errors": str(errors) if errors is not None else None,
            "command_id": envelope.command_id,
        }

    return await carry_out(office, order, send)


def _add(count: _Count, answer: Booked) -> None:
    if not answer.first:
        count.repeated += 1
        return
    count.booked += 1
    count.units += answer.units
    count.late += answer.late
    count.debt += answer.debt


def _book(office: Office, report: Report, envelope: Envelope, now: datetime) -> Booked | Refused:
    with office.db.write() as conn:
        return deliveries.book(conn, report, at=now, actor=envelope.who(), reason=envelope.order.reason or None)


def _reports(table: Table, now: datetime, problems: list[RowMistake]) -> Iterator[tuple[int, Report]]:
    """The rows that can be read, as reports; the others go to ``problems``."""
    from fastbrand.service.table_files import RowMistake, shown_cell

    broken = {each.row for each in table.mistakes}
    for row in table.rows:
        if row.row in broken:
            continue
        column = "grant_id"
        try:
            grant_id = _text(row, column)
            column = "tranche"
            tranche = _whole(row, column)
            column = "units"
            units = _whole(row, column)
            column = "report_id"
            report_id = _text(row, column)
            column = "reported_at"
            counted = _counted(shown_cell(row.cells.get(column)), now)
            column = "report_id"
            yield row.row, _report(grant_id, tranche, units, report_id, counted)
        except InputError as error:
            problems.append(RowMistake(row.row, column, shown_cell(row.cells.get(column)), error.message, error.hint))


def _report(grant_id: str, tranche: int, units: int, report_id: str, counted_until: datetime) -> Report:
    check_label(report_id, "report id", REPORT_ID_MAX)
    for what, number in (("tranche", tranche), ("units", units)):
        if not 1 <= number < 2**53:
            raise InputError(f"`{number}` is not a number of {what}", hint="give a whole number of 1 or more")
    return Report(grant_id, tranche, units, report_id, counted_until)


def _counted(text: str | None, now: datetime) -> datetime:
    """Until when a report counts. Raises ``InputError`` on what is no moment, and on the future."""
    if not text:
        return now
    moment = parse_moment(text)
    if moment > now:
        raise InputError(f"`{text}` is in the future", hint="give the moment until which the report counts")
    return moment


def _text(row: TableRow, column: str) -> str:
    from fastbrand.service.table_files import shown_cell

    text = shown_cell(row.cells.get(column)).strip()
    if not text:
        raise InputError(f"`{column}` is empty", hint="every report names its grant and itself")
    return text


def _whole(row: TableRow, column: str) -> int:
    cell: Cell = row.cells.get(column)
    if isinstance(cell, str) and cell.strip().isascii() and cell.strip().isdigit():
        return int(cell[:40])
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    if isinstance(cell, Decimal) and cell == cell.to_integral_value() and abs(cell) < 2**53:
        return int(cell)
    raise InputError(f"`{column}` is not a whole number", hint="write digits only, like `1200`")


def _problem(each: RowMistake) -> dict[str, Any]:
    return {"row": each.row, "column": each.column, "value": each.value, "message": each.message, "hint": each.hint}
