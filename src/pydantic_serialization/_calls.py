"""Cache keys and tags of the calls of a decorated function."""

from __future__ import annotations

import inspect
import secrets
import string
import weakref
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic_serialization.cache import compile_key
from pydantic_serialization.cache.keys import check_tags
from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.manager.declared import DeclaredResult
from pydantic_serialization.manager.results import key_tag
from pydantic_serialization.plan.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pydantic_serialization.config import SerializationFormat
    from pydantic_serialization.manager import OptimizedSerializationManager


class KeyedCalls:
    """Makes the key and the tags of the entry of each call of one function.

    Args:
        function: The function.
        key: A template over its parameters, or a callable that takes its arguments.
        tags: Tags of every entry.
        format: The format that results are written in.

    Raises:
        ConfigurationError: the template names no parameter of the function.
        UnsupportedTypeError: (a ``TypeError``) ``tags`` is one text instead of several.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        key: str | Callable[..., str],
        tags: Iterable[str],
        format: SerializationFormat | str | None,  # noqa: A002
    ) -> None:
        self._signature = inspect.signature(function)
        self._key = key
        self._render = compile_key(key, self._signature)
        self._tags = check_tags(tags)
        self._format = format
        self._name = _identity(function)
        self._declared = DeclaredResult(function)
        self._owner = _owner_function(function, self._signature, key)

    def entry(
        self, used: OptimizedSerializationManager, arguments: Sequence[Any], named: Mapping[str, Any]
    ) -> tuple[str, Iterable[str]]:
        """Return the key of the entry and its tags.

        Raises:
            TypeError: an argument that the key uses is of a type that cannot be part of a key.
        """
        cache_key = self._render(arguments, named)
        name = f"{self._name}:{self._owner(arguments)}" if self._owner is not None else self._name
        entry_key = used.results.call_key(name, self._declared.fingerprint(), self._format, cache_key)
        return entry_key, _CallTags(self._tags, lambda: self._plain(cache_key, arguments, named))

    def _plain(self, cache_key: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
        """Return the key as its author reads it, ``"user:5"``: what ``invalidate`` is called with.

        Two calls may share it, unlike the key of the entry: then both entries are dropped together.
        """
        if not isinstance(self._key, str):
            return cache_key
        call = self._signature.bind(*arguments, **named)
        call.apply_defaults()
        return _PLAIN.vformat(self._key, (), call.arguments)


class _Plain(string.Formatter):
    """Renders a value as one would write it in a key: an enum member by its value, everything else by ``str``."""

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ARG002  (templates have no format)
        return str(value.value if isinstance(value, Enum) else value)


_PLAIN = _Plain()


class _CallTags:
    """The tags of one call; only asked for on a miss, since making the readable key takes microseconds."""

    __slots__ = ("_fixed", "_plain")

    def __init__(self, fixed: tuple[str, ...], plain: Callable[[], str]) -> None:
        self._fixed = fixed
        self._plain = plain

    def __iter__(self) -> Iterator[str]:
        return iter((*self._fixed, key_tag(self._plain())))


def _identity(function: Callable[..., Any]) -> str:
    """Return what tells a function from others in cache keys: where it is, and what it does.

    Functions that are made by one and the same code, as in a factory, look alike and do different things: they share
    nothing.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    is_local = "<locals>" in function.__qualname__
    return f"{name}:{secrets.token_hex(8) if is_local else fingerprint(function).hex()}"


def _owner_function(
    function: Callable[..., Any], signature: inspect.Signature, key: str | Callable[..., str]
) -> Callable[[Sequence[Any]], str] | None:
    """Return what tells the owners of a method from each other, or ``None`` for a function.

    Without it, one service object would get what another one, of another tenant, has loaded. A template that names
    ``self``, and a callable, which is given it, decide for themselves.
    """
    scope, _, _ = function.__qualname__.rpartition(".")
    first = next(iter(signature.parameters), "")
    if not scope or scope.endswith("<locals>") or first not in {"self", "cls"}:
        return None
    if not isinstance(key, str) or any(
        name and name.partition(".")[0] == first for _, name, _, _ in string.Formatter().parse(key)
    ):
        return None
    tokens = _InstanceTokens(function.__qualname__)
    return lambda arguments: tokens.token(arguments[0]) if arguments else ""


class _InstanceTokens:
    """A text for each living object, by identity: equal objects are not the same owner."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._tokens: dict[int, tuple[weakref.ref[Any], str]] = {}

    def token(self, owner: Any) -> str:
        """Return the token of an instance, or the name of a class.

        Raises:
            UnsupportedTypeError: (a ``TypeError``) the instance cannot be told from a later one at the same address.
        """
        if isinstance(owner, type):
            return f"{owner.__module__}.{owner.__qualname__}"
        found = self._tokens.get(id(owner))
        if found is not None and found[0]() is owner:
            return found[1]
        key = id(owner)
        try:
            reference = weakref.ref(owner, lambda _: self._tokens.pop(key, None))
        except TypeError:
            message = (
                f"the key of {self._method} does not say whose result it is, and a {type(owner).__name__} cannot be "
                f"referred to weakly: name an attribute in the key, such as {{self.id}}"
            )
            raise UnsupportedTypeError(message) from None
        token = secrets.token_hex(8)
        self._tokens[key] = (reference, token)
        return token
