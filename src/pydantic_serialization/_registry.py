"""Names of plug-ins, resolved to objects on first use.

Nothing is imported until it is asked for (the idea is dogpile.cache's ``PluginLoader``). Built-in names come first,
then what the application registered, then the entry points of installed packages.
"""

from __future__ import annotations

import logging
import threading
from enum import Enum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization._listeners import Listeners
from pydantic_serialization.errors import (
    ConfigurationError,
    MissingDependencyError,
    UnknownCodecError,
    UnknownFormatError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

PluginT = TypeVar("PluginT")

_logger = logging.getLogger("pydantic_serialization")


def did_you_mean(name: str, known: list[str] | tuple[str, ...]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415  (only for errors)

    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


class Registry(Generic[PluginT]):
    """The plug-ins of one family: formats or codecs.

    Args:
        kind: What one member is called in messages.
        group: Entry-point group that installed packages may announce members in.
        builtin: Name to ``"module:attribute"``; the attribute is a class that is called without arguments.
        aliases: Other spellings of built-in names.
        unknown: The error for a name that nobody knows.
        elsewhere: Names that only other parts of the package know, to what they are for.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Mapping[str, str],
        *,
        aliases: Mapping[str, str],
        unknown: type[ConfigurationError],
        elsewhere: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.group = group
        self._unknown = unknown
        self._paths = dict(builtin)
        self._aliases = dict(aliases)
        self._elsewhere = elsewhere or {}
        self._members: dict[str, PluginT] = {}
        self._listeners = Listeners()
        self._lock = threading.RLock()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Replace the lock: in a forked child, a thread that is not there any more may have held it."""
        self._lock = threading.RLock()

    def canonical(self, name: str) -> str:
        """Return the registered spelling of ``name``.

        Raises:
            ConfigurationError: (``UnknownFormatError`` or ``UnknownCodecError``) nobody knows the name.
        """
        text = str(name.value if isinstance(name, Enum) else name)
        lowered = text.lower()
        lowered = self._aliases.get(lowered, lowered)
        if lowered in self._members or lowered in self._paths or lowered in self._entry_points():
            return lowered
        known = self.names()
        hint = f": {self._elsewhere[lowered]}" if lowered in self._elsewhere else did_you_mean(lowered, known)
        message = f"unknown {self.kind} {text!r}{hint} (available: {', '.join(known)})"
        raise self._unknown(message)

    def get(self, name: str) -> PluginT:
        """Return the member called ``name``, importing it if this is its first use.

        Raises:
            ConfigurationError: (``UnknownFormatError`` or ``UnknownCodecError``) nobody knows the name.
            MissingDependencyError: its library is not installed.
        """
        canonical = self.canonical(name)
        member = self._members.get(canonical)
        if member is not None:
            return member
        with self._lock:
            member = self._members.get(canonical)
            if member is None:
                member = self._load(canonical)()
                self._members[canonical] = member
            return member

    def register(self, name: str, member: PluginT, *, replace: bool = False) -> None:
        """Add ``member`` under ``name``.

        Raises:
            ConfigurationError: the name is taken and ``replace`` is false.
        """
        lowered = name.lower()
        lowered = self._aliases.get(lowered, lowered)
        with self._lock:
            taken = lowered in self._members or lowered in self._paths
            if taken and not replace:
                message = (
                    f"{self.kind} {lowered!r} is already registered; pass replace=True to put another in its place"
                )
                raise ConfigurationError(message)
            self._members[lowered] = member
        self._listeners.call()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call the bound method ``listener`` after each change, for as long as its object lives."""
        self._listeners.add(listener)

    def unregister(self, name: str) -> None:
        """Forget what :meth:`register` added under ``name``; a built-in of that name is back."""
        lowered = name.lower()
        with self._lock:
            self._members.pop(self._aliases.get(lowered, lowered), None)
        self._listeners.call()

    def members(self) -> tuple[PluginT, ...]:
        """Return what has been registered or used so far."""
        return tuple(self._members.values())

    def names(self) -> tuple[str, ...]:
        """Return every known name: built-in, registered, announced by an installed package."""
        return tuple(dict.fromkeys([*self._paths, *self._members, *self._entry_points()]))

    def available(self) -> tuple[str, ...]:
        """Return the names whose libraries are installed."""
        usable = []
        for name in self.names():
            try:
                self.get(name)
            except MissingDependencyError:
                continue
            except Exception:  # a broken plug-in must not stop an application that does not use it
                _logger.warning("the %s %r of an installed package cannot be used", self.kind, name, exc_info=True)
                continue
            usable.append(name)
        return tuple(usable)

    def _load(self, name: str) -> Any:
        path = self._paths.get(name)
        if path is None:
            return self._entry_points()[name].load()
        module, _, attribute = path.partition(":")
        return getattr(import_module(module), attribute)

    def _entry_points(self) -> Mapping[str, EntryPoint]:
        return _announced(self.group)


@cache
def _announced(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of ``group``: read once, since scanning every installed package takes milliseconds."""
    from importlib.metadata import entry_points  # noqa: PLC0415  (10 ms to import, seldom needed)

    return {point.name.lower(): point for point in entry_points(group=group)}


FORMATS: Registry[Any] = Registry(
    "format",
    "pydantic_serialization.formats",
    {
        "json": "pydantic_serialization.formats.json:JsonFormat",
        "orjson": "pydantic_serialization.formats.orjson:OrjsonFormat",
        "msgpack": "pydantic_serialization.formats.msgpack:MsgpackFormat",
        "pickle": "pydantic_serialization.formats.pickle:PickleFormat",
    },
    aliases={"messagepack": "msgpack"},
    unknown=UnknownFormatError,
    elsewhere=dict.fromkeys(
        ("jsonl", "ndjson"), "JSON lines, 'jsonl', are for encoder() and decoder(), streams, and files of records"
    ),
)
"""The formats. Typed loosely here because the :class:`Format` protocol lives in a layer above."""

CODECS: Registry[Any] = Registry(
    "codec",
    "pydantic_serialization.codecs",
    {
        "gzip": "pydantic_serialization.codecs.gzip:GzipCodec",
        "zstd": "pydantic_serialization.codecs.zstd:ZstdCodec",
        "lz4": "pydantic_serialization.codecs.lz4:Lz4Codec",
        "brotli": "pydantic_serialization.codecs.brotli:BrotliCodec",
    },
    aliases={"gz": "gzip", "zst": "zstd", "zstandard": "zstd", "br": "brotli"},
    unknown=UnknownCodecError,
)
"""The codecs. Typed loosely here because the :class:`Codec` protocol lives in a layer above."""
