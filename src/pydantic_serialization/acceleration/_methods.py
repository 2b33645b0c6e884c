"""What is put in the place of Pydantic's public JSON methods.

These are functions of Python, not of the native core, because Pydantic, documentation tools and mocks ask whether they
are. They have Pydantic's names, for the text of errors, in a place where ``pickle`` finds them.
"""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any

import pydantic

from pydantic_serialization._native import core
from pydantic_serialization.acceleration import _behind
from pydantic_serialization.acceleration._binding import (
    bind_adapter_dump,
    bind_adapter_validate,
    bind_dump,
    bind_validate,
)
from pydantic_serialization.acceleration._entries import DUMP, VALIDATE, Entry

if TYPE_CHECKING:
    from collections.abc import Callable

installed: set[str] = set()
"""Names of the methods that are replaced for the whole process."""

_EMPTY = Entry((None, None))
_PYDANTICS_DUMP, _PYDANTICS_VALIDATE, _PYDANTICS_ADAPTER_DUMP, _PYDANTICS_ADAPTER_VALIDATE = map(
    _behind.function_of, _behind.METHODS.values()
)


def is_active(cls: type, name: str) -> bool:
    """Say whether a method of a class is to be fast: someone may hold one of ours from before it was taken back."""
    if not issubclass(cls, pydantic.BaseModel):
        return False
    ours = METHODS[pydantic.BaseModel, name]
    return name in installed or any(above.__dict__.get(name) is ours for above in cls.__mro__)


def _resolve_dump(self: Any, **options: Any) -> Any:
    cls = type(self)
    run = bind_dump(cls) if is_active(cls, "model_dump_json") else None
    return (run or _PYDANTICS_DUMP)(self, **options)


def _resolve_validate(cls: Any, json_data: Any, **options: Any) -> Any:
    __tracebackhide__ = True
    run = bind_validate(cls) if isinstance(cls, type) and is_active(cls, "model_validate_json") else None
    return _PYDANTICS_VALIDATE(cls, json_data, **options) if run is None else run(json_data, **options)


def _resolve_adapted(adapter: Any, name: str) -> Callable[..., Any] | None:
    """Return what is bound for an adapter; ``None`` on its first use.

    Many adapters are made for a single call, and binding takes longer than that.
    """
    method, bind = _ADAPTED[name]
    if method not in installed:
        return None
    if name not in adapter.__dict__:
        adapter.__dict__[name] = _EMPTY
        return None
    return bind(adapter)


_ADAPTED: dict[str, tuple[str, Callable[[Any], Callable[..., Any] | None]]] = {
    DUMP: ("dump_json", bind_adapter_dump),
    VALIDATE: ("validate_json", bind_adapter_validate),
}

_dump: Callable[..., Any] = _resolve_dump
_validate: Callable[..., Any] = _resolve_validate
if core is not None:
    _dump = core.dispatcher(_resolve_dump, entry=DUMP, source="__pydantic_serializer__", on_class=False)
    _validate = core.dispatcher(_resolve_validate, entry=VALIDATE, source="__pydantic_validator__", on_class=True)


class BaseModel:
    """The methods for ``pydantic.BaseModel``."""

    def model_dump_json(self, **options: Any) -> Any:
        if options:
            return _dump(self, **options)
        return _dump(self)

    @classmethod
    def model_validate_json(cls, json_data: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        if not options:
            return _validate(cls, json_data)
        if options.get("by_alias") is False:  # which Pydantic's method may refuse
            return _PYDANTICS_VALIDATE(cls, json_data, **options)
        return _validate(cls, json_data, **options)


class TypeAdapter:
    """The methods for ``pydantic.TypeAdapter``."""

    serializer: Any
    validator: Any

    def dump_json(self, instance: Any, /, **options: Any) -> Any:
        entry = self.__dict__.get(DUMP, _EMPTY)
        write = entry[1] if entry[0] is self.serializer else _resolve_adapted(self, DUMP)
        return _PYDANTICS_ADAPTER_DUMP(self, instance, **options) if write is None else write(instance, **options)

    def validate_json(self, data: Any, /, **options: Any) -> Any:
        entry = self.__dict__.get(VALIDATE, _EMPTY)
        read = entry[1] if entry[0] is self.validator else _resolve_adapted(self, VALIDATE)
        if read is None or (options and options.get("by_alias") is False):
            return _PYDANTICS_ADAPTER_VALIDATE(self, data, **options)
        return read(data, **options)


METHODS: dict[tuple[type, str], Any] = {
    (owner, name): namespace.__dict__[name]
    for (owner, name), namespace in zip(_behind.METHODS, (BaseModel, BaseModel, TypeAdapter, TypeAdapter), strict=True)
}
"""Our methods, by the class and the name that they are for."""

for _place, _method in METHODS.items():
    _function = _behind.function_of(_method)
    update_wrapper(_function, _behind.function_of(_behind.METHODS[_place]), ("__doc__", "__annotations__"), ())
    _function.__pydantic_serialization__ = True  # how formats tell it from a method that the user wrote
