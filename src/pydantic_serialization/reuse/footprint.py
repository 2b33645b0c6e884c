"""How much memory a value holds."""

from __future__ import annotations

import types
from enum import Enum
from sys import getsizeof
from typing import Any, Final

from pydantic import BaseModel

_THERE_ANYWAY: Final = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, Enum)
_LEAVES: Final = frozenset({str, int, float, bool, bytes, type(None)})


def footprint(value: Any) -> int:
    """Return the bytes that a value and all that it consists of take, each object counted once.

    Classes, functions, members of enumerations and names of fields are left out: they are there anyway. Constants and
    small integers count although they are shared, so the result is rather too high than too low.

    Args:
        value: A validated value.
    """
    total, seen, todo = 0, set[int](), [value]
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, _THERE_ANYWAY):
            continue
        seen.add(id(item))
        total += getsizeof(item)
        if type(item) in _LEAVES:
            continue
        if isinstance(item, dict):
            todo += item
            todo += item.values()
        elif isinstance(item, (list, tuple, set, frozenset)):
            todo += item
        elif isinstance(item, BaseModel):
            total += getsizeof(item.__pydantic_fields_set__)
            todo += (item.__pydantic_extra__, item.__pydantic_private__)
        attributes = getattr(item, "__dict__", None)
        if attributes is not None:
            total += getsizeof(attributes)
            todo += attributes.values()
    return total


class FootprintEstimate:
    """The footprints of values of one type, measured now and then, and in between taken from their documents' sizes.

    Measuring takes longer than reading a document does. The largest ratio of the measured ones is used, so that the
    estimate is rather too high than too low.
    """

    __slots__ = ("_calls", "_ratio")

    def __init__(self) -> None:
        self._calls = 0
        self._ratio = 0.0

    def of(self, value: Any, document: int) -> int:
        """Return the bytes of a value.

        Args:
            value: A validated value.
            document: Bytes of the document that it was read from.
        """
        self._calls += 1
        if self._calls > _MEASURED_FIRST and self._calls % _MEASURED_EVERY:
            return int(self._ratio * document)
        size = footprint(value)
        self._ratio = max(self._ratio, size / document)
        return size


_MEASURED_FIRST: Final = 4
_MEASURED_EVERY: Final = 16
