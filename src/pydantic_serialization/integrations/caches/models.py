"""The models of an application as sealed frames."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from pydantic import ValidationError

from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.envelope import Flag, Sealer
from pydantic_serialization.errors import ConfigurationError, DecodeError, SchemaMismatchError, UnsupportedTypeError
from pydantic_serialization.formats import get_format
from pydantic_serialization.frame import ZERO_FINGERPRINT
from pydantic_serialization.integrations._round_trip import RoundTrip
from pydantic_serialization.plan.naming import type_name
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload
    from pydantic_serialization.config import SerializationFormat

_FINGERPRINT_BYTES: Final = len(ZERO_FINGERPRINT)


class SealedModels:
    """Writes values of listed types into sealed frames, and reads them.

    A frame says by a fingerprint which type it holds, in which version: what another version of a model has written,
    in an older deploy or in a newer one, is not read. With ``signing_keys`` only what was signed is read, and a frame
    only under the key of the cache that it was written for, where the library tells it, and for the time that it was
    written for: no cache can bring an old entry back. ``None`` can be written too.

    Safe to use from many threads.

    Args:
        *types: Model classes and other types, such as ``list[User]`` or ``int``.
        format: The format of what is in a frame; any but pickle.
        config: Signing keys, compression and limits; the defaults if ``None``.

    Attributes:
        unreadable: How many frames could not be read: damaged, not signed, or of another version.

    Raises:
        ConfigurationError: no type is given, or values of two of them cannot be told apart.
        UnsupportedTypeError: a field of a model would be lost on the way; the message names it.
    """

    def __init__(
        self,
        *types: Any,
        format: SerializationFormat | str = "orjson",  # noqa: A002
        config: SerializationConfig | None = None,
    ) -> None:
        settings = config if config is not None else SerializationConfig()
        member = get_format(format)
        if getattr(member, "sealed", False):
            message = f"{member.name} is not only data: use orjson, msgpack or another format that is"
            raise ConfigurationError(message)
        if not types:
            message = "name the types that may be cached: SealedModels(User, list[User])"
            raise ConfigurationError(message)
        self.unreadable = 0
        self._format = member.wire_id
        self._limit = settings.max_payload_bytes
        self._sealer = Sealer(settings.secrets(), algorithm=settings.signing_algorithm)
        serializer = PydanticModelSerializer(settings)
        self._forms: dict[Any, RoundTrip] = {}
        for declared in types:
            kind = _kind_of(declared)
            if kind in self._forms:
                message = (
                    f"a value of {type_name(declared)} and one of {type_name(self._forms[kind].declared)} look alike"
                )
                raise ConfigurationError(message)
            self._forms[kind] = RoundTrip(declared, member.name, serializer, place="a cache")

    def dumps(self, value: Any, key: str = "", ttl: float | None = None) -> bytes:
        """Return the frame that holds ``value``.

        Args:
            value: A value of one of the types, or ``None``.
            key: The key of the cache; the frame is then only read under the same.
            ttl: Seconds for which the frame is read, rounded up; ``None`` leaves its end to the cache.

        Raises:
            UnsupportedTypeError: (a ``TypeError``) the value is of no listed type.
            EncodeError: it cannot be written.
        """
        return self.seal(self.pack(value), key, ttl)

    def loads(self, data: Payload, key: str = "") -> Any:
        """Return the value in a frame.

        Args:
            data: The frame.
            key: The key of the cache, if it was written with one.

        Raises:
            FrameError: (a ``DecodeError``) no frame, damaged, not signed, written under another key, or past its time.
            SchemaMismatchError: (a ``DecodeError``) it holds no listed type, or another version of one.
            pydantic.ValidationError: the content does not fit the type.
        """
        return self.unpack(self.open(data, key))

    def loads_or(self, missing: Any, data: Payload, key: str = "") -> Any:
        """Return the value in a frame, or ``missing`` if it cannot be read, which is counted.

        Args:
            missing: What stands for a value that is not there.
            data: The frame.
            key: The key of the cache, if it was written with one.
        """
        try:
            return self.loads(data, key)
        except (DecodeError, ValidationError):
            self.unreadable += 1
            return missing

    # -- the two halves, for libraries that ask for them one by one ----------------------------------------------------

    def pack(self, value: Any) -> bytes:
        """Return the fingerprint of a value's type, and the value's bytes behind it."""
        if value is None:
            return ZERO_FINGERPRINT
        form = self._form_of(value)
        return form.fingerprint + form.dumps(value)

    def unpack(self, packed: bytes) -> Any:
        """Return the value of which :meth:`pack` has made the bytes."""
        fingerprint = packed[:_FINGERPRINT_BYTES]
        if packed == ZERO_FINGERPRINT:
            return None
        # Models may be rebuilt, and fingerprints change with them: they are few, so they are asked each time.
        for form in self._forms.values():
            if form.fingerprint == fingerprint:
                return form.loads(packed[_FINGERPRINT_BYTES:])
        message = "the frame holds a type that is not listed, or another version of one"
        raise SchemaMismatchError(message)

    def seal(self, packed: bytes, key: str, ttl: float | None = None) -> bytes:
        """Return packed bytes in a frame that is read for ``ttl`` seconds."""
        body = packed[_FINGERPRINT_BYTES:]
        return self._sealer.seal(
            body,
            format=self._format,
            flags=0 if body else Flag.NONE,
            fingerprint=packed[:_FINGERPRINT_BYTES],
            raw_size=len(body),
            cache_key=key.encode("utf-8", "surrogatepass"),
            ttl=ttl,
        )

    def open(self, data: Payload, key: str) -> bytes:
        """Return the packed bytes of a frame."""
        cache_key = key.encode("utf-8", "surrogatepass")
        frame = self._sealer.open(data, cache_key=cache_key, formats=(self._format,), max_bytes=self._limit)
        return frame.fingerprint + frame.body

    def _form_of(self, value: Any) -> RoundTrip:
        kind: Any = type(value)
        form = self._forms.get(kind)
        if form is None and kind is list and value:
            kind = (list, type(value[0]))
            # One item of another class would be written as something else.
            form = self._forms.get(kind) if all(type(item) is kind[1] for item in value) else None
        elif form is None and kind is list:
            form = next((self._forms[item] for item in self._forms if isinstance(item, tuple)), None)
        if form is None:
            known = ", ".join(type_name(item.declared) for item in self._forms.values())
            message = f"a {type_name(type(value))} is not of the types that may be cached here ({known}): add its type"
            raise UnsupportedTypeError(message)
        return form


def _kind_of(declared: Any) -> Any:
    """Return what values of a type are found by: their class, and for lists of a class, that too."""
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is list and isinstance(arguments[0], type):
        return (list, arguments[0])
    kind = origin if origin is not None else declared
    if not isinstance(kind, type) or kind is UnionType:
        message = f"values of {type_name(declared)} have no class that they could be told by: list its members"
        raise ConfigurationError(message)
    return kind
