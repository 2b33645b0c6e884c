"""Refuse documents of too many items before anybody makes objects of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.errors import LimitExceededError
from pydantic_serialization.formats._depth import json_items_exceed
from pydantic_serialization.formats._msgpack_headers import excess

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


def too_many_items(limit: int) -> LimitExceededError:
    """Return the error for a document of more items than are allowed."""
    message = f"the document has more items than max_items={limit} allows"
    return LimitExceededError(message, limit="max_items")
