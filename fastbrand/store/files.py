"""Files of documents, by their content: outside of the database and of workflow histories, named by their sha256.

Whoever keeps files elsewhere writes another ``FileStore``. A file is written aside, made durable, and then put in its
place in one step, so that a file that is there is whole; and it is compared with its name whenever it is read.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from fastbrand.domain.errors import InputError, NotFound, Unreachable

_PIECE = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is kept: its sha256 in hex, and its size."""

    sha256: str
    bytes: int


class FileStore(Protocol):
    """Where files of documents are kept."""

    def look(self, source: Path) -> StoredFile:
        """What ``put`` would give, without keeping anything.

        Raises ``InputError`` where it cannot be read, is no file, is empty or too large.
        """

    def put(self, source: Path) -> StoredFile:
        """Keep a copy of the file ``source``; one that is kept already is kept once. Raises as ``look`` does."""

    def check(self, sha256: str) -> StoredFile:
        """Read a file to its end. Raises ``NotFound`` where it is missing, ``Unreachable`` where it is damaged."""

    def copy_to(self, sha256: str, target: Path) -> StoredFile:
        """Copy a file to ``target``, which must not be there: whole and unchanged, or not at all.

        Raises as ``check`` does, and ``InputError`` where ``target`` is there or cannot be written.
        """


class DiskFiles:
    """A ``FileStore`` in the directory ``root``, which is made when the first file comes.

    ``max_bytes`` is the largest file that is taken in. Only the owner of the process may read what is kept.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes

    def look(self, source: Path) -> StoredFile:
        """As ``FileStore.look``."""
        return self._take(source, lambda _piece: None)

    def put(self, source: Path) -> StoredFile:
        """As ``FileStore.put``."""
        self.look(source)  # what cannot be taken makes no directory
        with self._aside() as (aside, place):
            kept = self._take(source, aside.write)
            aside.flush()
            os.fsync(aside.fileno())
            final = self._place(kept.sha256)
            if not self._is_whole(kept.sha256):
                final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                place.replace(final)
                _make_durable(final.parent)
            return kept

    def check(self, sha256: str) -> StoredFile:
        """As ``FileStore.check``."""
        return StoredFile(sha256, sum(len(piece) for piece in self._pieces(sha256)))

    def copy_to(self, sha256: str, target: Path) -> StoredFile:
        """As ``FileStore.copy_to``."""
        size = 0
        beside: Path | None = None
        try:
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            beside = Path(name)
            with os.fdopen(handle, "wb") as out:
                for piece in self._pieces(sha256):
                    out.write(piece)
                    size += len(piece)
            os.link(beside, target)  # unlike a rename it never takes the place of a file
        except FileExistsError:
            raise InputError(f"`{target}` is there already", hint="choose another name", code="exists") from None
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise InputError(f"`{target}` cannot be written: {reason}", hint="choose another place") from None
        finally:
            if beside is not None:
                beside.unlink(missing_ok=True)
        return StoredFile(sha256, size)

    # --- parts ---------------------------------------------------------------------------------------------------

    def _take(self, source: Path, keep: Callable[[bytes], object]) -> StoredFile:
        """Hand ``source`` to ``keep`` piece by piece, and say what it is."""
        hashed, size = hashlib.sha256(), 0
        with _opened(source, self._max_bytes) as incoming:
            while piece := incoming.read(_PIECE):
                size += len(piece)
                if size > self._max_bytes:  # it grows while it is read
                    raise _too_large(source, size, self._max_bytes)
                hashed.update(piece)
                keep(piece)
        if size == 0:
            raise InputError(f"`{source}` is empty", hint="give the scanned paper", code="empty")
        return StoredFile(hashed.hexdigest(), size)

    def _place(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise InputError(f"`{sha256[:80]}` is not a sha256", hint="it has 64 hex digits")
        return self._root / sha256[:2] / sha256

    @contextmanager
    def _aside(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A file to write to, gone at the end where nobody moved it."""
        try:
            folder = self._root / "incoming"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder)
        except OSError as error:
            raise _unusable(self._root, error) from error
        try:
            with os.fdopen(handle, "wb") as out:
                yield out, Path(name)
        except OSError as error:
            raise _unusable(self._root, error) from error
        finally:
            Path(name).unlink(missing_ok=True)

    def _is_whole(self, sha256: str) -> bool:
        """Whether the file is there and undamaged; a damaged one is healed by bringing it in again."""
        try:
            self.check(sha256)
        except (NotFound, Unreachable):
            return False
        return True

    def _pieces(self, sha256: str) -> Iterator[bytes]:
        """The file, compared with its name when its end is reached."""
        place, hashed = self._place(sha256), hashlib.sha256()
        try:
            with place.open("rb") as file:
                while piece := file.read(_PIECE):
                    hashed.update(piece)
                    yield piece
        except FileNotFoundError:
            raise NotFound(
                f"file `{sha256[:12]}` is missing from `{self._root}`",
                hint="restore it from a backup, or bring the paper in again",
                code="missing_file",
            ) from None
        except OSError as error:
            raise _unusable(place, error) from error
        if hashed.hexdigest() != sha256:
            raise Unreachable(
                f"file `{sha256[:12]}` in `{self._root}` is not what was brought in",
                hint="restore it from a backup, or bring the paper in again, and find out who changed it",
                code="damaged_file",
            )


@contextmanager
def _opened(source: Path, max_bytes: int) -> Iterator[BinaryIO]:
    """A regular file that is not too large. A pipe or device would be waited for, perhaps for ever."""
    try:
        told = source.stat()
        if not stat.S_ISREG(told.st_mode):
            raise InputError(f"`{source}` is not a file", hint="name the scanned paper", code="unreadable")
        if told.st_size > max_bytes:
            raise _too_large(source, told.st_size, max_bytes)
        file = source.open("rb")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(f"`{source}` cannot be read: {reason}", hint="check the path", code="unreadable") from None
    with file:
        yield file


def _too_large(source: Path, size: int, limit: int) -> InputError:
    return InputError(
        f"`{source}` has {size:,} bytes; the limit is {limit:,}",
        hint="scan it at a lower resolution, or raise `FASTBRAND_MAX_FILE_MB`",
        code="too_large",
    )


def _unusable(place: Path, error: OSError) -> Unreachable:
    reason = (error.strerror or str(error)).lower()
    return Unreachable(f"`{place}` cannot be used: {reason}", hint="check the disk and its permissions")


def _make_durable(folder: Path) -> None:
    """The entry of a file in its directory survives a power cut, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
