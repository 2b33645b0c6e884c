"""Decorators that turn functions about models into functions about bytes."""

from __future__ import annotations

import functools
import inspect
import threading
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from pydantic_serialization._calls import KeyedCalls
from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization._registry import FORMATS
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.manager import OptimizedSerializationManager, create_serialization_manager
from pydantic_serialization.manager.declared import DeclaredResult, annotation_of
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from pydantic_serialization._types import Input
    from pydantic_serialization.config import SerializationFormat

ParamsP = ParamSpec("ParamsP")
SelfT = TypeVar("SelfT")
ModelT = TypeVar("ModelT")
ResultT = TypeVar("ResultT")


ManagerSource: TypeAlias = "OptimizedSerializationManager | Callable[[], OptimizedSerializationManager] | None"
"""A manager; a function that returns it, for one that is made later; or ``None`` for the one of the process."""


class SerializedDecorator(Protocol):
    """What ``serialized(...)`` returns."""

    @overload
    def __call__(  # pyright: ignore[reportOverlappingOverload]  (a coroutine function is the narrower case)
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
def serialized(  # pyright: ignore[reportOverlappingOverload]  (a coroutine function is the narrower case)
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
    manager: ManagerSource = None,
) -> SerializedDecorator: ...


def serialized(
    format: Any = None,  # noqa: A002
    *,
    key: str | Callable[..., str] | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    manager: ManagerSource = None,
) -> Any:
    """Turn a function that returns a model into one that returns bytes, cached if ``key`` is given.

    Works on ``def``, ``async def`` and methods. A return annotation is the declared type: a subclass that is returned
    gives only the declared class's fields, as FastAPI's response model does.

    Args:
        format: A format; the configuration's default if ``None``.
        key: What a result is found again by: a template such as ``"user:{user_id}"`` over the function's parameters, or
            a callable that takes the same arguments and returns a string. ``manager.invalidate("user:7")`` drops the
            result; enum members are written by their value. Each instance of a class has entries of its own, unless the
            template names ``self``: ``"user:{self.tenant}:{user_id}"``.
        ttl: Seconds a result is kept; the configuration's ``cache_ttl`` if ``None``.
        tags: Names by which ``manager.invalidate(tags=...)`` drops results.
        manager: The manager, or a function that returns it (``lambda: app.state.manager``); one of the process, made on
            first use, if ``None``.

    Raises:
        ConfigurationError: when decorating: the template names no parameter of the function, there is no such format, or
            ``manager`` is none.
        TypeError: when called: an argument that the key uses is of a type that cannot be part of a key.
    """
    if inspect.isroutine(format) or isinstance(format, (classmethod, staticmethod)):  # without parentheses
        decorator: Any = serialized()
        return decorator(format)
    if isinstance(format, type):
        message = f"serialized takes a format or a function, not the class {format.__name__}"
        raise ConfigurationError(message)
    if format is not None:
        FORMATS.canonical(format)  # a misspelt name is an error here, not in the first call
    current = _manager_source(manager)

    def decorate(function: Callable[..., Any]) -> Any:
        if isinstance(function, (classmethod, staticmethod)):
            return type(function)(decorate(function.__func__))
        declared = DeclaredResult(function)
        keyed = None if key is None else KeyedCalls(function, key, tags, format)

        @functools.wraps(function)
        async def asynchronous(*arguments: Any, **named: Any) -> bytes:
            used = current()

            async def make() -> bytes:
                model = await function(*arguments, **named)
                return await used.serialize_model(model, format, model_class=declared.type_of(model))

            if keyed is None or not used.config.enable_caching:
                return await make()
            entry_key, entry_tags = keyed.entry(used, arguments, named)
            return await used.results.get_or_make(entry_key, make, ttl=ttl, tags=entry_tags)

        @functools.wraps(function)
        def synchronous(*arguments: Any, **named: Any) -> bytes:
            used = current()

            def make() -> bytes:
                model = function(*arguments, **named)
                return used.serialize_sync(model, format, model_class=declared.type_of(model))

            if keyed is None or not used.config.enable_caching:
                return make()
            entry_key, entry_tags = keyed.entry(used, arguments, named)
            return used.results.get_or_make_sync(entry_key, make, ttl=ttl, tags=entry_tags)

        wrapper: Any = asynchronous if inspect.iscoroutinefunction(function) else synchronous
        wrapper.__signature__ = inspect.signature(function).replace(return_annotation=bytes)
        wrapper.__annotations__ = {**function.__annotations__, "return": bytes}
        return wrapper

    return decorate


def deserialized(
    model_class: type[ModelT],
    format: SerializationFormat | str | None = None,  # noqa: A002
    *,
    manager: ManagerSource = None,
) -> DeserializedDecorator[ModelT]:
    """Give a function the validated model for the bytes it is called with.

    The parameter is the one annotated with ``model_class``, else the first one (after ``self``). A value that already
    is the model passes through; anything else that is not bytes or text is validated as Pydantic validates objects.
    Works on ``def``, ``async def`` and methods.

    Args:
        model_class: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.
        format: The format; recognised from the bytes if ``None``.
        manager: The manager, or a function that returns it (``lambda: app.state.manager``); one of the process, made on
            first use, if ``None``.

    Raises:
        ConfigurationError: when decorating: the function takes no argument.
    """
    current = _manager_source(manager)

    def decorate(function: Callable[..., Any]) -> Any:
        if isinstance(function, (classmethod, staticmethod)):
            return type(function)(decorate(function.__func__))
        name, position = _model_parameter(function, model_class)

        def bound(arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            given = _given(name, position, arguments, named)
            if given is _NOT_GIVEN:
                return arguments, named
            if _is_data(given, model_class):
                model = current().deserialize_sync(given, model_class, format)
            elif _is_instance(given, model_class):
                return arguments, named
            else:
                model = plan_for(model_class).validator.validate_python(given)
            return _replaced(name, position, arguments, named, model)

        @functools.wraps(function)
        async def asynchronous(*arguments: Any, **named: Any) -> Any:
            given = _given(name, position, arguments, named)
            if given is not _NOT_GIVEN and _is_data(given, model_class):
                # Large compressed data is decompressed off the loop.
                model = await current().deserialize_model(given, model_class, format)
                arguments, named = _replaced(name, position, arguments, named, model)
            else:
                arguments, named = bound(arguments, named)
            return await function(*arguments, **named)

        @functools.wraps(function)
        def synchronous(*arguments: Any, **named: Any) -> Any:
            arguments, named = bound(arguments, named)
            return function(*arguments, **named)

        return asynchronous if inspect.iscoroutinefunction(function) else synchronous

    return decorate


_NOT_GIVEN = object()


def _given(name: str, position: int | None, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Return what a call gives for one parameter."""
    if name in named:
        return named[name]
    return arguments[position] if position is not None and position < len(arguments) else _NOT_GIVEN


def _replaced(
    name: str, position: int | None, arguments: tuple[Any, ...], named: dict[str, Any], model: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with another value for one parameter."""
    if name in named or position is None:
        return arguments, {**named, name: model}
    return (*arguments[:position], model, *arguments[position + 1 :]), named


def _is_instance(value: Any, model_class: Any) -> bool:
    return isinstance(model_class, type) and isinstance(value, model_class)


def _is_data(value: Any, model_class: Any) -> bool:
    """Say whether a value is bytes of a model, rather than the model itself. For ``str`` as the model, text is data."""
    return isinstance(value, (bytes, bytearray, memoryview, str)) and model_class is not bytes


def _model_parameter(function: Callable[..., Any], model_class: Any) -> tuple[str, int | None]:
    """Return the name of the parameter that takes the model, and its position if it can be given by position."""
    parameters = list(inspect.signature(function).parameters.values())
    single = [item for item in parameters if item.kind not in {item.VAR_POSITIONAL, item.VAR_KEYWORD}]
    wanted = (model_class, getattr(model_class, "__name__", model_class))
    annotated = [item for item in single if annotation_of(function, item.name) in wanted]
    free = [item for item in single if item.name not in {"self", "cls"}]
    if not annotated and not free:
        message = f"{function.__qualname__} takes no argument that could be the model"
        raise ConfigurationError(message)
    chosen = (annotated or free)[0]
    by_position = chosen.kind in {chosen.POSITIONAL_ONLY, chosen.POSITIONAL_OR_KEYWORD}
    return chosen.name, parameters.index(chosen) if by_position else None


def _manager_source(manager: ManagerSource) -> Callable[[], OptimizedSerializationManager]:
    if manager is None:
        return default_manager
    if isinstance(manager, OptimizedSerializationManager):
        return lambda: manager
    if not callable(manager):
        message = f"expected a manager, or a function that returns it, got {type(manager).__name__}"
        raise ConfigurationError(message)
    return manager


class _Default:
    """The manager of the process, made on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._manager: OptimizedSerializationManager | None = None
        renew_after_fork(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def __call__(self) -> OptimizedSerializationManager:
        if self._manager is None:
            with self._lock:
                if self._manager is None:
                    self._manager = create_serialization_manager()
        return self._manager


default_manager = _Default()
"""Returns the manager that decorators without one of their own share."""
