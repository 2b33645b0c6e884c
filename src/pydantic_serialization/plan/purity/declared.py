"""Functions whose result depends on their arguments alone: those that are known, and those that users declare."""

from __future__ import annotations

import functools
import json
import operator
import re
import types
import weakref
from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic
import pydantic_core
from pydantic._internal._decorators import PydanticDescriptorProxy

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.plan.native.decoding.user_code import is_plain

if TYPE_CHECKING:
    from collections.abc import Iterable

TargetT = TypeVar("TargetT")

_declared: weakref.WeakSet[Any] = weakref.WeakSet()

_PYDANTICS = (
    "pydantic.types",
    "pydantic.networks",
    "pydantic._internal._validators",
    "pydantic._internal._generate_schema",
    "pydantic._internal._serializers",
)
# These look at the file system, or run whatever a module holds.
_NOT_PURE = frozenset({"PathType.validate_file", "PathType.validate_directory", "PathType.validate_new"})
_NOT_PURE |= {"PathType.validate_socket", "import_string", "_import_string_logic", "ImportString._serialize"}
_BUILT_IN = frozenset({abs, all, any, ascii, bin, chr, divmod, hex, len, max, min, oct, ord, pow, round, sorted, sum})
_BUILT_IN_TYPES = frozenset(
    {
        Counter,
        OrderedDict,
        deque,
        bool,
        bytes,
        complex,
        dict,
        float,
        frozenset,
        int,
        list,
        range,
        set,
        str,
        tuple,
        type(None),
    }
)
_GETTERS = frozenset({operator.attrgetter, operator.itemgetter})
_JSON = frozenset({json.loads, json.dumps, pydantic_core.from_json, pydantic_core.to_json})


def pure(target: TargetT) -> TargetT:
    """Declare that a function's result depends on its arguments alone, so that results may be reused.

    The validation cache returns an earlier result for bytes that it has seen before, and the memo of frozen instances
    returns earlier bytes. Both leave a model alone as soon as it runs code that may look at a clock, at a random source
    or at anything else that changes. This decorator says of one's own code that it does not::

        class User(BaseModel):
            email: str

            @field_validator("email")
            @classmethod
            @pure
            def in_lower_case(cls, value: str) -> str:
                return value.lower()

    Declare the innermost function, or the whole class: ``@pure class User(BaseModel)`` stands for all validators,
    serializers, factories and ``model_post_init`` that belong to the class itself, not for those of its subclasses, nor
    of the models in its fields. The result must not be shared with anything that changes, since readers get copies.

    Args:
        target: A function, a method, a callable object, or a model or enumeration class. As a plain call it declares
            somebody else's function: ``BeforeValidator(pure(parse))``.

    Returns:
        ``target`` itself.

    Raises:
        ConfigurationError: ``target`` is nothing that can be called, or cannot be remembered (a bound method of a
            built-in object: write a ``def`` around it).
    """
    inner = _unwrapped(target)
    if isinstance(inner, functools.partial):
        pure(inner.func)
        return target
    if not callable(inner):
        message = f"pure() declares a function or a class, not a {type(target).__name__}"
        raise ConfigurationError(message)
    # A bound method of a built-in object is another object each time.
    is_bound = isinstance(inner, types.BuiltinFunctionType) and not isinstance(inner.__self__, types.ModuleType)
    if is_bound or not _remember(inner):
        name = getattr(inner, "__qualname__", type(inner).__qualname__)
        message = f"{name} cannot be declared pure itself: write a function that calls it, and declare that one"
        raise ConfigurationError(message)
    return target


def _remember(function: Any) -> bool:
    """Say whether a function could be remembered: it has a hash, and can be referred to weakly."""
    try:
        _declared.add(function)
    except TypeError:
        return False
    return True


def is_declared(target: Any) -> bool:
    """Say whether a function or class was declared to be :func:`pure`."""
    try:
        return _unwrapped(target) in _declared
    except TypeError:  # an object without a hash, or without weak references
        return False


def is_known_pure(function: Any) -> bool:
    """Say whether the result of a function is known, or was declared, to depend on its arguments alone."""
    if isinstance(function, functools.partial):
        given = (*function.args, *function.keywords.values())
        return is_known_pure(function.func) and all(map(_is_harmless, given))
    if is_declared(function) or type(function) in _GETTERS:
        return True
    if isinstance(function, type):
        return function in _BUILT_IN_TYPES or _is_pydantics_class(function) or function.__module__ == "ipaddress"
    if isinstance(function, types.MethodDescriptorType):  # str.strip
        return function.__objclass__ in _BUILT_IN_TYPES
    inner = _unwrapped(function)
    if isinstance(inner, types.BuiltinFunctionType):
        return inner in _BUILT_IN or inner in _JSON or isinstance(inner.__self__, re.Pattern)
    if inner in _JSON:
        return True
    return isinstance(inner, types.FunctionType) and _is_pydantics_function(function, inner)


def _is_pydantics_function(function: Any, inner: types.FunctionType) -> bool:
    """Say whether this is a function of Pydantic's, and nothing of a user's is bound to it or closed over."""
    if inner.__module__ not in _PYDANTICS or inner.__qualname__ in _NOT_PURE:
        return False
    return all(map(_is_harmless, (*_bound(function), *_closed_over(inner))))


def _bound(function: Any) -> Iterable[Any]:
    return (function.__self__,) if isinstance(function, types.MethodType) else ()


def _closed_over(function: types.FunctionType) -> Iterable[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled: the function would fail
            yield None


def _is_harmless(value: Any) -> bool:
    """Say whether a value is plain, or an object of Pydantic's or Python's own that holds only such."""
    if is_plain(value) or is_known_pure(value):
        return True
    if isinstance(value, type):
        return value.__module__.partition(".")[0] in {"pathlib", "typing", "ipaddress"} or _is_pydantics_class(value)
    held = getattr(value, "__dict__", None)
    return _is_pydantics_class(type(value)) and all(map(_is_harmless, (held or {}).values()))


def _is_pydantics_class(cls: type) -> bool:
    package = cls.__module__.partition(".")[0]
    return package in {pydantic.__name__, pydantic_core.__name__} and cls.__qualname__ != "ImportString"


def _unwrapped(target: Any) -> Any:
    """Return the function inside what decorators make of it."""
    while True:
        if isinstance(target, PydanticDescriptorProxy):
            target = target.wrapped
        elif isinstance(target, (classmethod, staticmethod, types.MethodType)):
            target = target.__func__
        elif isinstance(target, property):
            target = target.fget
        elif isinstance(target, functools.cached_property):
            target = target.func
        else:
            return target
