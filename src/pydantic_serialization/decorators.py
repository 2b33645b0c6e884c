"""Decorators that turn functions about models into functions about bytes."""

from __future__ import annotations

import functools
import inspect
import threading
import typing
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from pydantic import BaseModel

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.cache import compile_key, encode_parts
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.manager import OptimizedSerializationManager, create_serialization_manager
from pydantic_serialization.manager.results import key_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from pydantic_serialization._types import Input
    from pydantic_serialization.config import SerializationFormat

ParamsP = ParamSpec("ParamsP")
SelfT = TypeVar("SelfT")
ModelT = TypeVar("ModelT")
ResultT = TypeVar("ResultT")

_UNDECLARED = frozenset({None, Any, object, BaseModel, inspect.Signature.empty})


class SerializedDecorator(Protocol):
    """What ``serialized(...)`` returns."""

    @overload
    def __call__(
        self, function: Callable[ParamsP, Coroutine[Any, Any, Any]], /
    ) -> Callable[ParamsP, Coroutine[Any, Any, bytes]]: ...

    @overload
    def __call__(self, function: Callable[ParamsP, Any], /) -> Callable[ParamsP, bytes]: ...


class DeserializedDecorator(Protocol[ModelT]):
    """What ``deserialized(...)`` returns."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[ModelT, ParamsP], ResultT], /
    ) -> Callable[Concatenate[ModelT | Input, ParamsP], ResultT]: ...

    @overload
    def __call__(
        self, function: Callable[Concatenate[SelfT, ModelT, ParamsP], ResultT], /
    ) -> Callable[Concatenate[SelfT, ModelT | Input, ParamsP], ResultT]: ...


@overload
def serialized(
    format: Callable[ParamsP, Coroutine[Any, Any, Any]], /
) -> Callable[ParamsP, Coroutine[Any, Any, bytes]]: ...


@overload
def serialized(format: Callable[ParamsP, Any], /) -> Callable[ParamsP, bytes]: ...


@overload
def serialized(
    format: SerializationFormat | str | None = None,
    *,
    key: str | Callable[..., str] | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    manager: OptimizedSerializationManager | None = None,
) -> SerializedDecorator: ...


def serialized(
    format: Any = None,  # noqa: A002
    *,
    key: str | Callable[..., str] | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    manager: OptimizedSerializationManager | None = None,
) -> Any:
    """Turn a function that returns a model into one that returns bytes, cached if ``key`` is given.

    Works on ``def``, ``async def`` and methods. A return annotation is the declared type: a subclass that is returned
    gives only the declared class's fields, as FastAPI's response model does.

    Args:
        format: A format; the configuration's default if ``None``.
        key: What a result is found again by: a template such as ``"user:{user_id}"`` over the function's parameters, or
            a callable that takes the same arguments and returns a string. ``manager.invalidate(key)`` drops the result.
        ttl: Seconds a result is kept; the configuration's ``cache_ttl`` if ``None``.
        tags: Names by which ``manager.invalidate(tags=...)`` drops results.
        manager: The manager; one of the process, made on first use, if ``None``.

    Raises:
        ConfigurationError: when decorating: the template names no parameter of the function.
        TypeError: when called: an argument that the key uses is of a type that cannot be part of a key.
    """
    if callable(format):  # @serialized without parentheses
        return serialized()(format)
    fixed_tags = tuple(tags)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        render = None if key is None else compile_key(key, inspect.signature(function))
        name = f"{function.__module__}.{function.__qualname__}"
        declared = _Declared(function)

        def entry(
            used: OptimizedSerializationManager, arguments: tuple[Any, ...], named: dict[str, Any]
        ) -> tuple[str, tuple[str, ...]] | None:
            if render is None or not used.config.enable_caching:
                return None
            cache_key = render(arguments, named)
            return encode_parts("function", name, str(format), cache_key), (*fixed_tags, key_tag(cache_key))

        @functools.wraps(function)
        async def asynchronous(*arguments: Any, **named: Any) -> bytes:
            used = manager or default_manager()

            async def make() -> bytes:
                model = await function(*arguments, **named)
                return await used.serialize_model(model, format, model_class=declared.type_of(model))

            found = entry(used, arguments, named)
            if found is None:
                return await make()
            entry_key, entry_tags = found
            return await used.results.get_or_make(entry_key, make, ttl=ttl, tags=entry_tags)

        @functools.wraps(function)
        def synchronous(*arguments: Any, **named: Any) -> bytes:
            used = manager or default_manager()

            def make() -> bytes:
                model = function(*arguments, **named)
                return used.serialize_sync(model, format, model_class=declared.type_of(model))

            found = entry(used, arguments, named)
            if found is None:
                return make()
            entry_key, entry_tags = found
            return used.results.get_or_make_sync(entry_key, make, ttl=ttl, tags=entry_tags)

        wrapper: Any = asynchronous if inspect.iscoroutinefunction(function) else synchronous
        wrapper.__signature__ = inspect.signature(function).replace(return_annotation=bytes)
        wrapper.__annotations__ = {**function.__annotations__, "return": bytes}
        return wrapper  # type: ignore[no-any-return]

    return decorate


def deserialized(
    model_class: type[ModelT],
    format: SerializationFormat | str | None = None,  # noqa: A002
    *,
    manager: OptimizedSerializationManager | None = None,
) -> DeserializedDecorator[ModelT]:
    """Give a function the validated model for the bytes it is called with.

    The parameter is the one annotated with ``model_class``, else the first one (after ``self``). A value that already
    is the model passes through. Works on ``def``, ``async def`` and methods.

    Args:
        model_class: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.
        format: The format; recognised from the bytes if ``None``.
        manager: The manager; one of the process, made on first use, if ``None``.

    Raises:
        ConfigurationError: when decorating: the function takes no argument.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name, position = _model_parameter(function, model_class)

        def bound(arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            used = manager or default_manager()
            if name in named:
                return arguments, {**named, name: _model(used, named[name], model_class, format)}
            if position is not None and position < len(arguments):
                given = _model(used, arguments[position], model_class, format)
                return (*arguments[:position], given, *arguments[position + 1 :]), named
            return arguments, named

        @functools.wraps(function)
        async def asynchronous(*arguments: Any, **named: Any) -> Any:
            arguments, named = bound(arguments, named)
            return await function(*arguments, **named)

        @functools.wraps(function)
        def synchronous(*arguments: Any, **named: Any) -> Any:
            arguments, named = bound(arguments, named)
            return function(*arguments, **named)

        return asynchronous if inspect.iscoroutinefunction(function) else synchronous

    return decorate


def _model(manager: OptimizedSerializationManager, value: Any, model_class: Any, format_name: Any) -> Any:
    if not isinstance(value, (bytes, bytearray, memoryview, str)):
        return value
    return manager.deserialize_sync(value, model_class, format_name)


def _model_parameter(function: Callable[..., Any], model_class: Any) -> tuple[str, int | None]:
    """Return the name of the parameter that takes the model, and its position if it can be given by position."""
    parameters = list(inspect.signature(function).parameters.values())
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError):  # an annotation that only a type checker sees
        hints = {}
    annotated = [item for item in parameters if hints.get(item.name, item.annotation) == model_class]
    free = [item for item in parameters if item.name not in {"self", "cls"}]
    if not annotated and not free:
        message = f"{function.__qualname__} takes no argument that could be the model"
        raise ConfigurationError(message)
    chosen = (annotated or free)[0]
    by_position = chosen.kind in {chosen.POSITIONAL_ONLY, chosen.POSITIONAL_OR_KEYWORD}
    return chosen.name, parameters.index(chosen) if by_position else None


class _Declared:
    """The declared return type of a function, resolved on first use: its names may not exist when it is decorated."""

    __slots__ = ("_function", "_resolved")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._resolved: Any = _Declared

    def type_of(self, value: Any) -> Any:
        """Return the declared type, or the value's class where the function declares none."""
        if self._resolved is _Declared:
            try:
                self._resolved = typing.get_type_hints(self._function, include_extras=True).get("return")
            except (NameError, TypeError):
                self._resolved = None
        undeclared = self._resolved is None or any(self._resolved is item for item in _UNDECLARED)
        return value.__class__ if undeclared or isinstance(self._resolved, TypeVar) else self._resolved


class _Default:
    """The manager of the process, made on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._manager: OptimizedSerializationManager | None = None
        renew_after_fork(self)

    def renew_locks(self) -> None:
        self._lock = threading.Lock()

    def __call__(self) -> OptimizedSerializationManager:
        if self._manager is None:
            with self._lock:
                if self._manager is None:
                    self._manager = create_serialization_manager()
        return self._manager


default_manager = _Default()
"""Returns the manager that decorators without one of their own share."""
