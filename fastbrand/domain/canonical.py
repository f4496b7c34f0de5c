"""Canonical JSON (RFC 8785): the same data is the same bytes, whoever writes them.

``rfc8785`` is exact but written in Python, and every decision, audit event and step passes through here: it took more
time than the rules. The standard library's encoder, which is C, gives the same bytes for nearly all that we write:
texts, integers, flags and nothing, in lists and objects. Whatever it writes otherwise (floats, integers past 2^53, keys
that are no text or sort differently in UTF-16), and tuples, are recognised and left to ``rfc8785``.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import rfc8785

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode

_BELOW_E000 = bytes(range(0xEE))
"""Bytes of UTF-8 text without a character from U+E000 on: there, code points sort as UTF-16 does."""

_SAFE_DIGITS = 15  # every integer of so many digits is below 2^53


class _NotPlain(ValueError):
    """The encoder wrote something that RFC 8785 writes in another way, or not at all."""


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of ``value``, JSON data (tuples count as lists).

    Raises ``ValueError`` on what is not JSON: other types, keys that are no text, NaN, lone surrogates, integers past
    2^53.
    """
    try:
        text = _encode(value)
        data = text.encode()
        # read back and compared: what the encoder turned into something else (a key 1 into "1") shows
        if not data.translate(None, _BELOW_E000) and _read(text) == value:
            return data
    except (TypeError, ValueError, RecursionError):
        pass  # rfc8785 says what is wrong, if it is
    return rfc8785.dumps(value)


def _integer(digits: str) -> int:
    if len(digits) > _SAFE_DIGITS:
        raise _NotPlain
    return int(digits)


def _refuse(_text: str) -> NoReturn:
    raise _NotPlain


_read = json.JSONDecoder(parse_int=_integer, parse_float=_refuse, parse_constant=_refuse).decode
