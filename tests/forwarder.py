"""A way to a server that a test can cut and mend."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Forwarder:
    """Passes bytes on between ``address`` (its own, ``host:port``) and a server's, while it is not cut."""

    def __init__(self, to: str) -> None:
        host, _, port = to.rpartition(":")
        self._to = (host, int(port))
        self._cut = False
        self._listener: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        """Where to reach the server by way of us."""
        assert self._listener is not None
        return f"127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    async def listen(self) -> None:
        """Begin, on a free port, which stays ours until ``close``."""
        self._listener = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)

    def cut(self) -> None:
        """Break every connection, and those that are tried from now on."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Pass on again."""
        self._cut = False

    def close(self) -> None:
        """Break everything, and listen no more."""
        self.cut()
        if self._listener is not None:
            self._listener.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        their_reader, their_writer = await asyncio.open_connection(*self._to)
        self._open |= {writer, their_writer}
        await asyncio.gather(_copy(reader, their_writer), _copy(their_reader, writer))
        self._open -= {writer, their_writer}


@contextlib.asynccontextmanager
async def forwarding(to: str) -> AsyncIterator[Forwarder]:
    """A forwarder to the server at ``to`` that listens, closed at the end."""
    forwarder = Forwarder(to)
    await forwarder.listen()
    try:
        yield forwarder
    finally:
        forwarder.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while passed := await reader.read(65_536):
            writer.write(passed)
            await writer.drain()
    writer.close()
