"""Processes that begin bare, without the caller's main module, and one thread that starts them.

The standard library's spawn imports the parent's main module again in every child. For a console script, a worker or a
test run that is slow at best, and a script without a ``__main__`` guard would start itself for ever.

A child that asks the kernel to die with its parent dies with the *thread* that started it. So one thread that lives as
long as the process starts them all: the keeper.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, TypeVar

_launching = threading.Lock()


class BareProcess(SpawnProcess):
    """A spawned process that does not import the parent's main module."""

    def start(self) -> None:
        """Start the process."""
        with _without_main():
            super().start()


class BareContext(SpawnContext):
    """A multiprocessing context of ``BareProcess``."""

    Process = BareProcess


@contextmanager
def _without_main() -> Iterator[None]:
    """While open, what this thread tells a child about itself leaves out the main module; other threads tell theirs."""
    thread = threading.get_ident()
    with _launching:
        whole = spawn.get_preparation_data

        def bare(name: str) -> dict[str, Any]:
            data = whole(name)
            if threading.get_ident() == thread:
                data.pop("init_main_from_name", None)
                data.pop("init_main_from_path", None)
            return data

        spawn.get_preparation_data = bare
        try:
            yield
        finally:
            spawn.get_preparation_data = whole


_orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
_hiring = threading.Lock()
_keeper: threading.Thread | None = None
_T = TypeVar("_T")


def on_keeper(make: Callable[[], _T]) -> _T:
    """What ``make`` gives, called in the keeper thread. Raises what it raises."""
    global _keeper
    with _hiring:
        if _keeper is None or not _keeper.is_alive():
            _keeper = threading.Thread(target=_keep, name="fastbrand-rules-keeper", daemon=True)
            _keeper.start()
    made: Future[_T] = Future()

    def order() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    _orders.put(order)
    return made.result()


def _keep() -> None:
    while True:
        _orders.get()()
