"""Decorators that turn functions about models into functions about bytes."""

from __future__ import annotations

import functools
import inspect
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from pydantic_serialization._calls import KeyedCalls
from pydantic_serialization._declared import DeclaredResult, ModelParameter, definition_of
from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization._registry import FORMATS
from pydantic_serialization.cache.keys import check_tags
from pydantic_serialization.cache.values import as_seconds
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.manager import (
    CachedSerializationManager,
    OptimizedSerializationManager,
    create_serialization_manager,
)
from pydantic_serialization.plan.naming import VALUES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence

    from pydantic_serialization._types import Input
    from pydantic_serialization.config import SerializationFormat

ParamsP = ParamSpec("ParamsP")
SelfT = TypeVar("SelfT")
ModelT = TypeVar("ModelT")
ResultT = TypeVar("ResultT")


AnyManager: TypeAlias = "OptimizedSerializationManager | CachedSerializationManager"

ManagerSource: TypeAlias = "AnyManager | Callable[[], AnyManager] | None"
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
            template names ``self``: ``"user:{self.tenant}:{user_id}"``. A callable is given ``self`` and says itself
            whose the result is. Each class has its own; so has each decoration of a bound method or a partial.
        ttl: Seconds a result is kept; the configuration's ``cache_ttl`` if ``None``.
        tags: Names by which ``manager.invalidate(tags=...)`` drops results.
        manager: The manager, or a function that returns it (``lambda: app.state.manager``); one of the process, made on
            first use, if ``None``.

    Raises:
        ConfigurationError: when decorating: the template names no parameter of the function, there is no such format,
            ``ttl`` or ``tags`` are given without ``key``, ``manager`` is none, or what is decorated is no function.
        TypeError: when decorating: ``tags`` is one text instead of several. When called: an argument that the key uses,
            or an instance that it does not name, is of a type that cannot be part of a key.
    """
    if isinstance(format, type):
        message = f"serialized takes a format or a function, not the class {format.__name__}"
        raise ConfigurationError(message)
    if callable(format) or isinstance(format, (classmethod, staticmethod)):  # without parentheses
        decorator: Any = serialized()
        return decorator(format)
    current, every_tag = _manager_source(manager), check_tags(tags)
    if format is not None:
        FORMATS.canonical(format)  # a misspelt name is an error here, not in the first call
    if ttl is not None:
        as_seconds(ttl, "ttl")
    if key is None and (ttl is not None or every_tag):
        message = "ttl= and tags= are for results that are cached, and nothing says under which key: give key= too"
        raise ConfigurationError(message)

    def decorate(function: Any) -> Any:
        if isinstance(function, (classmethod, staticmethod)):
            return type(function)(decorate(function.__func__))
        definition = definition_of(function)
        keyed = None if key is None else KeyedCalls(function, key, every_tag, format)
        writing = _Writing(function, current, format, ttl, keyed, DeclaredResult(function))
        wrapper: Any = _asynchronous(writing) if inspect.iscoroutinefunction(definition) else _synchronous(writing)
        wrapper = _like(function, wrapper)
        wrapper.__signature__ = inspect.signature(function).replace(return_annotation=bytes)
        wrapper.__annotations__ = {**getattr(definition, "__annotations__", {}), "return": bytes}
        return wrapper

    return decorate


@dataclass(frozen=True, slots=True)
class _Writing:
    """How the results of one function become bytes."""

    function: Callable[..., Any]
    current: Callable[[], AnyManager]
    format: SerializationFormat | str | None
    ttl: float | None
    keyed: KeyedCalls | None
    declared: DeclaredResult


def _asynchronous(writing: _Writing) -> Callable[..., Coroutine[Any, Any, bytes]]:
    function, current, format_name, keyed = writing.function, writing.current, writing.format, writing.keyed
    type_of, ttl = writing.declared.type_of, writing.ttl

    async def asynchronous(*arguments: Any, **named: Any) -> bytes:
        used = current()
        if keyed is None or not used.results.keys.enabled:
            return await make(used, arguments, named)
        entry_key, cache_key = keyed.keys(used, arguments, named)
        found = used.results.find(entry_key)
        if found is not None:
            return found
        return await used.results.get_or_make(
            entry_key,
            functools.partial(make, used, arguments, named),
            ttl=ttl,
            tags=keyed.tags(cache_key, arguments, named),
        )

    async def make(used: AnyManager, arguments: Sequence[Any], named: Mapping[str, Any]) -> bytes:
        model = await function(*arguments, **named)
        return await used.serialize_model(model, format_name, model_class=type_of(model))

    return asynchronous


def _synchronous(writing: _Writing) -> Callable[..., bytes]:
    function, current, format_name, keyed = writing.function, writing.current, writing.format, writing.keyed
    type_of, ttl = writing.declared.type_of, writing.ttl

    def synchronous(*arguments: Any, **named: Any) -> bytes:
        used = current()
        if keyed is None or not used.results.keys.enabled:
            return make(used, arguments, named)
        entry_key, cache_key = keyed.keys(used, arguments, named)
        found = used.results.find(entry_key)
        if found is not None:
            return found
        return used.results.get_or_make_sync(
            entry_key,
            functools.partial(make, used, arguments, named),
            ttl=ttl,
            tags=keyed.tags(cache_key, arguments, named),
        )

    def make(used: AnyManager, arguments: Sequence[Any], named: Mapping[str, Any]) -> bytes:
        model = function(*arguments, **named)
        return used.serialize_sync(model, format_name, model_class=type_of(model))

    return synchronous


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
        ConfigurationError: when decorating: ``model_class`` is no type, the function takes no argument, there is no
            such format, ``manager`` is none, or what is decorated is no function.
        pydantic.ValidationError: when called: the data, or the object in its place, is not of the model's shape.
    """
    current = _manager_source(manager)
    given: Any = model_class
    if isinstance(given, VALUES) or inspect.isroutine(given):
        message = f"deserialized takes the model first, not a {type(given).__name__}: write @deserialized(Model)"
        raise ConfigurationError(message)
    if format is not None:
        FORMATS.canonical(format)

    def decorate(function: Any) -> Any:
        if isinstance(function, (classmethod, staticmethod)):
            return type(function)(decorate(function.__func__))
        definition = definition_of(function)
        parameter = ModelParameter(function, model_class)

        async def asynchronous(*arguments: Any, **named: Any) -> Any:
            given = parameter.given(arguments, named)
            if parameter.is_data(given):
                # Large compressed data is decompressed off the loop.
                model = await current().deserialize_model(given, model_class, format)
            else:
                model = parameter.validated(given)
            if model is not given:
                arguments, named = parameter.replaced(arguments, named, model)
            return await function(*arguments, **named)

        def synchronous(*arguments: Any, **named: Any) -> Any:
            given = parameter.given(arguments, named)
            if parameter.is_data(given):
                model = current().deserialize_sync(given, model_class, format)
            else:
                model = parameter.validated(given)
            if model is not given:
                arguments, named = parameter.replaced(arguments, named, model)
            return function(*arguments, **named)

        return _like(function, asynchronous if inspect.iscoroutinefunction(definition) else synchronous)

    return decorate


def _like(function: Callable[..., Any], wrapper: Callable[..., Any]) -> Any:
    """Return ``wrapper`` under the name of ``function``, which may be a partial or an object that has none."""
    wrapper = functools.update_wrapper(wrapper, definition_of(function))
    wrapper.__wrapped__ = function
    return wrapper


def _manager_source(manager: ManagerSource) -> Callable[[], AnyManager]:
    if manager is None:
        return default_manager
    if isinstance(manager, (OptimizedSerializationManager, CachedSerializationManager)):
        return lambda: manager
    if isinstance(manager, type):
        message = f"expected a manager, or a function that returns it, got the class {manager.__name__}"
        raise ConfigurationError(message)
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
