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
_NAME: Final = re.compile(r"function-(?:before|after)\[wire:\w+\(\), ")
"""How Pydantic calls a choice of a union that has a function of a format around it; see :func:`named`."""


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
    place = tuple(_without_functions(part) if isinstance(part, str) else part for part in item["loc"])
    context, value = item.get("ctx", {}), restored(item["input"])
    told = {name: _told(part) for name, part in context.items()}
    if place == item["loc"] and value is item["input"] and all(told[name] is part for name, part in context.items()):
        return item
    return {**item, "loc": place, "input": value, **({"ctx": told} if told else {})}


def _is_same(left: object, right: object) -> bool:
    return left is right


def _without_functions(name: str) -> str:
    while (found := _NAME.search(name)) is not None:
        depth, end = 1, found.end()
        while end < len(name) and depth:
            depth += {"[": 1, "]": -1}.get(name[end], 0)
            end += 1
        name = name[: found.start()] + name[found.end() : end - 1] + name[end:]
    return name


def _told(value: Any) -> Any:
    """Return what an error says of a value, whose text may be marked."""
    found = marked_value(value)
    return value if found is value else repr(found)


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")
