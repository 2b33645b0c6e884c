"""Cache keys and tags of the calls of a decorated function."""

from __future__ import annotations

import inspect
import secrets
import string
import sys
import weakref
from enum import Enum
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeGuard

from pydantic_serialization._declared import DeclaredResult, definition_of
from pydantic_serialization.cache import compile_key, encode_parts
from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.manager.result_keys import key_tag
from pydantic_serialization.plan.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic_serialization.config import SerializationFormat
    from pydantic_serialization.manager.operations import ModelOperations


class KeyedCalls:
    """Makes the key and the tags of the entry of each call of one function.

    Args:
        function: The function.
        key: A template over its parameters, or a callable that takes its arguments.
        tags: Tags of every entry.
        format: The format that results are written in.

    Raises:
        ConfigurationError: the template names no parameter of the function.
        UnsupportedTypeError: (a ``TypeError``) ``key`` is neither a text nor a callable.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        key: str | Callable[..., str],
        tags: tuple[str, ...],
        format: SerializationFormat | str | None,  # noqa: A002
    ) -> None:
        self._signature = inspect.signature(function)
        self._key = key
        self._render = compile_key(key, self._signature)
        self._tags = tags
        self._format = None if format is None else str(getattr(format, "value", format))
        self._name = _identity(function)
        self._declared = DeclaredResult(function)
        self._owners = _owners(function, self._signature, key)

    def keys(self, used: ModelOperations, arguments: Sequence[Any], named: Mapping[str, Any]) -> tuple[str, str]:
        """Return the key of the entry, and the key that the arguments give, which :meth:`tags` takes.

        Raises:
            TypeError: an argument that the key uses is of a type that cannot be part of a key, or the instance cannot
                be told from others.
        """
        cache_key = self._render(arguments, named)
        plan = self._declared.plan
        schema = plan.fingerprint if plan is not None and plan.is_current() else self._declared.fingerprint()
        name = self._name if self._owners is None else f"{self._name}:{self._owners.name(arguments, named)}"
        return used.results.keys.of_call(name, schema, self._format, cache_key), cache_key

    def tags(self, cache_key: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> Iterable[str]:
        """Return the tags of the entry. Asked for on a miss only: the readable key takes microseconds.

        The key as its author reads it, ``"user:5"``, is one: what ``invalidate`` is called with. Two calls may share it,
        unlike the key of the entry: then both entries are dropped together.
        """
        if isinstance(self._key, str):
            call = self._signature.bind(*arguments, **named)
            call.apply_defaults()
            plain = _PLAIN.vformat(self._key, (), call.arguments)
        else:
            plain = cache_key
        return (*self._tags, key_tag(plain))


class _Plain(string.Formatter):
    """Renders a value as one would write it in a key: an enum member by its value, everything else by ``str``."""

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ARG002  (templates have no format)
        return str(value.value if isinstance(value, Enum) else value)


_PLAIN = _Plain()


def _identity(function: Callable[..., Any]) -> str:
    """Return what tells a function from others in cache keys: where it is and what it does, the same in each process.

    Functions that are made by one and the same code look alike and do different things, because of an object that no
    fingerprint shows: local functions, methods of an instance, partials, wrappers, defaults. Each of those has entries
    of its own, in this process only.
    """
    definition = definition_of(function)
    name = f"{definition.__module__}.{definition.__qualname__}"
    if function is not definition or not _is_known_by_its_code(function):
        return f"{name}:{secrets.token_hex(8)}"
    return f"{name}:{fingerprint((function, function.__kwdefaults__)).hex()}"


def _is_known_by_its_code(function: Callable[..., Any]) -> TypeGuard[FunctionType]:
    # "<" is in the names of local functions and lambdas. Methods that call super() close over their class.
    if not isinstance(function, FunctionType) or "<" in function.__qualname__:
        return False
    if not {"__class__"}.issuperset(function.__code__.co_freevars):
        return False
    try:
        encode_parts(function.__defaults__, function.__kwdefaults__)
    except UnsupportedTypeError:
        return False
    return True


def _owners(
    function: Callable[..., Any], signature: inspect.Signature, key: str | Callable[..., str]
) -> _Owners | None:
    """Return what tells the owners of a method from each other, or ``None`` for a function."""
    scope, _, _ = definition_of(function).__qualname__.rpartition(".")
    first = next(iter(signature.parameters), "")
    if not scope or scope.endswith("<locals>") or first not in {"self", "cls"}:
        return None
    fields = [name or "" for _, name, _, _ in string.Formatter().parse(key)] if isinstance(key, str) else []
    decides = not isinstance(key, str) or any(name.partition(".")[0] == first for name in fields)
    return _Owners(definition_of(function).__qualname__, first, by_class=decides)


class _Owners:
    """Names the owners of a method: objects by identity, since equal ones are not the same; classes by their path.

    Without it, one service object would get what another one, of another tenant, has loaded, and a subclass what its
    base class has made.

    Args:
        method: What the method is called in messages.
        first: The parameter that takes the owner.
        by_class: Instances of one class share their entries: the key itself says whose they are. A template that names
            ``self`` does, and a callable, which is given it, is taken to.
    """

    def __init__(self, method: str, first: str, *, by_class: bool) -> None:
        self._method = method
        self._first = first
        self._by_class = by_class
        self._names: dict[int, tuple[weakref.ref[Any], str]] = {}

    def name(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
        """Return the name of the owner of one call.

        Raises:
            UnsupportedTypeError: (a ``TypeError``) the instance cannot be told from a later one at the same address.
        """
        # Without an owner, the call of the method is Python's own error.
        owner = arguments[0] if arguments else named.get(self._first, _Owners)
        if self._by_class and not isinstance(owner, type):
            owner = type(owner)
        found = self._names.get(id(owner))
        return found[1] if found is not None and found[0]() is owner else self._new_name(owner)

    def _new_name(self, owner: Any) -> str:
        address = id(owner)
        try:
            reference = weakref.ref(owner, lambda _: self._names.pop(address, None))
        except TypeError:
            message = (
                f"the key of {self._method} does not say whose result it is, and a {type(owner).__name__} cannot be "
                f"referred to weakly: name an attribute in the key, such as {{{self._first}.id}}"
            )
            raise UnsupportedTypeError(message) from None
        is_found = isinstance(owner, type) and _is_found_by_path(owner)
        name = f"{owner.__module__}.{owner.__qualname__}" if is_found else secrets.token_hex(8)
        self._names[address] = (reference, name)
        return name


def _is_found_by_path(cls: type) -> bool:
    """Say whether a class is the one that its module has under its name; others may share the name with it."""
    try:
        return attrgetter(cls.__qualname__)(sys.modules[cls.__module__]) is cls
    except (KeyError, AttributeError):
        return False
