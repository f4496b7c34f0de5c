"""One message after another: commands and signals queue here, and a workflow's main loop takes them in order.

Handlers never touch state while another step is under way, a command is written down before anything is done about it,
a command id is done once and its result remembered, and a refusal reaches the person who asked as an
``ApplicationError`` with our code as its type, never as a workflow failure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.payloads import Payload
    from fastbrand.domain.people import MAY, Action, Role
    from workflows.messages import Command, Remembered

V = TypeVar("V", bound=Payload)

_A_MOMENT = timedelta(milliseconds=1)
"""Wait so long, and the workflow task ends: all that it accepted is in the history."""

REMEMBERED_MAX = 64
"""How many command results are carried over; Temporal's own update ids cover the run itself."""


def refusal(code: str, message: str, hint: str = "") -> ApplicationError:
    """An error of the business for the person who asked: ``code`` is one of ``fastbrand.domain.errors``."""
    return ApplicationError(message, hint, type=code, non_retryable=True)


def check_role(command: Command, action: Action) -> None:
    """Refuse a command whose role may not do ``action`` (the service checked the person; this checks the service)."""
    if command.role not in {str(role) for role in MAY[action]}:
        may = ", ".join(sorted(str(role) for role in MAY[action]))
        known = command.role if command.role in set(Role) else "unknown"
        raise refusal("not_permitted", f"role `{known}` may not do `{action}`", f"it takes one of: {may}")


class Mailbox:
    """Queue of messages and memory of what came of commands."""

    def __init__(self, remembered: tuple[Remembered, ...] = ()) -> None:
        self._queue: deque[Payload] = deque()
        self._serving = False
        self._asked: set[str] = set()
        self._done: dict[str, Remembered] = {item.command_id: item for item in remembered}

    def __bool__(self) -> bool:
        return bool(self._queue)

    def put(self, message: Payload) -> None:
        """Queue a signal."""
        self._queue.append(message)

    def take(self) -> Payload:
        """The oldest message. Raises ``IndexError`` where there is none."""
        return self._queue.popleft()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """While open, a message is being served."""
        self._serving = True
        try:
            yield
        finally:
            self._serving = False

    def settled(self) -> bool:
        """Whether no message waits or is being served: what the workflow knows is all that it was told.

        Where not, a validator lets a command in, and it is judged when its turn comes.
        """
        return not self._queue and not self._serving and not self._asked

    def coming(self) -> bool:
        """Whether a command is being written down, and will be in the queue in a moment."""
        return bool(self._asked) and not self._queue and not self._serving

    async def quiet(self) -> bool:
        """Wait until nobody waits for an answer (True), or until there is something to serve (False)."""
        await workflow.wait_condition(lambda: bool(self._queue) or workflow.all_handlers_finished())
        return not self._queue

    def knows(self, command_id: str) -> bool:
        """Whether the command is done or queued already: a validator lets it through to its first result."""
        return command_id in self._done or command_id in self._asked

    async def ask(self, command: Command, view: type[V]) -> V:
        """Queue ``command`` unless it was asked before, wait until it is done; gives its view or raises its refusal.

        It is queued when it is in the history. An update that is accepted and served in one workflow task is forgotten
        where a worker dies in that task, while its steps have been done: nobody would ever do what follows from them.
        """
        if not self.knows(command.command_id):
            self._asked.add(command.command_id)
            await workflow.sleep(_A_MOMENT, summary="the command is written down")
            self._queue.append(command)
        await workflow.wait_condition(lambda: command.command_id in self._done)
        result = self._done[command.command_id]
        if result.view is None:
            raise refusal(result.error_code, result.error_message, result.error_hint)
        return view.model_validate(result.view)

    def answer(self, command_id: str, view: Payload) -> None:
        """The command is done: whoever waits gets ``view``."""
        self._settle(Remembered(command_id=command_id, view=view.model_dump(mode="json")))

    def refuse(self, command_id: str, error: ActivityError | ApplicationError) -> None:
        """The command was refused by a step: whoever waits gets the step's own code and words."""
        cause = error.cause if isinstance(error, ActivityError) else error
        if isinstance(cause, ApplicationError):
            hint = str(cause.details[0]) if cause.details else ""
            code, message = cause.type or "internal", cause.message
        else:
            code, message, hint = "internal", str(error), ""
        self._settle(Remembered(command_id=command_id, error_code=code, error_message=message, error_hint=hint))

    def carry(self) -> tuple[Remembered, ...]:
        """The newest results, for the next run."""
        return tuple(self._done.values())[-REMEMBERED_MAX:]

    def _settle(self, result: Remembered) -> None:
        self._asked.discard(result.command_id)
        self._done[result.command_id] = result
