"""JSON documents around a good one: other values in each field, and keys that are missing, doubled, moved or new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VALUES: tuple[str, ...] = (
    *(
        "null",
        "true",
        "false",
        "0",
        "1",
        "-1",
        "-0",
        "2",
        "7",
        "255",
        "1e3",
        "1.0",
        "1.5",
        "-0.0",
        "1e16",
        "1e-7",
        "1e400",
    ),
    *("123456789012345678901234567890", "9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *("NaN", "Infinity", "-Infinity", "01", "1.", "--1", "+1", "nul", "tru"),
    *(
        '""',
        '"a"',
        '"1"',
        '" 1 "',
        '"1.5"',
        '"true"',
        '"on"',
        '"null"',
        '"A"',
        '"\\u0041\\n\\"\\\\/"',
        '"\\ud83d\\ude00"',
    ),
    *('"\\ud800"', '"é€😀"', '"a\\u0000b"', '"\x01"', '"x" "y"', '"' + "x" * 70 + '"'),
    *('"2026-01-02"', '"2026-01-02T03:04:05Z"', '"2026-01-02T03:04:05.123456+02:30"', '"2026-01-02 03:04:05"'),
    *(
        '"2026-02-30"',
        '"03:04:05"',
        '"03:04:05.5Z"',
        '"P1DT2H"',
        '"-P3D"',
        '"1 day, 0:00:01"',
        "1767323045",
        "1767323045.5",
    ),
    *('"01234567-89ab-cdef-0123-456789abcdef"', '"0123456789ABCDEF0123456789ABCDEF"', '"https://example.com/a?b=c"'),
    *('"aGVsbG8="', '"aGVsbG8"', '"YW_-"', '"68656c6c6f"', '"/tmp/x"', '"127.0.0.1"', '"user@example.com"', '"1+2j"'),
    *(
        "[]",
        "[1]",
        '["a"]',
        "[1,2,3]",
        "[null]",
        "[1,]",
        "[[1],[2]]",
        '[{"a":1}]',
        "{}",
        '{"a":1}',
        '{"a":"b","a":"c"}',
    ),
    *('{"1":1,"01":2}', '{"":0}', "{1:2}", '{"a":1,}', "[" * 30 + "]" * 30),
)
"""Raw JSON text, right and wrong."""


def members(document: bytes) -> list[tuple[str, str]] | None:
    """Return the keys and raw values of an object; ``None`` for any other document."""
    try:
        pairs = json.loads(document, object_pairs_hook=_Pairs)
    except ValueError:
        return None
    if not isinstance(pairs, _Pairs):
        return None
    return [(key, json.dumps(_plain(value), ensure_ascii=False)) for key, value in pairs]


class _Pairs(list[Any]):
    """An object as its pairs."""


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _plain(item) for key, item in value}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def written(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return an object of raw values."""
    return ("{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in pairs) + "}").encode(errors="surrogatepass")


def around(pairs: Sequence[tuple[str, str]]) -> Iterator[bytes]:
    """Yield documents around a good one."""
    good = written(pairs)
    yield good
    yield from (b" " + good + b"\n", good + b"x", good[:-1], b"\xef\xbb\xbf" + good, b"", b"\xff")
    yield written(pairs[::-1])
    yield written([*pairs, ("unknown", "1")])
    yield written([("unknown", '{"deep":[1,{"a":null}]}'), *pairs])
    yield written([*pairs, ("unknown", "1"), ("unknown", "2"), ("other", "3")])
    yield written([*pairs, ("unknown", "[" * 210 + "]" * 210)])
    for index, (key, value) in enumerate(pairs):
        rest = [*pairs[:index], *pairs[index + 1 :]]
        yield written(rest)
        yield written([*rest, (key, value)])
        yield written([*pairs, (key, value)])
        yield written([(key, '"earlier"'), *pairs])
        yield written([*pairs, (key, "[]")])
        yield written([(key.upper(), value), *rest])
        yield (
            good.replace(json.dumps(key).encode(), b'"\\u' + f"{ord(key[0]):04x}".encode() + key[1:].encode() + b'"')
            if (key and key.isascii())
            else good
        )
        for other in VALUES:
            yield written([*pairs[:index], (key, other), *pairs[index + 1 :]])
        if value[:1] == "[":
            for other in VALUES[::3]:
                yield written([*pairs[:index], (key, f"[{value[1:-1]},{other}]"), *pairs[index + 1 :]])
        if value[:1] == "{":
            inner = members(value.encode()) or []
            for place, (name, _) in enumerate(inner):
                for other in VALUES[::3]:
                    text = written([*inner[:place], (name, other), *inner[place + 1 :]]).decode(errors="surrogatepass")
                    yield written([*pairs[:index], (key, text), *pairs[index + 1 :]])


def whole() -> Iterator[bytes]:
    """Yield documents that are one raw value."""
    for value in VALUES:
        yield value.encode()
