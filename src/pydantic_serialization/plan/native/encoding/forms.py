"""The forms that programs write: JSON text, and MessagePack of the values of Pydantic's JSON mode."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import ormsgpack
from pydantic_core import (
    PydanticSerializationError,
    PydanticSerializationUnexpectedValue,
    SchemaSerializer,
    core_schema,
)

from pydantic_serialization.plan.native.encoding.modes import UNKNOWN, UNSET

if TYPE_CHECKING:
    from collections.abc import Callable

_NOT_FINITE = (math.nan, math.inf, -math.inf)


@dataclass(frozen=True, slots=True)
class Form:
    """What a program writes, and what stands behind it.

    Attributes:
        has_bytes: Values that are declared as ``bytes`` are written as such, whatever JSON does with them.
        failure: Returns the error that Pydantic raises for an exception in the user's code: takes the function's name,
            ``None`` for a property, and the exception; ``None`` if Pydantic goes on with a warning.
        finite: NaN and infinities that Pydantic would write as ``null``, as nothing is said about them, are left to it.
        pack: Writes a value from a tree of Pydantic's that is not plain, or raises; ``None`` if Pydantic gives text.
    """

    has_bytes: bool
    failure: Callable[[str | None, BaseException], BaseException | None]
    pack: Callable[[Any], bytes] | None
    finite: bool = False

    def inf_nan(self, mode: str, *, declared: bool) -> str:
        """Return how NaN and the infinities are written.

        Args:
            mode: ``ser_json_inf_nan``.
            declared: The value's type is.
        """
        if mode == UNSET:
            # In trees, a declared one is one.
            mode = UNKNOWN if self.finite and not (declared and self.pack is not None) else "null"
        return mode if self.pack is None or mode == UNKNOWN else _in_trees(mode, declared)


@cache
def _in_trees(mode: str, declared: bool) -> str:
    """Ask Pydantic, whose versions differ."""
    schema = core_schema.float_schema() if declared else core_schema.any_schema()
    config: Any = {"ser_json_inf_nan": mode}
    serializer = SchemaSerializer(schema, config)
    found = [serializer.to_python(value, mode="json") for value in _NOT_FINITE]
    if found == [None, None, None]:
        return "null"
    if all(isinstance(value, float) for value in found):
        return "constants"
    return "strings" if found == ["NaN", "Infinity", "-Infinity"] else UNKNOWN


def _failure_in_text(name: str | None, error: BaseException) -> PydanticSerializationError | None:
    if name is None:
        return PydanticSerializationError(f"Error serializing to JSON: {_shown(error)}")
    inner = _failure_of_call(name, error)
    if inner is None:
        return None
    return PydanticSerializationError(f"Error serializing to JSON: PydanticSerializationError: {inner}")


def _failure_in_tree(name: str | None, error: BaseException) -> BaseException | None:
    if name is None:
        return error
    inner = _failure_of_call(name, error)
    if inner is None:
        return None
    raised = PydanticSerializationError(inner)
    if not isinstance(error, (PydanticSerializationError, RecursionError)):
        raised.__cause__ = error
    return raised


def _failure_of_call(name: str, error: BaseException) -> str | None:
    if isinstance(error, PydanticSerializationUnexpectedValue):
        return None
    if isinstance(error, PydanticSerializationError):
        return str(error)
    if isinstance(error, RecursionError):
        return f"Error calling function `{name}`: RecursionError"
    return f"Error calling function `{name}`: {_shown(error)}"


def _shown(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (the user's own __str__)
        text = "<exception str() failed>"
    return f"{type(error).__qualname__}: {text}"


JSON = Form(has_bytes=False, failure=_failure_in_text, pack=None)
FINITE_JSON = Form(has_bytes=False, failure=_failure_in_text, pack=None, finite=True)
MSGPACK = Form(has_bytes=True, failure=_failure_in_tree, pack=ormsgpack.packb)
FINITE_MSGPACK = replace(MSGPACK, finite=True)
