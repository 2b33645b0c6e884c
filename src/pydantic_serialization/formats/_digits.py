"""Integers that Pydantic writes and does not read."""

from __future__ import annotations

import re

from pydantic_serialization._native import core

MOST_DIGITS = 4_300
"""Digits of the longest integer that Pydantic reads; Python's own limit is the same (CVE-2020-10735)."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DIGITS = re.compile(rb"[0-9]*")
_LONG = re.compile(rb"[0-9]{%d}" % (MOST_DIGITS + 1))


def has_long_integer(text: bytes) -> bool:
    """Say whether a JSON text holds an integer that has too many digits to be read.

    So many digits in a row cover one of the places that are looked at: one for as many bytes.
    """
    if core is not None:
        return core.json_has_longer_integer(text, MOST_DIGITS)
    for at in range(MOST_DIGITS, len(text), MOST_DIGITS):
        if text[at] in _DIGIT:
            before = text[at - MOST_DIGITS : at]
            run = len(before) - len(before.rstrip(_DIGIT)) + len(_DIGITS.match(text, at)[0])  # type: ignore[index]
            if run > MOST_DIGITS:
                return _LONG.search(_STRING.sub(b"", text)) is not None
    return False


_DIGIT = b"0123456789"
