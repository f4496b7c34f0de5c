"""Where cases wait: a queue, the role that takes them, how soon, and where those go that are late."""

from __future__ import annotations

from typing import Any

from rules.durations import parse_deadline
from rules.loading.reading import Fields, Reader
from rules.programme_schema import ESCALATION
from rules.words import ROLES
from rules.yaml_guard import Node


def desk(reader: Reader, fields: Fields) -> dict[str, Any] | None:
    """``queue, role, sla`` and, where it is written, ``escalate_to``; None where there is a mistake."""
    sla_node, late_node = fields.get("sla"), fields.get("escalate_to")
    place = _place(reader, fields)
    sla = reader.take(parse_deadline, sla_node, "`sla`") if sla_node else None
    late = _escalation(reader, late_node) if late_node else {}
    if place is None or sla is None or late is None:
        return None
    return {**place, "sla": sla, **({"escalate_to": late} if late else {})}


def _escalation(reader: Reader, node: Node) -> dict[str, str] | None:
    fields = reader.fields(node, ESCALATION, "write `{queue: escalations, role: reviewer}`")
    return None if fields is None else _place(reader, fields)


def _place(reader: Reader, fields: Fields) -> dict[str, str] | None:
    queue_node, role_node = fields.get("queue"), fields.get("role")
    queue = reader.name(queue_node, "`queue`") if queue_node else None
    role = reader.word(role_node, "a role", ROLES) if role_node else None
    return None if queue is None or role is None else {"queue": queue, "role": role}
