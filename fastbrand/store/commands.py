"""Commands that staff gave: a command id said twice is done once and answered the same."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam
from sqlmodel import Field

from fastbrand.domain.errors import CommandConflict
from fastbrand.store.columns import AnswerText, StoreTable, UtcTime
from fastbrand.store.once import InsertOnce
from fastbrand.store.rows import RowReader


class CommandTable(StoreTable, table=True):
    """A command that was carried out, and its result."""

    __tablename__ = "command"

    command_id: str = Field(primary_key=True, max_length=300)
    action: str = Field(max_length=40)
    params_hash: str = Field(max_length=64)
    actor: str = Field(max_length=80)
    subject: str = Field(max_length=300)
    result: str = Field(sa_type=AnswerText)
    at: datetime = Field(sa_type=UtcTime)


COMMAND = StoreTable.metadata.tables["command"]


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command that was carried out. ``params_hash`` is over all that makes it this command."""

    command_id: str
    action: str
    params_hash: str
    actor: str
    subject: str
    result: Any
    at: datetime


_COLUMNS = tuple(field.name for field in fields(CommandRow))
_COMMANDS = RowReader(COMMAND, CommandRow)
_REMEMBER = InsertOnce(COMMAND, ("command_id",))
_GET = _COMMANDS.select.where(COMMAND.c.command_id == bindparam("command"))


def find(conn: Connection, command_id: str, params_hash: str | None = None) -> CommandRow | None:
    """The command, or None. Raises ``CommandConflict`` where ``params_hash`` is given and is another."""
    command = _COMMANDS.first(conn, _GET, {"command": command_id})
    if command is not None and params_hash is not None and command.params_hash != params_hash:
        raise CommandConflict(
            f"command id `{command_id}` was used before with other parameters", hint="use a new command id"
        )
    return command


def remember(
    conn: Connection,
    *,
    command_id: str,
    action: str,
    params_hash: str,
    actor: str,
    subject: str,
    result: Any,
    at: datetime,
) -> CommandRow:
    """Keep a command's result (JSON data); the first one stands and is returned.

    Raises ``CommandConflict`` where the id was used with other parameters.
    """
    row = CommandRow(command_id, action, params_hash, actor, subject, result, at)
    if _REMEMBER(conn, {name: getattr(row, name) for name in _COLUMNS}):
        return row
    kept = find(conn, command_id, params_hash)
    assert kept is not None  # it was there before
    return kept
