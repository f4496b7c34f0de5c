"""What a child process does: decide about a batch of records by one book. Nothing heavy is imported in here.

Errors of a record come back in its place. Errors of the whole task (an unreadable book, no such rule book, not in
force) come back as the reply's ``error``. Whatever else goes wrong is an ``EngineFault``, never a pass.
"""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastbrand.domain.errors import EngineFault, FastbrandError
from rules.evaluate import CompiledBook
from rules.loader import load_closure
from rules.packing import Answer, Packed, pack
from rules.records import Context, Record
from rules.situation import Moment

KEPT_BOOKS = 8
"""Most books that a child keeps compiled."""

_NEW_OBJECTS = 50_000
"""So many new objects make the child look for cycles: answers have none, and there are hundreds of parts to each."""


@dataclass(frozen=True, slots=True)
class Task:
    """Decide about ``records`` by ``rulebook``; without one, screen them for the track in ``context``.

    ``effective_at`` is the moment at which the rule book must be in force (None: no matter, as in a replay).
    """

    closure: bytes
    rulebook: str | None
    records: tuple[Record, ...]
    as_of: datetime
    effective_at: datetime | None
    context: Context

    def only(self, records: tuple[Record, ...]) -> Task:
        """The same for other records."""
        return replace(self, records=records)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer a record, in order, packed; or none, and the error of the whole task."""

    answers: tuple[Packed, ...] = ()
    error: FastbrandError | None = None


def begin(parent: int) -> None:
    """Runs first in a child: it dies with ``parent``, even while it hangs in C (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
    gc.set_threshold(_NEW_OBJECTS, 20, 20)


def work(task: Task) -> Reply:
    """Decide about every record of ``task``."""
    try:
        book = _compiled(task.closure)
        moment = book.moment(task.as_of)
        effective = None if task.effective_at is None else book.moment(task.effective_at)
        return Reply(tuple([pack(_answer(book, task, record, moment, effective)) for record in task.records]))
    except FastbrandError as error:
        return Reply(error=error)
    except Exception as error:
        return Reply(error=_broken(error))


def _answer(book: CompiledBook, task: Task, record: Record, moment: Moment, effective: Moment | None) -> Answer:
    try:
        asked = book.ask(record, moment)
    except FastbrandError as error:
        return error
    if task.rulebook is None:
        return _guarded(lambda: book.screen(asked, task.context.track, effective))
    rulebook = task.rulebook
    return _guarded(lambda: book.decide(rulebook, asked, task.context, effective))


def _guarded(decide: Callable[[], Any]) -> Answer:
    """An engine fault belongs to the record; other errors of ours, past the facts, belong to the whole task."""
    try:
        answer: Answer = decide()
    except EngineFault as fault:
        return fault
    except FastbrandError:
        raise
    except Exception as error:
        return _broken(error)
    return answer


def _broken(error: Exception) -> EngineFault:
    return EngineFault(f"the evaluator failed: {type(error).__name__}: {error}")


_books: OrderedDict[str, CompiledBook] = OrderedDict()


def _compiled(closure: bytes) -> CompiledBook:
    """The compiled book of ``closure``; the last few are kept."""
    sha256 = hashlib.sha256(closure).hexdigest()
    book = _books.get(sha256)
    if book is None:
        book = _books[sha256] = CompiledBook(load_closure(closure))
        if len(_books) > KEPT_BOOKS:
            _books.popitem(last=False)
    _books.move_to_end(sha256)
    return book
