"""What a function declares: the types of its parameters and of its result."""

from __future__ import annotations

import functools
import inspect
import typing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.plan import ModelPlan

_DATA: Final = (bytes, bytearray, memoryview, str)
_NOT_GIVEN: Final = object()
_UNDECLARED = (None, type(None), Any, object, BaseModel, typing.Self, inspect.Signature.empty)


def definition_of(function: Any) -> Any:
    """Return the ``def`` that holds name, annotations and kind of a callable.

    Args:
        function: A function, a method, a ``functools.partial`` of one, or an object with ``__call__``.

    Raises:
        ConfigurationError: it is a class, or nothing that can be called.
    """
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type) or not callable(function):
        kind = f"the class {function.__name__}" if isinstance(function, type) else f"a {type(function).__name__}"
        message = f"only a function or a method can be decorated, not {kind}"
        raise ConfigurationError(message)
    if inspect.ismethod(function):
        return function.__func__
    return function if inspect.isroutine(function) else definition_of(type(function).__call__)


def annotation_of(function: Callable[..., Any], name: str) -> Any:
    """Return one annotation, or its text where only a type checker sees what it names.

    Each is resolved by itself: one that cannot be must not hide the others.
    """
    definition = definition_of(function)
    annotation = getattr(definition, "__annotations__", {}).get(name, inspect.Signature.empty)
    if not isinstance(annotation, str):
        return annotation
    names = getattr(inspect.unwrap(definition), "__globals__", {})
    try:
        return typing.get_type_hints(SimpleNamespace(__annotations__={name: annotation}), names)[name]
    except (NameError, TypeError):
        return annotation


class DeclaredResult:
    """The declared return type of a function, resolved on first use: its names may not exist when it is decorated.

    Args:
        function: The function.

    Attributes:
        plan: Of the type, as it was when its fingerprint was asked for.
    """

    __slots__ = ("_function", "_resolved", "plan")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.plan: ModelPlan | None = None
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
            f"the return annotation {declared!r} of {definition_of(self._function).__qualname__} cannot be resolved; "
            f"import what it names at run time"
        )
        raise ConfigurationError(message)

    def fingerprint(self) -> bytes:
        """Return the fingerprint of the declared type, empty where there is none."""
        declared = self._resolve()
        if declared is None or isinstance(declared, str):
            return b""
        plan = self.plan = plan_for(declared)
        return plan.fingerprint

    def _resolve(self) -> Any:
        """Return the type, its text if it cannot be found, or ``None`` if none is declared."""
        if self._resolved is DeclaredResult:
            found = annotation_of(self._function, "return")
            undeclared = any(found is item for item in _UNDECLARED) or isinstance(found, TypeVar)
            if isinstance(found, str):  # may be defined later
                return found
            self._resolved = None if undeclared else found
        return self._resolved


class ModelParameter:
    """The parameter of a function that takes the model: the one annotated with it, else the first after ``self``.

    Args:
        function: The function.
        model_class: The type of the model.

    Raises:
        ConfigurationError: the function takes no argument.
    """

    __slots__ = ("_model_class", "_name", "_position")

    def __init__(self, function: Callable[..., Any], model_class: Any) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        single = [item for item in parameters if item.kind not in {item.VAR_POSITIONAL, item.VAR_KEYWORD}]
        wanted = (model_class, getattr(model_class, "__name__", model_class))
        annotated = [item for item in single if annotation_of(function, item.name) in wanted]
        free = [item for item in single if item.name not in {"self", "cls"}]
        if not annotated and not free:
            message = f"{definition_of(function).__qualname__} takes no argument that could be the model"
            raise ConfigurationError(message)
        chosen = (annotated or free)[0]
        by_position = chosen.kind in {chosen.POSITIONAL_ONLY, chosen.POSITIONAL_OR_KEYWORD}
        self._model_class = model_class
        self._name = chosen.name
        self._position = parameters.index(chosen) if by_position else None

    def given(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return what a call gives for the parameter, or what stands for nothing."""
        if self._name in named:
            return named[self._name]
        position = self._position
        return arguments[position] if position is not None and position < len(arguments) else _NOT_GIVEN

    def replaced(
        self, arguments: tuple[Any, ...], named: dict[str, Any], model: Any
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call with ``model`` in place of what it gives for the parameter."""
        position = self._position
        if self._name in named or position is None:
            return arguments, {**named, self._name: model}
        return (*arguments[:position], model, *arguments[position + 1 :]), named

    def is_data(self, given: Any) -> bool:
        """Say whether an argument is a document, rather than the model, as a member of a text enumeration is."""
        return isinstance(given, _DATA) and (type(given) in _DATA or not self._is_model(given))

    def validated(self, given: Any) -> Any:
        """Return an argument that is no document as the model; what already is the model passes.

        Raises:
            pydantic.ValidationError: it cannot become the model.
        """
        if given is _NOT_GIVEN or self._is_model(given):
            return given
        return plan_for(self._model_class).validator.validate_python(given)

    def _is_model(self, given: Any) -> bool:
        try:
            return isinstance(given, self._model_class)
        except TypeError:  # a list type, a typed dict: such types have no instances
            return False
