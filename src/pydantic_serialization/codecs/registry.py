"""Codecs by name and by wire number: the built-in ones, registered ones, and those that installed packages announce."""

from __future__ import annotations

import logging
import threading
from functools import cache
from typing import Final, NamedTuple, TypeVar

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization._registry import CODECS
from pydantic_serialization.codecs._base import Codec
from pydantic_serialization.codecs._plugin import guarded
from pydantic_serialization.codecs.detection import (
    GZIP_MAGIC,
    LZ4_MAGIC,
    ZSTD_MAGIC,
    Signature,
    forget,
    recognise,
    recognised_magics,
)
from pydantic_serialization.errors import ConfigurationError, MissingDependencyError, UnknownCodecError
from pydantic_serialization.frame import MAGIC

_logger = logging.getLogger(__name__)

_MEMBERS: Final = ("name", "wire_id", "magic", "recognises", "compressor", "decompress")
"""Of a :class:`Codec`."""

CodecOrClassT = TypeVar("CodecOrClassT", bound=Codec | type)

_BUILT_IN: Final[dict[str, tuple[int, bytes | None]]] = {
    "zstd": (1, ZSTD_MAGIC),
    "lz4": (2, LZ4_MAGIC),
    "gzip": (3, GZIP_MAGIC),
    "brotli": (4, None),
}
"""Wire number and magic of the built-in codecs; they hold whether or not the libraries are installed."""
_PLUG_IN_WIRE_IDS: Final = range(128, 256)
_SHORTEST_MAGIC: Final = 3
"""Bytes. Anything shorter would be met by chance at the beginning of a plain payload."""


def register_codec(codec_or_class: CodecOrClassT, *, name: str | None = None, replace: bool = False) -> CodecOrClassT:
    """Add a codec, whose output is recognised from now on if it has a magic. Usable as a class decorator.

    Register before payloads are written: a payload stored raw earlier may begin with the new codec's magic.

    Args:
        codec_or_class: A codec, or a class that makes one when called without arguments.
        name: Name to register it under; its own name by default.
        replace: Whether it may take the place of a codec of that name. In the place of a built-in one, it must read
            the same format.

    Returns:
        The argument.

    Raises:
        ConfigurationError: the name is taken; members are missing; the wire number is not free; the magic begins like
            another codec's or a sealed frame's.
    """
    codec = codec_or_class() if isinstance(codec_or_class, type) else codec_or_class
    missing = [part for part in _MEMBERS if not hasattr(codec, part)]
    if missing:
        message = f"{type(codec).__name__} is not a codec: it has no {', '.join(missing)}"
        raise ConfigurationError(message)
    try:
        known = CODECS.canonical(name or codec.name)
    except UnknownCodecError:
        known = (name or codec.name).lower()
    _admissions.check(known, codec)
    CODECS.register(known, codec, replace=replace)
    try:
        _admissions.admit(known, codec)
    except ConfigurationError:  # another thread registered one with the same number or magic meanwhile
        CODECS.unregister(known)
        raise
    return codec_or_class


def unregister_codec(name: str) -> None:
    """Undo :func:`register_codec`; a built-in codec of that name is back. Unknown names are ignored."""
    lowered = name.lower()
    CODECS.unregister(lowered)
    _admissions.revoke(lowered)


def available_codecs() -> tuple[str, ...]:
    """Return the names of the codecs whose libraries are installed."""
    return CODECS.available()


def get_codec(name: str) -> Codec:
    """Return the codec called ``name``, importing its library if this is its first use.

    A plug-in's comes wrapped: what its library raises is a ``DecompressionError`` or an ``EncodeError``.

    Raises:
        UnknownCodecError: nobody knows the name.
        MissingDependencyError: its library is not installed.
        ConfigurationError: an installed package announces a codec that clashes with another.
    """
    codec: Codec = CODECS.get(name)
    return _admissions.admit(CODECS.canonical(name), codec)


def get_codec_by_wire_id(wire_id: int) -> Codec:
    """Return the codec that a sealed frame calls ``wire_id``.

    Raises:
        UnknownCodecError: no codec has the number; 0 means that there is none.
        MissingDependencyError: its library is not installed.
    """
    if _admissions.name_of(wire_id) is None:
        load_announced()
    name = _admissions.name_of(wire_id)
    if name is None:
        message = f"no codec has wire number {wire_id}; register the one that the data was written with"
        raise UnknownCodecError(message)
    return get_codec(name)


@cache
def load_announced() -> None:
    """Load the codecs that installed packages announce, once, so that their output is recognised.

    One that cannot be loaded is logged and left out: it must not stop an application that does not use it.
    """
    for name in CODECS.names():
        if name in _BUILT_IN:
            continue
        try:
            get_codec(name)
        except MissingDependencyError:
            continue
        except Exception:
            _logger.warning("the codec %r of an installed package cannot be used", name, exc_info=True)


class _Admitted(NamedTuple):
    given: Codec
    used: Codec


class _Admissions:
    """Which codecs are in use, under which name and wire number: none may be taken for another."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._codecs: dict[str, _Admitted] = {}
        self._names = {wire_id: name for name, (wire_id, _) in _BUILT_IN.items()}
        renew_after_fork(self)

    def after_fork(self) -> None:
        self._lock = threading.RLock()

    def name_of(self, wire_id: int) -> str | None:
        return self._names.get(wire_id)

    def admit(self, name: str, codec: Codec) -> Codec:
        """Use ``codec`` under ``name`` from now on, in place of an earlier one of that name.

        Returns:
            The codec in the form that is used, the same object each time.

        Raises:
            ConfigurationError: it would be taken for another codec.
        """
        admitted = self._codecs.get(name)
        if admitted is None or admitted.given is not codec:
            with self._lock:
                admitted = self._codecs.get(name)  # another thread may have been first
                if admitted is None or admitted.given is not codec:
                    admitted = self._exchange(name, codec)
        return admitted.used

    def _exchange(self, name: str, codec: Codec) -> _Admitted:
        self.check(name, codec)
        self.revoke(name)
        admitted = self._codecs[name] = _Admitted(codec, guarded(codec, name))
        if name not in _BUILT_IN:
            self._names[codec.wire_id] = name
            if codec.magic is not None:
                recognise(Signature(name, codec.magic, admitted.used.recognises))
        return admitted

    def revoke(self, name: str) -> None:
        """Free the wire number and the magic of the codec in use under ``name``, if there is one."""
        with self._lock:
            admitted = self._codecs.pop(name, None)
            if admitted is not None and name not in _BUILT_IN:
                self._names.pop(admitted.used.wire_id, None)
                forget(name)

    def check(self, name: str, codec: Codec) -> None:
        """Raise ``ConfigurationError`` if ``codec`` under ``name`` could be taken for another codec."""
        wire_id, magic = codec.wire_id, codec.magic
        if name in _BUILT_IN:
            if (wire_id, magic) != _BUILT_IN[name]:
                message = f"a codec in the place of {name!r} must have its wire number and magic: {_BUILT_IN[name]}"
                raise ConfigurationError(message)
            return
        owner = self._names.get(wire_id)
        if wire_id not in _PLUG_IN_WIRE_IDS or owner not in (None, name):
            first, last = _PLUG_IN_WIRE_IDS[0], _PLUG_IN_WIRE_IDS[-1]
            used = f"; that is the number of {owner!r}" if owner is not None else ""
            message = f"codec {name!r} needs a wire number of its own from {first} to {last}, not {wire_id!r}{used}"
            raise ConfigurationError(message)
        if magic is not None:
            _check_magic(name, magic)


def _check_magic(name: str, magic: object) -> None:
    if not isinstance(magic, bytes) or len(magic) < _SHORTEST_MAGIC:
        message = f"the magic of codec {name!r} must be None or at least {_SHORTEST_MAGIC} bytes, not {magic!r}"
        raise ConfigurationError(message)
    others = {other: taken for other, taken in recognised_magics().items() if other != name}
    for other, taken in {**others, "the sealed frame": MAGIC}.items():
        if magic.startswith(taken) or taken.startswith(magic):
            message = f"the magic {magic!r} of codec {name!r} shadows {taken!r} of {other}"
            raise ConfigurationError(message)


_admissions = _Admissions()
