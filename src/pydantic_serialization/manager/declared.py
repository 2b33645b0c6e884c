"""What a function declares: the types of its parameters and of its result."""

from __future__ import annotations

import inspect
import typing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

_UNDECLARED = (None, type(None), Any, object, BaseModel, typing.Self, inspect.Signature.empty)


def annotation_of(function: Callable[..., Any], name: str) -> Any:
    """Return one annotation, or its text where only a type checker sees what it names.

    Each is resolved by itself: one that cannot be must not hide the others.
    """
    annotation = getattr(function, "__annotations__", {}).get(name, inspect.Signature.empty)
    if not isinstance(annotation, str):
        return annotation
    names = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return typing.get_type_hints(SimpleNamespace(__annotations__={name: annotation}), names)[name]
    except (NameError, TypeError):
        return annotation


class DeclaredResult:
    """The declared return type of a function, resolved on first use: its names may not exist when it is decorated.

    Args:
        function: The function.
    """

    __slots__ = ("_function", "_resolved")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._resolved: Any = DeclaredResult

    def type_of(self, value: Any) -> Any:
        """Return the declared type, or the value's class where the function declares none.

        Raises:
            ConfigurationError: the function declares a type that cannot be found. The value's class would not do: a
                subclass of the declared one may have fields that are not for the caller.
        """
        declared = self._resolve()
        if not isinstance(declared, str):
            return value.__class__ if declared is None else declared
        for cls in value.__class__.__mro__:
            if cls.__name__ == declared:
                return cls
        message = (
            f"the return annotation {declared!r} of {self._function.__qualname__} cannot be resolved; "
            f"import what it names at run time"
        )
        raise ConfigurationError(message)

    def fingerprint(self) -> bytes:
        """Return the fingerprint of the declared type, empty where there is none."""
        declared = self._resolve()
        return b"" if declared is None or isinstance(declared, str) else plan_for(declared).fingerprint

    def _resolve(self) -> Any:
        """Return the type, its text if it cannot be found, or ``None`` if none is declared."""
        if self._resolved is DeclaredResult:
            found = annotation_of(self._function, "return")
            undeclared = any(found is item for item in _UNDECLARED) or isinstance(found, TypeVar)
            if isinstance(found, str):  # may be defined later
                return found
            self._resolved = None if undeclared else found
        return self._resolved
