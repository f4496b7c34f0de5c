"""Whether a Temporal server that lives also serves: asked again and again beside whatever else is done.

A process may be there and answer nobody: stopped, out of descriptors, or with a database connection that is broken
(docs/decisions/server-driver.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

from fastbrand.domain.errors import FastbrandError, Unreachable
from fastbrand.temporal_server import connect_when_ready

_EVERY_S = 2.0
_ANSWER_S_MAX = 2.0


class Pulse:
    """Asks the server at ``address`` (``host:port``) for ``namespace`` every two seconds, from ``start`` to ``stop``.

    An answer is one for which the server had to read its database. Threads of any kind may use it.
    """

    def __init__(self, address: str, namespace: str) -> None:
        self._address, self._namespace = address, namespace
        self._lost_at: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def lost_s(self) -> float:
        """For how many seconds every question has failed; 0 while the last one did not.

        Counted from the end of the first failure: where we ourselves were stopped for a while, the next question tells.
        """
        lost_at = self._lost_at
        return 0.0 if lost_at is None else time.monotonic() - lost_at

    def start(self) -> None:
        """Begin to ask."""
        loop = self._loop = asyncio.new_event_loop()
        asking = self._asking = loop.create_task(self._ask_on())

        def run() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(asking)
            loop.close()

        self._thread = threading.Thread(target=run, name="fastbrand-pulse", daemon=True)
        self._thread.start()

    def forget(self) -> None:
        """Count from anew: it is another server process."""
        self._lost_at = None

    def stop(self) -> None:
        """Ask no more, whatever is under way; may be called twice, and without a start."""
        if self._loop is None or self._thread is None or self._asking is None:
            return
        with contextlib.suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._asking.cancel)
        self._thread.join()

    async def _ask_on(self) -> None:
        while True:
            try:
                await connect_when_ready(self._address, self._namespace, within_s=_ANSWER_S_MAX)
            except Unreachable:
                if self._lost_at is None:
                    self._lost_at = time.monotonic()
            except FastbrandError:
                self._lost_at = None  # whatever it said, it answered
            else:
                self._lost_at = None
            await asyncio.sleep(_EVERY_S)
