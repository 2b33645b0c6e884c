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
from functools import cache
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable
    from weakref import ReferenceType

    from pydantic_core import SchemaSerializer, SchemaValidator

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


@cache
def _moved(owner: type, name: str) -> CodeType:
    """Return a template's code as if it stood in Pydantic's method, with the call of pydantic-core at the same line."""
    code, own = function_of(METHODS[owner, name]).__code__, _TEMPLATES[owner, name].__code__
    return own.replace(
        co_filename=code.co_filename,
        co_firstlineno=own.co_firstlineno + _line_of_call(code) - _line_of_call(own),
        co_name=code.co_name,
        co_qualname=code.co_qualname,
    )


def _behind(owner: type, name: str, **values: Any) -> Callable[..., Any]:
    original: FunctionType = function_of(METHODS[owner, name])
    code = _moved(owner, name)
    values["original"] = original
    cells = tuple(CellType(values[variable]) for variable in code.co_freevars)
    return FunctionType(code, original.__globals__, original.__name__, None, cells)


def dump_by(serializer: SchemaSerializer) -> Callable[..., str]:
    """Return what writes an instance of the serializer's class as Pydantic's method does."""
    return _behind(BaseModel, "model_dump_json", core=serializer)


def validate_by(validator: SchemaValidator, cls: type[BaseModel]) -> Callable[..., Any]:
    """Return what reads an instance of a class as Pydantic's method does."""
    return _behind(BaseModel, "model_validate_json", core=validator, model=cls)


def adapter_dump_by(serializer: SchemaSerializer, adapter: ReferenceType[TypeAdapter[Any]]) -> Callable[..., bytes]:
    """Return what writes a value of an adapter's type as Pydantic's method does. It does not keep the adapter alive."""
    return _behind(TypeAdapter, "dump_json", core=serializer, adapter=adapter)


def adapter_validate_by(validator: SchemaValidator, adapter: ReferenceType[TypeAdapter[Any]]) -> Callable[..., Any]:
    """Return what reads a value of an adapter's type as Pydantic's method does. It does not keep the adapter alive."""
    return _behind(TypeAdapter, "validate_json", core=validator, adapter=adapter)


def _templates() -> tuple[FunctionType, ...]:
    original: Any = None  # Pydantic's method
    core: Any = None  # Pydantic's serializer or validator
    model: Any = None  # the class
    adapter: Any = None  # the adapter, weakly

    def dump(self: Any, **options: Any) -> Any:
        if options:
            return original(self, **options)
        return core.to_json(self).decode()

    def validate(json_data: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        if options:
            return original(model, json_data, **options)
        return core.validate_json(json_data)

    def dump_adapted(instance: Any, /, **options: Any) -> Any:
        if options:
            return original(adapter(), instance, **options)
        return core.to_json(instance)

    def validate_adapted(data: Any, /, **options: Any) -> Any:
        if options:
            return original(adapter(), data, **options)
        return core.validate_json(data)

    functions: Any = dump, validate, dump_adapted, validate_adapted
    return tuple(functions)


_TEMPLATES = dict(zip(METHODS, _templates(), strict=True))
