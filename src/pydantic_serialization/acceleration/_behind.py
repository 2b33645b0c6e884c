"""Pydantic's own methods, as what stands behind the accelerated ones.

Called without options, Pydantic's methods spend more time on handing fifteen defaults to pydantic-core than pydantic-core
spends on a small model. The functions here leave them out, since the defaults of both are the same in every version that
the native core is used with; with options they call the method itself.

They are frames of Pydantic's modules: a warning is raised at the line of Pydantic's method, so that filters by module
and the once-per-place memory of ``warnings`` work as before, and a traceback shows what it always showed.
"""

from __future__ import annotations

import dis
import sys
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS: dict[tuple[type, str], Any] = {
    (BaseModel, "model_dump_json"): BaseModel.__dict__["model_dump_json"],
    (BaseModel, "model_validate_json"): BaseModel.__dict__["model_validate_json"],
    (TypeAdapter, "dump_json"): TypeAdapter.__dict__["dump_json"],
    (TypeAdapter, "validate_json"): TypeAdapter.__dict__["validate_json"],
}
"""Pydantic's methods as they stand in its classes; of whoever has replaced them before this module was imported."""

_CORE = {"to_json", "validate_json"}
"""What the methods call, which is where warnings come from."""


def function_of(method: Any) -> Any:
    """Return the function of a method or of a class method."""
    return getattr(method, "__func__", method)


def is_pydantics(method: Any) -> bool:
    """Say whether a method is Pydantic's own, rather than what some other library has put in its place."""
    function = function_of(method)
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        return False
    module = sys.modules.get(function.__module__)
    return function.__module__.startswith("pydantic.") and function.__globals__ is getattr(module, "__dict__", None)


def _line_of_call(code: Any) -> int:
    """Return the line at which the code calls pydantic-core."""
    lines = (item.positions and item.positions.lineno for item in dis.get_instructions(code) if item.argval in _CORE)
    return next((line for line in lines if line), code.co_firstlineno)


def _in_place_of(owner: type, name: str, template: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``template`` as a function of Pydantic's module, calling pydantic-core at the line of Pydantic's method."""
    original: FunctionType = function_of(METHODS[owner, name])
    if not is_pydantics(original):
        return original
    code, own = original.__code__, template.__code__
    moved = own.replace(
        co_filename=code.co_filename,
        co_firstlineno=own.co_firstlineno + _line_of_call(code) - _line_of_call(own),
        co_name=code.co_name,
        co_qualname=code.co_qualname,
    )
    return FunctionType(moved, original.__globals__, original.__name__, None, (CellType(original),))


def _templates() -> tuple[Callable[..., Any], ...]:
    original: Any = None  # each template gets Pydantic's method here

    def dump(self: Any, **options: Any) -> Any:
        if options:
            return original(self, **options)
        return self.__pydantic_serializer__.to_json(self).decode()

    def validate(cls: Any, json_data: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        if options:
            return original(cls, json_data, **options)
        return cls.__pydantic_validator__.validate_json(json_data)

    def dump_adapted(self: Any, instance: Any, /, **options: Any) -> Any:
        if options:
            return original(self, instance, **options)
        return self.serializer.to_json(instance)

    def validate_adapted(self: Any, data: Any, /, **options: Any) -> Any:
        if options:
            return original(self, data, **options)
        return self.validator.validate_json(data)

    return dump, validate, dump_adapted, validate_adapted


dump, validate, dump_adapted, validate_adapted = (
    _in_place_of(owner, name, template) for (owner, name), template in zip(METHODS, _templates(), strict=True)
)
