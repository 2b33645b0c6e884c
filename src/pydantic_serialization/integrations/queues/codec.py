"""One codec for all queues: plain values, and the models of a list.

A message is one MessagePack document. Nothing in it is code or names code: a model stands in it as an extension value
with the name that the application has given it.

======  ========================================================================================================
ext 1   a value of a listed type: length of its name (1 byte), its name (UTF-8), its bytes in the codec's format
ext 2   a value of the standard library: a letter for the type (:mod:`.scalars`), its text
======  ========================================================================================================

An extension cannot be confused with a dict of the sender's, unlike the ``{"__type__": ...}`` of JSON codecs. With
``signing_keys`` the document is the body of a sealed frame (:mod:`pydantic_serialization.frame`), and only that is read.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, overload

import ormsgpack

from pydantic_serialization._registry import did_you_mean
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.envelope import Sealer
from pydantic_serialization.errors import (
    ConfigurationError,
    DecodeError,
    EncodeError,
    FrameError,
    LimitExceededError,
    UntrustedDataError,
)
from pydantic_serialization.formats import get_format
from pydantic_serialization.formats._items import check_msgpack_items
from pydantic_serialization.formats._msgpack_headers import excess
from pydantic_serialization.frame import FormatId, is_frame
from pydantic_serialization.integrations._round_trip import RoundTrip
from pydantic_serialization.integrations.queues.scalars import read_scalar, write_scalar
from pydantic_serialization.plan.naming import type_name
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from pydantic_serialization._types import Payload
    from pydantic_serialization.config import SerializationFormat

ModelT = TypeVar("ModelT")

MODEL: Final = 1
SCALAR: Final = 2

_PURPOSE: Final = b"pydantic_serialization.queues"
"""Stands where a cache has its key: a frame that was sealed for something else is no message."""

_PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes})
_KEYS: Final = frozenset({str, int})
_OPTIONS: Final = ormsgpack.OPT_NON_STR_KEYS
_PAIR: Final = b"\x92"
_END: Final = secrets.token_bytes(16)
_PACKED_END: Final = ormsgpack.packb(_END)
_LONGEST_NAME: Final = 255


class TaggedCodec:
    """Writes and reads messages: plain values, and models by the names they have in a list.

    Plain are ``None``, bool, int, float, str, bytes, lists, dicts with str or int keys, and datetime, date, time,
    timedelta, Decimal and UUID; a tuple is read as a list. A subclass of a listed model gives the fields of the listed
    one, and is read as that. Everything else is an error, for the sender.

    Safe to use from many threads.

    Args:
        models: The allow-list: names to model classes (dataclasses, enums); or classes, which then have their own
            names. Keep a name for as long as messages with it are under way.
        format: The format of the models inside of a message; any but pickle.
        signing_keys: Secrets of at least 32 bytes, newest first: the first signs, all verify. With them, a message that
            is not signed is not read.
        ttl: Seconds for which a signed message may be read; ``None`` sets no end. Repeating it meanwhile is possible.
        max_bytes: The largest message that is written or read.
        max_items: Items of all lists and members of all dicts that a message may have, and each model in it.

    Raises:
        ConfigurationError: a name is given twice, is empty or too long, or stands for something that is no class; a key
            is too short; ``ttl`` without keys.
        UnsupportedTypeError: a field of a model would be lost on the way; the message names it.
    """

    def __init__(
        self,
        models: Mapping[str, type[Any]] | Iterable[type[Any]],
        *,
        format: SerializationFormat | str = "msgpack",  # noqa: A002
        signing_keys: str | SecretStr | Iterable[str | SecretStr] = (),
        ttl: float | None = None,
        max_bytes: int = 67_108_864,
        max_items: int = 4_000_000,
    ) -> None:
        member = get_format(format)
        if getattr(member, "sealed", False):
            message = f"{member.name} has no place in a queue: use msgpack, json or another format that is only data"
            raise ConfigurationError(message)
        keys: Any = signing_keys  # validated there: one key or several, as text or as SecretStr
        config = SerializationConfig(
            enable_compression=False,
            fallback_format=None,
            signing_keys=keys,
            max_payload_bytes=max_bytes,
            max_items=max_items,
        )
        self._sealer = Sealer(config.secrets()) if config.signing_keys else None
        if ttl is not None and self._sealer is None:
            message = "ttl needs signing_keys: only a signed message says when it was written"
            raise ConfigurationError(message)
        self._ttl = ttl
        self._max_bytes, self._max_items = max_bytes, max_items
        serializer = PydanticModelSerializer(config)
        self._forms: dict[str, RoundTrip] = {}
        self._names: dict[type[Any], str] = {}
        for name, model in _named(models):
            self._forms[name] = RoundTrip(model, member.name, serializer, place="a queue")
            self._names[model] = name
        self._writers: dict[type[Any], Callable[[Any], ormsgpack.Ext]] = {
            model: self._writer(name) for model, name in self._names.items()
        }

    def dumps(self, value: Any) -> bytes:
        """Return the message that holds ``value``.

        Raises:
            EncodeError: the value holds something that is neither plain nor listed, is too large, or has too many items.
        """
        try:
            data = ormsgpack.packb(self._prepared(value), option=_OPTIONS)
        except RecursionError:
            message = "the message is nested too deeply, or contains itself"
            raise EncodeError(message) from None
        except (TypeError, ormsgpack.MsgpackEncodeError) as error:
            message = f"the message cannot be written: {error}"  # ormsgpack's texts hold no values
            raise EncodeError(message) from None
        if len(data) > self._max_bytes:
            message = f"the message has {len(data)} bytes; max_bytes={self._max_bytes} is the limit"
            raise EncodeError(message)
        if len(data) > self._max_items and excess(data, len(data), self._max_items) is not None:
            message = f"the message has more items than max_items={self._max_items} allows"
            raise EncodeError(message)
        if self._sealer is None:
            return data
        return self._sealer.seal(data, format=FormatId.MSGPACK, raw_size=len(data), cache_key=_PURPOSE, ttl=self._ttl)

    @overload
    def loads(self, data: Payload) -> Any: ...

    @overload
    def loads(self, data: Payload, expected: type[ModelT]) -> ModelT: ...

    def loads(self, data: Payload, expected: type[Any] | None = None) -> Any:
        """Return the value in a message.

        Args:
            data: The message.
            expected: The class that the value has to be an instance of; ``None`` takes any that is listed or plain.

        Raises:
            DecodeError: no message of this codec, cut or damaged, or of another class than ``expected``.
            UntrustedDataError: (a ``DecodeError``) it names a model that is not listed.
            FrameError: (a ``DecodeError``) it is not signed, with another key, altered, or past its time.
            LimitExceededError: (a ``DecodeError``) it is larger than ``max_bytes``, or has more than ``max_items``.
            pydantic.ValidationError: the content of a listed model does not fit it.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            message = f"a message is bytes, not {type(data).__name__}"
            raise DecodeError(message)
        if len(data) > self._max_bytes:
            message = f"the message has {len(data)} bytes; max_bytes={self._max_bytes} is the limit"
            raise LimitExceededError(message, limit="max_bytes")
        value = self._unpacked(self._opened(data))
        if expected is not None and not isinstance(value, expected):
            message = f"the message holds a {type_name(type(value))}, not a {type_name(expected)}"
            raise DecodeError(message)
        return value

    def _writer(self, name: str) -> Callable[[Any], ormsgpack.Ext]:
        encoded = name.encode()
        head, dumps = bytes((len(encoded),)) + encoded, self._forms[name].dumps
        return lambda value: ormsgpack.Ext(MODEL, head + dumps(value))

    def _prepared(self, value: Any) -> Any:
        """Return a value as ormsgpack has to write it: what it would change on the way is an extension instead."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        writer = self._writers.get(kind) or self._inherited(kind)
        if writer is not None:
            return writer(value)
        if isinstance(value, dict):
            return {self._key(key): self._prepared(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._prepared(item) for item in value]
        scalar = write_scalar(value)
        if scalar is not None:
            return ormsgpack.Ext(SCALAR, scalar)
        if isinstance(value, (str, bytes)) and not isinstance(value, Enum):  # lazy strings and the like
            return str(value) if isinstance(value, str) else bytes(value)
        if isinstance(value, type):
            message = f"the class {type_name(value)} cannot be in a message: pass an instance"
            raise EncodeError(message)
        return self._refuse(kind)

    def _inherited(self, kind: type[Any]) -> Callable[[Any], ormsgpack.Ext] | None:
        """Return how instances of a subclass of a listed class are written: as that class."""
        for base in kind.__mro__[1:]:
            writer = self._writers.get(base)
            if writer is not None:
                self._writers[kind] = writer
                return writer
        return None

    def _key(self, key: Any) -> Any:
        if type(key) in _KEYS:
            return key
        if isinstance(key, str) and not isinstance(key, Enum):
            return str(key)
        message = f"a dict in a message has str or int keys, not {type(key).__name__}"
        raise EncodeError(message)

    def _refuse(self, kind: type[Any]) -> NoReturn:
        listed = ", ".join(self._forms) or "none"
        message = f"a {type_name(kind)} cannot be in a message: add it to the models of the codec (listed: {listed})"
        raise EncodeError(message, model=type_name(kind))

    def _opened(self, data: Payload) -> Payload:
        if self._sealer is not None:
            return self._sealer.open(data, cache_key=_PURPOSE, formats=(FormatId.MSGPACK,)).body
        if is_frame(data):
            message = "the message is signed, and this codec has no signing_keys"
            raise FrameError(message)
        return data

    def _unpacked(self, data: Payload) -> Any:
        if len(data) > self._max_items:
            check_msgpack_items(data, self._max_items)
        faults: list[Exception] = []

        def read(kind: int, content: bytes) -> Any:
            try:
                return self._extension(kind, content)
            except Exception as error:
                faults.append(error)  # ormsgpack replaces it by one that says nothing
                raise

        # ormsgpack ignores what follows a document. As the first half of a pair, whose second half nobody can guess, it
        # has to end where the data does.
        try:
            pair = ormsgpack.unpackb(b"".join((_PAIR, data, _PACKED_END)), ext_hook=read, option=_OPTIONS)
        except (ValueError, RecursionError):
            pair = None
        if faults:
            raise faults[0]
        if pair is None or pair[1] != _END:
            message = "not a message of this codec: no MessagePack document, cut off, or followed by something"
            raise DecodeError(message)
        return pair[0]

    def _extension(self, kind: int, content: bytes) -> Any:
        if kind == SCALAR:
            return read_scalar(content)
        if kind != MODEL:
            message = f"the message holds a MessagePack extension of type {kind}, which is not one of this codec"
            raise DecodeError(message)
        end = 1 + content[0] if content else 0
        if not 1 < end <= len(content):
            message = "a model in the message has no name, or is cut off"
            raise DecodeError(message)
        name = content[1:end].decode("utf-8", "replace")
        form = self._forms.get(name)
        if form is None:
            known = tuple(self._forms)
            message = f"the message names {name[:64]!r}, which is not in the list of this codec"
            raise UntrustedDataError(f"{message}{did_you_mean(name, known)}")
        return form.loads(content[end:])


def _named(models: Mapping[str, type[Any]] | Iterable[type[Any]]) -> list[tuple[str, type[Any]]]:
    given: Any = models
    if isinstance(given, type):
        message = f"a codec takes a list of classes, or names for them: TaggedCodec([{given.__name__}])"
        raise ConfigurationError(message)
    pairs: list[tuple[Any, Any]] = (
        list(given.items()) if isinstance(given, Mapping) else [(type_name(model), model) for model in given]
    )
    names: set[str] = set()
    classes: set[type[Any]] = set()
    for name, model in pairs:
        if not isinstance(model, type):
            message = f"a codec lists classes, whose instances it can tell apart, not {type_name(model)}"
            raise ConfigurationError(message)
        if not isinstance(name, str) or not 0 < len(name.encode()) <= _LONGEST_NAME:
            message = f"the name of {model.__name__} in a codec is a str of 1 to {_LONGEST_NAME} bytes"
            raise ConfigurationError(message)
        if name in names or model in classes:
            what = f"the name {name!r}" if name in names else f"{model.__name__}"
            message = f"{what} is listed twice: give the classes names of their own, as in {{'billing.order': Order}}"
            raise ConfigurationError(message)
        names.add(name)
        classes.add(model)
    return pairs
