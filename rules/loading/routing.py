"""Kind ``routing``: which queue and role a case goes to, which track a party is on, whether it carries the mark."""

from __future__ import annotations

from typing import Any, Literal, cast

from rules import schema
from rules.loading.desks import desk
from rules.loading.head import head
from rules.loading.reading import Fields, Reader
from rules.loading.rows import collected, fact_atoms, failed_atoms, rows, score_atoms, when_fields
from rules.loading.scope import Scope
from rules.model import Atom, Routing, ScreeningAtom, WarningsAtom
from rules.words import DECIDES, ELIGIBILITY_OUTCOMES, ENDORSEMENTS, ROUTING_TRACKS
from rules.yaml_guard import Mapping, Node, Sequence

Decides = Literal["queue", "track", "endorsement"]


def routing(reader: Reader, scope: Scope, node: Node) -> Routing | None:
    """A routing book: rows over screening and facts, the first that holds decides."""
    fields = reader.fields(node, schema.ROUTING)
    if fields is None:
        return None
    found_head = head(reader, fields)
    decides_node, rows_node = fields.get("decides"), fields.get("rows")
    decides = reader.word(decides_node, "what a routing book decides", DECIDES) if decides_node else None
    if rows_node is None or decides is None:
        return None
    found = rows(
        reader,
        rows_node,
        "`rows`",
        schema.ROUTING_ROW,
        lambda when: _when(reader, scope, when, decides),
        lambda row: _then(reader, row, decides),
    )
    if found_head is None or found is None:
        return None
    return Routing(found_head, cast(Decides, decides), found)


def _when(reader: Reader, scope: Scope, node: Node, decides: str) -> tuple[Atom, ...] | None:
    # the track is decided before screening, so nothing of screening is known there
    if decides == "track":
        node = _only_facts(reader, node)
    fields = when_fields(reader, node, schema.ROUTING_WHEN)
    if fields is None:
        return None
    return collected(
        _screening(reader, fields),
        failed_atoms(reader, scope, fields),
        score_atoms(reader, scope, fields),
        _warnings(reader, fields),
        fact_atoms(reader, scope, fields),
    )


def _only_facts(reader: Reader, node: Node) -> Node:
    """Report what a track row cannot know."""
    known = {key.name for key in schema.TRACK_WHEN.keys}
    later = {key.name for key in schema.ROUTING_WHEN.keys} - known
    for key, _ in node.pairs if isinstance(node, Mapping) else ():
        if key.text in later:
            message = f"`{key.text}` is not known yet: the track is decided before screening"
            reader.wrong(key, "not_here", message, "use `fact`")
    return node


def _screening(reader: Reader, fields: Fields) -> tuple[Atom, ...] | None:
    node = fields.get("screening")
    if node is None:
        return ()
    items = reader.items(node, "`screening`") if isinstance(node, Sequence) else [node]
    outcomes = [reader.word(item, "an outcome", ELIGIBILITY_OUTCOMES) for item in items or ()]
    whole = tuple(outcome for outcome in outcomes if outcome is not None)
    return (ScreeningAtom(whole),) if whole and len(whole) == len(outcomes) else None


def _warnings(reader: Reader, fields: Fields) -> tuple[Atom, ...] | None:
    node = fields.get("warnings")
    if node is None:
        return ()
    wanted = reader.word(node, "`none` or `any`", ("none", "any"))
    return None if wanted is None else (WarningsAtom(wanted == "any"),)


# --- what a row says ----------------------------------------------------------------------------------------------


def _then(reader: Reader, row: Fields, decides: str) -> dict[str, Any] | None:
    node = row.get("then")
    if node is None:
        return None
    if decides == "queue":
        return _queue(reader, node)
    if decides == "track":
        fields = reader.fields(node, schema.TRACK_THEN, "write `{track: M}`")
        value = fields.get("track") if fields else None
        track = reader.word(value, "a track", ROUTING_TRACKS) if value else None
        return None if track is None else {"track": track}
    fields = reader.fields(node, schema.ENDORSEMENT_THEN, "write `{endorsement: required}`")
    value = fields.get("endorsement") if fields else None
    mark = reader.word(value, "`required`, `optional` or `none`", ENDORSEMENTS) if value else None
    return None if mark is None else {"endorsement": mark}


def _queue(reader: Reader, node: Node) -> dict[str, Any] | None:
    """``{by: system}``, or queue, role, sla, four_eyes and, where it is written, escalate_to."""
    if isinstance(node, Mapping) and any(key.text == "by" for key, _ in node.pairs):
        by_fields = reader.fields(node, schema.SYSTEM_THEN)
        by_node = by_fields.get("by") if by_fields else None
        by = reader.word(by_node, "`system`", ("system",)) if by_node else None
        return None if by is None else {"by": by}
    fields = reader.fields(node, schema.QUEUE_THEN, "write `{queue: ..., role: ..., sla: ...}`, or `{by: system}`")
    if fields is None:
        return None
    eyes_node = fields.get("four_eyes")
    eyes = reader.flag(eyes_node, "`four_eyes`") if eyes_node else True
    found = desk(reader, fields)
    if found is None or eyes is None:
        return None
    return {**found, "four_eyes": eyes}
