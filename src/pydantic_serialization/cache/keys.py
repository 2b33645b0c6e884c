"""Cache keys: what is accepted as one, and functions that make one from the arguments of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, Signature
from operator import attrgetter
from string import Formatter
from typing import Any, Final, TypeAlias

from pydantic_serialization.cache.parts import digest, encode_one, encode_parts
from pydantic_serialization.errors import ConfigurationError, UnsupportedTypeError

__all__ = [
    "LONGEST_KEY",
    "MOST_TAGS",
    "KeyFunction",
    "bounded",
    "check_entry_tags",
    "check_key",
    "check_tags",
    "compile_key",
    "encode_parts",
]

LONGEST_KEY: Final = 1024
"""Characters."""

MOST_TAGS: Final = 1000
"""Of one entry: each costs a name in the shared tier, which a read has to look at."""

KeyFunction: TypeAlias = Callable[[Sequence[Any], Mapping[str, Any]], str]
"""Makes a cache key from the positional and the keyword arguments of one call."""

_Getter: TypeAlias = Callable[[Sequence[Any], Mapping[str, Any]], Any]

_LONGEST_LITERAL: Final = 512
_KEPT_OF_LONG: Final = 64


def check_key(key: object) -> str:
    """Return ``key`` if it can be one.

    Raises:
        UnsupportedTypeError: (a ``TypeError``) it is no str.
        ConfigurationError: (a ``ValueError``) it is empty, or longer than 1024 characters.
    """
    if not isinstance(key, str):
        message = f"a cache key is a str, not {type(key).__qualname__!r}: make one with encode_parts()"
        raise UnsupportedTypeError(message)
    if not 0 < len(key) <= LONGEST_KEY:
        message = f"a cache key has 1 to {LONGEST_KEY} characters, not {len(key)}: encode_parts() makes long ones short"
        raise ConfigurationError(message)
    return key


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return ``tags`` without repetitions.

    Raises:
        UnsupportedTypeError: (a ``TypeError``) one str instead of a collection, or a tag that is no str.
        ConfigurationError: (a ``ValueError``) a tag is empty, or longer than 1024 characters.
    """
    if not tags:
        return ()
    if isinstance(tags, (str, bytes)):
        message = "tags are a collection of str, not one: write tags=('users',)"
        raise UnsupportedTypeError(message)
    return tuple(dict.fromkeys(map(check_key, tags)))


def check_entry_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return ``tags`` without repetitions, if one entry can have them.

    Raises:
        UnsupportedTypeError: as :func:`check_tags`.
        ConfigurationError: (a ``ValueError``) as :func:`check_tags`, or there are more than 1000.
    """
    checked = check_tags(tags)
    if len(checked) > MOST_TAGS:
        message = f"a cache entry has at most {MOST_TAGS} tags, which reads have to look up, not {len(checked)}"
        raise ConfigurationError(message)
    return checked


def compile_key(template: str | Callable[..., object], signature: Signature) -> KeyFunction:
    """Compile a key template, or a key callable, for the calls of one function.

    A template is literal text with parameters in braces, ``"user:{user_id}"``, or attributes of parameters,
    ``"user:{user.id}"``. Values enter the key through :func:`encode_parts`: whatever they contain, two different lists
    of values give two different keys. Defaults are applied; parameters that the template does not name are not touched.

    Args:
        template: The template; or a callable that gets the arguments of the call and returns the key.
        signature: Of the function whose arguments will come.

    Returns:
        A function of the positional and the keyword arguments of a call. It raises ``UnsupportedTypeError`` for a value
        that cannot be part of a key, and ``TypeError`` where an argument that the template needs is missing.

    Raises:
        ConfigurationError: (a ``ValueError``) the template is empty or malformed, or names something that is no
            parameter of the function.
        UnsupportedTypeError: (a ``TypeError``) ``template`` is neither a str nor a callable.
    """
    if not isinstance(template, str):
        return _from_callable(template)
    first, rest = _parse(template)
    getters = [(_getter(field, template, signature), literal) for field, literal in rest]
    if not getters:
        return lambda _args, _kwargs: first
    if len(getters) == 1:
        get, last = getters[0]

        def key_of_one(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
            made = f"{first}{encode_one(get(args, kwargs))}{last}"
            return made if len(made) <= LONGEST_KEY else bounded(made)

        return key_of_one

    def key(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        pieces = [first]
        for get, literal in getters:
            pieces += (encode_one(get(args, kwargs)), literal)
        return bounded("".join(pieces))

    return key


def bounded(key: str) -> str:
    """Return a key of any length as one that is not too long: the end of a long one is replaced by its digest."""
    return key if len(key) <= LONGEST_KEY else f"{key[:_KEPT_OF_LONG]}##{digest(key)}"


def _from_callable(function: object) -> KeyFunction:
    if not callable(function):
        message = f"a cache key is given as a template or a callable, not as a {type(function).__qualname__!r}"
        raise UnsupportedTypeError(message)
    name = getattr(function, "__qualname__", type(function).__qualname__)

    def key(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        made = function(*args, **kwargs)
        if not isinstance(made, str):
            message = f"the key function {name!r} returned {type(made).__qualname__!r}, not a str: use encode_parts()"
            raise UnsupportedTypeError(message)
        return made

    return key


def _parse(template: str) -> tuple[str, list[tuple[str, str]]]:
    """Split a template into its first literal, and pairs of a field and the literal behind it."""
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        message = f"the key template {template!r} is malformed: {error}"
        raise ConfigurationError(message) from error
    literals, fields = [""], []
    for literal, field, spec, conversion in pieces:
        literals[-1] += literal
        if field is None:
            continue
        if spec or conversion or not all(name.isidentifier() for name in field.split(".")):
            message = (
                f"the key template {template!r} may hold only names of parameters and of their attributes in braces,"
                " such as {user_id} or {user.id}: no positions, indices, conversions or format specifications"
            )
            raise ConfigurationError(message)
        fields.append(field)
        literals.append("")
    size = sum(map(len, literals))
    if not template or size > _LONGEST_LITERAL:
        message = f"a key template has between 1 and {_LONGEST_LITERAL} characters outside of braces, not {size}"
        raise ConfigurationError(message)
    return literals[0], list(zip(fields, literals[1:], strict=True))


def _getter(field: str, template: str, signature: Signature) -> _Getter:
    name, _, attributes = field.partition(".")
    parameter = signature.parameters.get(name)
    if parameter is None:
        known = list(signature.parameters)
        from difflib import get_close_matches  # noqa: PLC0415  (only for errors)

        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"
        message = f"the key template {template!r} names {name!r}, which is no parameter of the function; {hint}"
        raise ConfigurationError(message)
    get = _parameter_getter(parameter, signature)
    return _attribute_getter(get, attributes, template) if attributes else get


def _attribute_getter(get: _Getter, attributes: str, template: str) -> _Getter:
    attribute = attrgetter(attributes)

    def get_attribute(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        value = get(args, kwargs)
        try:
            return attribute(value)
        except AttributeError as error:
            kind = type(value).__qualname__
            message = f"the key template {template!r} needs {attributes!r}, which a {kind!r} does not have"
            raise ConfigurationError(message) from error

    return get_attribute


def _parameter_getter(parameter: Parameter, signature: Signature) -> _Getter:
    """Return how to find one argument of a call without binding them all, which takes microseconds."""
    name, default = parameter.name, parameter.default
    position = list(signature.parameters).index(name)

    def missing(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if default is Parameter.empty:
            # Python's own message for the missing argument.
            return signature.bind(*args, **kwargs).arguments[name]
        return default

    match parameter.kind:
        case Parameter.VAR_POSITIONAL:
            return lambda args, _: tuple(args[position:])
        case Parameter.VAR_KEYWORD:
            taken = frozenset(
                other.name
                for other in signature.parameters.values()
                if other.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
            )
            return lambda _, kwargs: {key: value for key, value in kwargs.items() if key not in taken}
        case Parameter.KEYWORD_ONLY:
            return lambda args, kwargs: kwargs[name] if name in kwargs else missing(args, kwargs)
        case Parameter.POSITIONAL_ONLY:
            return lambda args, kwargs: args[position] if position < len(args) else missing(args, kwargs)

    def get(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if position < len(args):
            return args[position]
        return kwargs[name] if name in kwargs else missing(args, kwargs)

    return get
