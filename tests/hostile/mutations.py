"""Files that nobody should have written: sound ones with a few places changed, by chance and by malice.

``FASTBRAND_SOAK=1`` makes many more of them. A seed makes the same file whenever it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from signal import ITIMER_REAL, SIGALRM, setitimer, signal
from time import monotonic
from types import FrameType

ROOT = Path(__file__).parents[2]
SOAK = os.environ.get("FASTBRAND_SOAK") == "1"
SHARDS = 8
"""How many tests share the seeds of one sort of file, so that they can run side by side."""
HANGS_AFTER_S = 30.0
"""Seconds after which reading one file counts as a hang: a hundred times what the slowest of them takes."""

_MARKS = (
    b"[",
    b"]",
    b"{",
    b"}",
    b": ",
    b"- ",
    b"\n",
    b"\t",
    b"&a ",
    b"*a",
    b"!!x ",
    b'"',
    b"'",
    b"|",
    b"~",
    b"%",
    b"#",
)
_VALUES = (
    *(
        b"1e999999999",
        b"-0",
        b"1e-400",
        b"NaN",
        b"Infinity",
        b"9007199254740993",
        b"0x1F",
        b"1_000__0",
        b"1,5",
        b"30.0",
    ),
    *(b"9" * 5_000, b"-9007199254740992", b"0001", b"5 fortnights", b"100000000000 weeks", b"-1%", b"1 CNY CNY"),
    *(b"null", b"true", b"yes", b"", b"2022-02-30", b"9999-12-31", b"0001-01-01", b"2022-05-13T00:00:00+99:99"),
    *(
        "快品牌\u202e".encode(),
        "\u0085\u2028\ufeff".encode(),
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\x00",
        b"a" * 70,
        b"x|y|",
    ),
    *(
        b"(a+)+$",
        b"(?!x)",
        b"[",
        b"{1000}{1000}",
        b"all",
        b"any",
        b"by",
        b"default",
        b"unknown",
        b"..",
        b"../../etc/passwd",
    ),
)


def mutated(text: bytes, rng: Random) -> bytes:
    """``text`` with one to six places changed: bytes flipped, cut out, doubled, moved, or replaced by what matters."""
    data = bytearray(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at, length = rng.randrange(len(data) + 1), rng.choice((1, 1, 1, 3, 20))
        way = rng.randrange(8)
        if way == 0:
            data[at : at + 1] = bytes((rng.randrange(256),))
        elif way == 1:
            del data[at : at + length]
        elif way == 2:
            data[at:at] = data[at : at + length * 3]
        elif way == 3:
            data[at : at + length] = rng.choice(_MARKS)
        elif way == 4:
            other = rng.randrange(len(data) + 1)
            data[at : at + length] = data[other : other + length * 2]
        else:
            _word(data, rng, at)
    return bytes(data)


def _word(data: bytearray, rng: Random, at: int) -> None:
    """Put another word in the place of the one at ``at``: a hostile value, or a word of the same file."""
    start, end = _bounds(data, at)
    if rng.random() < 0.5:
        put = rng.choice(_VALUES)
    else:
        put = bytes(data[slice(*_bounds(data, rng.randrange(len(data) + 1)))])
    data[start:end] = put


def _bounds(data: bytearray, at: int) -> tuple[int, int]:
    """Where the word at ``at`` begins and ends."""
    ends = b" \n,:{}[]\"'"
    start = end = at
    while start > 0 and data[start - 1] not in ends:
        start -= 1
    while end < len(data) and data[end] not in ends:
        end += 1
    return start, end


class Hang(BaseException):
    """Reading took longer than anything may: not an ``Exception``, so that nothing takes it for a broken file."""


def seeds(shard: int, count: int, soak: int) -> range:
    """The seeds of one of ``SHARDS`` shards of ``count`` seeds in all, ``soak`` of them in a soak."""
    return range(shard, soak if SOAK else count, SHARDS)


def check_text(text: str, longest: int = 400) -> None:
    """A message is there, on one line, and nothing in it steers a terminal."""
    assert text
    assert text.isprintable(), ascii(text)
    assert len(text) <= longest, text


def check_place(line: int, column: int, content: bytes) -> None:
    """A place is one that the file has, or right behind its end."""
    lines = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert 1 <= line <= len(lines) + 1, (line, len(lines))
    assert 1 <= column <= (len(lines[line - 1]) if line <= len(lines) else 0) + 1, (line, column)


def files_of(folder: Path, pattern: str = "*.yaml") -> dict[str, bytes]:
    """Name -> content of the files of a book."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob(pattern))}


@contextmanager
def no_hang(seconds: float = HANGS_AFTER_S) -> Iterator[None]:
    """Raise ``Hang`` in what runs longer than ``seconds``. For the main thread."""

    def told(_signal: int, _frame: FrameType | None) -> None:
        raise Hang(f"not done after {seconds:g} s")

    began, handler = monotonic(), signal(SIGALRM, told)
    left, _ = setitimer(ITIMER_REAL, seconds)  # a limit on the whole test may be running
    try:
        yield
    finally:
        setitimer(ITIMER_REAL, max(left - (monotonic() - began), 0.001) if left else 0)
        signal(SIGALRM, handler)
