"""The value types that an unsigned pickle may hold besides the classes of its model, and how each is rebuilt.

The unpickler looks names up here and imports nothing. Where the name of a class is only ever called, a function stands
for it: a function cannot be instantiated around its checks (``NEWOBJ``), and can insist on the arguments that pickling
writes. ``list`` and its like appear as names only where they are the factory of a ``defaultdict``; called with an
``IPv4Network`` they would fill the memory, so a token stands for them.
"""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import re
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pydantic_core
from pydantic import ByteSize, Secret, SecretBytes, SecretStr, networks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_SCALARS = (type(None), bool, int, float, complex, str, bytes, bytearray)
_FACTORIES = (list, dict, set, frozenset, tuple, int, float, str, bytes, bool)
_IP_V4 = (ipaddress.IPv4Address, ipaddress.IPv4Network, ipaddress.IPv4Interface)
_IP_V6 = (ipaddress.IPv6Address, ipaddress.IPv6Network, ipaddress.IPv6Interface)
_PURE_PATHS = (pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath)
_PATHS = (pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath)
_TIMES = (datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone, pydantic_core.TzInfo)
_CALLED = (*_TIMES, Decimal, *_IP_V4, *_IP_V6, *_PURE_PATHS, *_PATHS)
_URL_TYPES: tuple[type, ...] = tuple(
    value
    for value in vars(networks).values()
    if isinstance(value, type) and hasattr(value, "_constraints") and not value.__name__.startswith("_")
)
_CORE_URLS = (pydantic_core.Url, pydantic_core.MultiHostUrl)
_UUIDS = 1 << 128


class _Factory:
    """Stands for a type that is only named, never called, while a pickle is read."""

    __slots__ = ("type",)

    def __init__(self, factory: type) -> None:
        self.type = factory


def _calling(make: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return make(*arguments)

    return call


def _with(make: Callable[..., Any], *signature: tuple[type, ...], required: int) -> Callable[..., Any]:
    """Return ``make`` for arguments of exactly the types of ``signature`` only."""

    def call(*arguments: Any) -> Any:
        fits = required <= len(arguments) <= len(signature)
        if not fits or any(type(item) not in types for item, types in zip(arguments, signature, strict=False)):
            raise TypeError
        return make(*arguments)

    return call


def _default_dict(*arguments: Any) -> Any:
    if not arguments:
        return defaultdict()
    (factory,) = arguments
    if factory is not None and not isinstance(factory, _Factory):
        raise TypeError
    return defaultdict(None if factory is None else factory.type)


def _names(cls: type) -> set[tuple[str, str]]:
    """Return the names under which releases of Python have pickled ``cls`` (pathlib became a package in 3.13)."""
    return {(module, cls.__qualname__) for module in (cls.__module__, cls.__module__.partition("._")[0])}


def _value_names() -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for called in _CALLED:
        found.update(dict.fromkeys(_names(called), _calling(called)))
    for made in (uuid.UUID, SecretStr, SecretBytes, Secret, ByteSize, *_URL_TYPES, *_CORE_URLS):
        found[made.__module__, made.__qualname__] = made
    for factory in _FACTORIES:
        found["builtins", factory.__name__] = _Factory(factory)
    integer, text = (int,), (str, bytes)
    found |= {
        ("builtins", "complex"): _with(complex, (float,), (float,), required=2),
        ("builtins", "bytearray"): _with(bytearray, (bytes,), required=0),
        ("fractions", "Fraction"): _with(Fraction, integer, integer, required=2),
        ("collections", "OrderedDict"): _with(OrderedDict, required=0),
        ("collections", "Counter"): _with(Counter, (dict,), required=0),
        ("collections", "deque"): _with(deque, (tuple,), integer, required=0),
        ("collections", "defaultdict"): _default_dict,
        ("re", "_compile"): _with(re.compile, text, integer, required=2),
        ("zoneinfo", "ZoneInfo"): _with(zoneinfo.ZoneInfo, (str,), required=1),
    }
    return found


VALUE_NAMES: Mapping[tuple[str, str], Any] = _value_names()
"""What a name in an unsigned pickle stands for, besides the classes of the model."""

LEAF_TYPES: frozenset[type] = frozenset((*_SCALARS, *_CALLED, *_CORE_URLS, re.Pattern, zoneinfo.ZoneInfo, Fraction))
"""Types whose instances need no look inside: they are immutable or were made by a checked call."""

WRITABLE_TYPES: frozenset[type] = LEAF_TYPES | frozenset(
    (uuid.UUID, SecretStr, SecretBytes, Secret, ByteSize, *_URL_TYPES, OrderedDict, Counter, deque, defaultdict)
)
"""Types that an unsigned pickle may be written with, besides those that the pickler knows by itself."""

WRITABLE_NAMES: frozenset[Any] = WRITABLE_TYPES | frozenset(
    (*_FACTORIES, re._compile)  # type: ignore[attr-defined]  # noqa: SLF001  (the function that patterns are pickled with)
)
"""Classes and functions that instances of these types are written with."""

WRITTEN_FORMS: Mapping[type, Callable[[Any], tuple[str]]] = {
    uuid.UUID: lambda value: (str(value),),
    zoneinfo.ZoneInfo: lambda value: (value.key,),
}
"""For types whose usual form gates would refuse: the arguments that make the same instance.

A UUID is usually an instance with state, which may not be a key beside shared containers; a time zone is fetched
through ``getattr``, which no unsigned pickle may name.
"""


def _items(value: Collection[Any]) -> Collection[Any]:
    return value


def _entries(value: dict[Any, Any]) -> Collection[Any]:
    return [*value.keys(), *value.values()]


def _uuid(value: uuid.UUID) -> Collection[Any]:
    number = value.int
    if type(number) is not int or not 0 <= number < _UUIDS:
        raise ValueError
    return ()


def _secret(value: Any) -> Collection[Any]:
    content = vars(value)
    if content.keys() != {"_secret_value"}:
        raise ValueError
    secret = content["_secret_value"]
    if type(value) is not Secret and type(secret) is not (str if type(value) is SecretStr else bytes):
        raise ValueError
    return (secret,)


def _url(value: Any) -> Collection[Any]:
    content = vars(value)
    if content.keys() != {"_url"} or type(content["_url"]) not in _CORE_URLS or type(value)(str(value)) != value:
        raise ValueError
    return ()


def _byte_size(value: ByteSize) -> Collection[Any]:
    if vars(value) or value < 0:
        raise ValueError
    return ()


VALUE_PARTS: dict[type, Callable[[Any], Collection[Any]]] = {
    **dict.fromkeys((list, tuple, set, frozenset, deque), _items),
    **dict.fromkeys((dict, OrderedDict, Counter, defaultdict), _entries),
    **dict.fromkeys((SecretStr, SecretBytes, Secret), _secret),
    **dict.fromkeys(_URL_TYPES, _url),
    uuid.UUID: _uuid,
    ByteSize: _byte_size,
}
"""For every other value type: a function that returns what an instance holds, and raises if its inside is not as its
own constructor leaves it (``BUILD`` sets attributes without asking)."""
