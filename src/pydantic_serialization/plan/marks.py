"""The text that stands for ``bytes`` and extension values where a document is read or written in Pydantic's JSON mode.

JSON has neither. The text begins with a random number that no payload can know, and is not seen by anybody: not by code
of the user's, and not in errors.
"""

from __future__ import annotations

import re
import secrets
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic_core import ValidationError

from pydantic_serialization.plan.error_details import detail_again
from pydantic_serialization.plan.extension import Extension

if TYPE_CHECKING:
    from collections.abc import Callable

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")
MARK: Final = f"\x00<{secrets.randbits(128)}>"
"""Text that begins with it stands for something else.

It has no letters, so a field that wants upper case leaves it as it is; and it is no number, moment, UUID or URL (whose
parsers skip control characters, but no URL begins with ``<``).
"""
BINARY: Final = f"{MARK}:"
"""Before the base64 of ``bytes`` that are read. The number of an extension stands between the mark and the colon."""
MARKED: Final = f"{MARK}marked"
UNMARKED: Final = f"{MARK}unmarked"
"""The tags of a union that a format makes of a node, for input with marks and without."""
_TAGS: Final = frozenset({MARKED, UNMARKED})
_NOT_OF_THE_TYPE: Final = {
    **{
        f"{kind}_parsing": f"{kind}_type"
        for kind in (
            "bool",
            "int",
            "float",
            "date",
            "time",
            "datetime",
            "time_delta",
            "url",
            "uuid",
            "decimal",
            "fraction",
        )
    },
    **{f"string_{what}": "string_type" for what in ("too_short", "too_long", "pattern_mismatch", "not_ascii")},
    "complex_str_parsing": "complex_type",
    "date_from_datetime_parsing": "date_type",
    "datetime_from_date_parsing": "datetime_type",
}
"""What to say in place of an error about the content of a text that nobody wrote."""
_AROUND: Final = re.compile(r"function-(?:before|after)\[wire:\w+\(\), |tagged-union\[(?=function-before\[wire:)")
"""How Pydantic calls what a format has put around a choice of a union, up to what is in it; see :func:`named`."""


def named(function: FunctionT) -> FunctionT:
    """Give a function that a format puts around a node of a schema a name that no function of the user's has."""
    function.__name__ = f"wire:{function.__name__}"
    return function


def marked(tree: Any, *, keeps_bytes: bool = True) -> Any:
    """Return a tree for a validator that knows marks: what JSON has no form for is marked text.

    Args:
        tree: What a document holds.
        keeps_bytes: ``bytes`` are marked; else they stay what they are.
    """
    if isinstance(tree, bytes):
        return BINARY + _base64(tree) if keeps_bytes else tree
    if isinstance(tree, Extension):
        return f"{MARK}{tree.code}:{_base64(tree.data)}"
    if isinstance(tree, list):
        return [marked(item, keeps_bytes=keeps_bytes) for item in tree]
    if isinstance(tree, dict):
        return {key: marked(item, keeps_bytes=keeps_bytes) for key, item in tree.items()}
    return tree


@named
def marked_value(value: Any) -> Any:
    """Return what a marked text stands for; anything else as it is."""
    if not isinstance(value, str) or not value.startswith(MARK):
        return value
    code, _, data = value.removeprefix(MARK).partition(":")
    content = a2b_base64(data)
    return Extension(code=int(code), data=content) if code else content


@named
def restored(value: Any) -> Any:
    """Return an undeclared value as the document has it. What has no marked text in it is not copied."""
    if isinstance(value, str):
        return marked_value(value)
    if isinstance(value, dict):
        items = {key: restored(item) for key, item in value.items()}
        return items if any(items[key] is not item for key, item in value.items()) else value
    if isinstance(value, list):
        parts = [restored(item) for item in value]
        return parts if not all(map(_is_same, parts, value)) else value
    return value


def without_marks(error: ValidationError, *, hide_input: bool) -> ValidationError:
    """Return the error as it is without marks: with the values that were read, and the names of declared types.

    Args:
        error: What a validator that knows marks has raised.
        hide_input: The type hides its input in errors.
    """
    found = error.errors(include_url=False)
    shown = [_shown(item) for item in found]
    if all(map(_is_same, shown, found)):
        return error
    details = [detail_again(item, (), item["input"]) for item in shown]
    return ValidationError.from_exception_data(error.title, details, "json", hide_input)


def _shown(item: Any) -> Any:
    """Return one of the errors without marks; itself, if it has none."""
    place = tuple(
        _without_functions(part) if isinstance(part, str) else part for part in item["loc"] if part not in _TAGS
    )
    value = restored(item["input"])
    if place == item["loc"] and value is item["input"]:
        return item
    shown = {**item, "loc": place, "input": value}
    if value is not item["input"] and item["type"] in _NOT_OF_THE_TYPE:
        return {**shown, "type": _NOT_OF_THE_TYPE[item["type"]], "ctx": {}}
    if "tag" in item.get("ctx", {}):
        shown["ctx"] = {**item["ctx"], "tag": _told(item["ctx"]["tag"])}
    return shown


def _told(tag: str) -> str:
    found = marked_value(tag)
    return tag if found is tag else repr(found)


def _is_same(left: object, right: object) -> bool:
    return left is right


def _without_functions(name: str) -> str:
    """Return the name of a choice of a union as Pydantic gives it without what a format has put around its parts."""
    while (found := _AROUND.search(name)) is not None:
        first, end = _closing(name, found.end())
        begin = found.end() if name[found.start()] == "f" else first + 1
        name = name[: found.start()] + name[begin:end] + name[end + 1 :]
    return name


def _closing(name: str, start: int) -> tuple[int, int]:
    """Return where the first comma outside brackets stands from a place on, and the bracket that closes what is around."""
    depth, comma, at = 0, len(name), start
    while at < len(name) and (depth or name[at] != "]"):
        depth += {"[": 1, "]": -1}.get(name[at], 0)
        if name[at] == "," and not depth:
            comma = min(comma, at)
        at += 1
    return comma, at


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")
