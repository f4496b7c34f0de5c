"""How every step is registered: under its name, and never broken off.

Where a step is called off (its task is given up, its worker stops), the SDK otherwise raises an error somewhere in its
thread. One that met it between taking its turn to write and giving it back left nobody else a turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from temporalio import activity

F = TypeVar("F", bound=Callable[..., Any])


def uninterrupted(name: str) -> Callable[[F], F]:
    """Register a method as the activity ``name``, which runs to its end though it is called off."""
    return activity.defn(name=name, no_thread_cancel_exception=True)
