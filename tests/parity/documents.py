"""Documents that are almost right: what a reader has to refuse, convert or accept exactly as Pydantic does."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

RAW = tuple(
    raw
    for line in (
        "null true false 0 -0 1 -1 1.0 1.5 -0.0 1e5 1e400 1E-7 01 1. .5 +1 NaN Infinity -Infinity",
        '9223372036854775807 9223372036854775808 -9223372036854775809 123456789012345678901234567890 "" "a"',
        '"1" "1.5" "true" "no" "null" "2024-02-29" "2023-02-29" "2024-02-29T10:11:12Z"',
        '"2024-02-29T10:11:12.123456+05:30" "10:11:12" "1700000000" 1700000000 "P1DT2H" "-P1D" "PT0.5S" "P1Y"',
        '"12345678-1234-5678-1234-567812345678" "12345678123456781234567812345678" "1.50" "-1e3" "inf" "é"',
        '"\\u00e9" "\\ud83d\\ude00" "\\ud800" "\\x" "a\tb" "a [] {} [1] ["a"] [null] [[]] {"a":1}',
        '{"kind":"cat"} {"kind":"dog","name":"x"} {"kind":"bird"} [1,] {"a":1,} tru nul "red" "blue" 2',
        '[1,"a"] [1,2,3] "b" "aGVsbG8="',
    )
    for raw in line.split(" ")
)
"""One value each, valid JSON or not."""


def variants(document: str) -> Iterator[str]:
    """Yield documents with one thing changed somewhere: a value, a key, their order, their number, the text itself."""
    yield from (document, f" \n\t{document}\r\n ", f"{document} x", document[:-1], f"\ufeff{document}", f"[{document}]")
    tree = json.loads(document)
    for place in _places(tree):
        for raw in RAW:
            yield _with(tree, place, raw)
    for place in _objects(tree):
        members = list(_at(tree, place).items())
        for number, (key, value) in enumerate(members):
            rest = members[:number] + members[number + 1 :]
            yield _with(tree, place, _object(rest))
            yield _with(tree, place, _object([*members, (key, value)]))
            yield _with(tree, place, _object([*rest, (key, value)]))
            yield _with(tree, place, _object([*members, (key.upper(), value)]))
            yield _with(tree, place, _object([("x" + key, value), *rest]))
        for extra in ("zzz", "é", "", '\\u0061"'):
            yield _with(tree, place, _object([*members, (extra, {"deep": [1, None]})]))
        yield _with(tree, place, _object(members[::-1]))
        yield _with(
            tree, place, "{" + ", ".join(f' "{_escaped(key)}" :{json.dumps(value)}' for key, value in members) + "}"
        )


def _escaped(key: str) -> str:
    return "".join(f"\\u{ord(character):04x}" if ord(character) < 0x10000 else character for character in key)


def _object(members: list[tuple[str, Any]]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in members) + "}"


def _places(tree: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, item in items:
        yield from _places(item, (*place, key))


def _objects(tree: Any) -> Iterator[tuple[Any, ...]]:
    return (place for place in _places(tree) if isinstance(_at(tree, place), dict))


def _at(tree: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        tree = tree[key]
    return tree


_MARK = "<the place>"


def _with(tree: Any, place: tuple[Any, ...], raw: str) -> str:
    """Return the document with raw text at one place."""
    if not place:
        return raw
    changed = copy.deepcopy(tree)
    _at(changed, place[:-1])[place[-1]] = _MARK
    return json.dumps(changed, ensure_ascii=False).replace(json.dumps(_MARK), raw)


@st.composite
def garbled(draw: st.DrawFn, document: bytes) -> bytes:
    """Draw a document with a few bytes replaced, removed, repeated or added."""
    text = bytearray(document)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(text) - 1, 0)))
        kind = draw(st.integers(0, 3))
        piece = draw(
            st.sampled_from([b'"', b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b"e", b".", b"\\", b"\xc3"])
        )
        if kind == 0:
            text[at : at + 1] = piece
        elif kind == 1:
            del text[at : at + draw(st.integers(1, 4))]
        elif kind == 2:
            text[at:at] = text[at : at + draw(st.integers(1, 6))]
        else:
            text[at:at] = piece
    return bytes(text)
