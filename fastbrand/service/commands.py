"""How a staff command runs: who may, said once or twice, sent as a Temporal update, refusals audited."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import rfc8785

from fastbrand.domain import clock, errors, names
from fastbrand.domain.audit import Actor, AuditEvent, Verb
from fastbrand.domain.people import Action, role_for
from fastbrand.service.office import Office
from fastbrand.store import audit, commands

if TYPE_CHECKING:
    from workflows.messages import Command

_BY_CODE: dict[str, type[errors.FastbrandError]] = {
    kind.code: kind
    for kind in (
        errors.UsageError,
        errors.InputError,
        errors.NotFound,
        errors.Refused,
        errors.NotPermitted,
        errors.FourEyes,
        errors.StaleRevision,
        errors.IllegalTransition,
        errors.CommandConflict,
        errors.EngineFault,
        errors.LedgerConflict,
    )
}


COMMAND_ID_MAX = 200
NOTE_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asks for: the action, on what, with which parameters (all that makes it this command).

    ``wanted``: the role that it waits for.
    """

    action: Action
    subject_kind: str
    subject_id: str
    params: dict[str, Any]
    actor: str | None = None
    command_id: str | None = None
    reason: str = ""
    expected_revision: int | None = None
    party_id: str | None = None
    wanted: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """An order that was let through: who, in which role, under which command id."""

    order: Order
    command_id: str
    actor: str
    role: str

    def fill(self, kind: type[Command], **more: Any) -> Any:
        """The workflow message ``kind`` with this envelope."""
        return kind(
            command_id=self.command_id,
            actor=self.actor,
            role=self.role,
            reason=self.order.reason,
            expected_revision=self.order.expected_revision,
            sent_at=clock.in_use().time(datetime.now(UTC)),
            **more,
        )

    def who(self) -> Actor:
        """The person, for the audit."""
        return Actor("human", self.actor, self.role)


async def carry_out(
    office: Office, order: Order, send: Callable[[Envelope], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """Check who asks, answer a repeated command from memory, otherwise ``send`` it; remember the result.

    Raises the business error it was refused with, after the refusal is in the audit.
    """
    command_id = names.check_label(order.command_id or str(uuid.uuid4()), "command id", COMMAND_ID_MAX)
    if len(order.reason) > NOTE_MAX:
        raise errors.InputError(f"the note has {len(order.reason):,} characters", hint=f"{NOTE_MAX:,} are the most")
    params = {"subject": order.subject_id, "actor": order.actor, "reason": order.reason, **order.params}
    digest = hashlib.sha256(rfc8785.dumps([str(order.action), params])).hexdigest()
    named = order.actor or office.settings.actor or None
    try:
        identity, role = office.people.permit(named, order.action)
        with office.db.read() as conn:
            known = commands.find(conn, command_id)
        if known is not None:
            if known.params_hash != digest:
                raise errors.CommandConflict(
                    f"command id `{command_id}` was used before with other parameters",
                    hint="leave `--command-id` out, or use a new one",
                )
            return dict(known.result)
        if order.wanted is not None:  # asked last: a command that was carried out is answered, whatever waits now
            identity, role = office.people.permit(named, order.action, order.wanted)
        envelope = Envelope(order, command_id, identity.id, str(role))
        result = await send(envelope)
    except errors.Refused as error:
        _note_refusal(office, order, command_id, error)
        raise
    with office.db.write() as conn:
        commands.remember(
            conn,
            command_id=command_id,
            action=str(order.action),
            params_hash=digest,
            actor=envelope.actor,
            subject=order.subject_id,
            result=result,
            at=office.now(),
        )
    return result


def _note_refusal(office: Office, order: Order, command_id: str, error: errors.Refused) -> None:
    """A refused update leaves no workflow event, so the refusal is audited here."""
    at = office.now()
    name = order.actor or office.settings.actor or office.people.development or "nobody"
    known = office.people.by_id.get(name)
    role = (role_for(known, order.action) or min(known.roles)) if known else "unknown"
    event = AuditEvent(
        verb=Verb.COMMAND_REFUSED,
        key=f"{command_id}/{error.instance_code}/{at.isoformat()}",
        actor=Actor("human", name[:64], str(role)),
        subject_kind=order.subject_kind,
        subject_id=order.subject_id[:200],
        party_id=order.party_id,
        after={"action": str(order.action), "code": error.instance_code, "command_id": command_id},
        reason=error.message,
    )
    with office.db.write() as conn:
        audit.append(conn, event, at)


def business_error(code: str, message: str, hint: str) -> errors.FastbrandError:
    """The domain error for a code that came back from a workflow."""
    kind = _BY_CODE.get(code)
    if kind is None:
        return errors.FastbrandError(message, hint=hint, code=code or "internal")
    return kind(message, hint=hint)
