"""Refuse documents of too many items or levels before anybody makes objects of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.errors import LimitExceededError
from pydantic_serialization.formats._depth import json_depth_exceeds, json_items_exceed
from pydantic_serialization.formats._msgpack_headers import excess
from pydantic_serialization.plan.stack import DEEPEST_READ

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload


def check_json_items(data: Payload, limit: int) -> None:
    """See that the arrays and objects of a JSON text have no more than ``limit`` items and members together.

    Raises:
        LimitExceededError: they have.
    """
    if json_items_exceed(data, limit):
        raise too_many_items(limit)


def check_msgpack_items(data: Payload, limit: int) -> None:
    """See that the arrays and maps of a MessagePack document have no more than ``limit`` items and members together.

    Raises:
        LimitExceededError: they have.
    """
    if excess(data, len(data), limit) is not None:
        raise too_many_items(limit)


def check_json_extent(data: bytes, levels: int, items: int) -> None:
    """See that a JSON text has no more than so many levels of arrays and objects, and items and members in them.

    Raises:
        LimitExceededError: it has.
    """
    if levels < DEEPEST_READ and json_depth_exceeds(data, levels):  # Pydantic's parser looks at the others
        raise too_many_levels(levels)
    if len(data) > items:
        check_json_items(data, items)


def check_msgpack_extent(data: bytes, levels: int, items: int) -> None:
    """Do what :func:`check_json_extent` does for a MessagePack document.

    Raises:
        LimitExceededError: it has.
    """
    found = excess(data, levels, items)
    if found is not None:
        raise too_many_levels(levels) if found == "levels" else too_many_items(items)


def too_many_levels(limit: int, model: str | None = None, format_name: str | None = None) -> LimitExceededError:
    """Return the error for a document that is nested deeper than is allowed."""
    message = f"the document is nested deeper than max_depth={limit} allows"
    return LimitExceededError(message, limit="max_depth", model=model, format=format_name)


def too_many_items(limit: int) -> LimitExceededError:
    """Return the error for a document of more items than are allowed."""
    message = f"the document has more items than max_items={limit} allows"
    return LimitExceededError(message, limit="max_items")
