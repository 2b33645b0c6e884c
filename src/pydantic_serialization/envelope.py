"""Seal payloads into frames and open them again; :mod:`~pydantic_serialization.frame` has the layout.

Checksum and MAC cover the header, the length of the cache key (4 bytes), the cache key and the body: an entry that was
moved to another key of the store fails like a damaged one. Nothing is parsed or inflated before they match.

* The checksum is BLAKE2b (RFC 7693) of 64 bits, from the standard library. xxh3-64 would take less
  time, but is neither in the standard library nor in a required dependency, and written in Python it costs
  milliseconds per 100 KB (``benchmarks/envelope.py`` has the figures): installations with and without the native core
  read each other's entries.
* The MAC is keyed BLAKE2b, or HMAC-SHA256 (RFC 2104) cut to its first half, of 128 bits. Which of the two belongs to
  the reader's configuration, never to the frame: a frame cannot choose how it is checked. Each algorithm derives its
  own subkey and key id from the secret, so a tag of one is never tried as the other's.
* Key ids let a reader with several secrets (rotation) try the right one. They are hints: secrets may share an id.

The native core seals and opens what is plainly right, in about half the time for small frames; everything else,
and so every error, comes from the functions here.

The ideas of a key list whose first member signs and of a purpose mixed into the key are itsdangerous'.
"""

from __future__ import annotations

import hmac
import math
import struct
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic_serialization._native import core
from pydantic_serialization.errors import (
    ConfigurationError,
    EncodeError,
    FrameError,
    IntegrityError,
    LimitExceededError,
    SchemaMismatchError,
)
from pydantic_serialization.frame import (
    CUSTOM_IDS,
    FOREVER,
    HEADER,
    MAGIC,
    TIMES,
    VERSION,
    ZERO_FINGERPRINT,
    CodecId,
    Flag,
    FormatId,
    is_frame,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import TypeAlias

    from pydantic_serialization._native._protocol import FrameParts
    from pydantic_serialization._types import Payload

    _Tagger: TypeAlias = Callable[[bytes, bytes | memoryview], bytes]
    """Of what precedes the tag (header, cache key) and the body, the tag."""

__all__ = ["MAGIC", "Algorithm", "CodecId", "Flag", "FormatId", "Frame", "Sealer", "is_frame"]

Algorithm = Literal["blake2b", "hmac-sha256"]
"""How frames are signed; a setting of the :class:`Sealer`."""

_LENGTH = struct.Struct("<I")
_CHECK_SIZE = 8
_MAC_SIZE = 16
_U32 = 0xFFFF_FFFF
_SHORTEST_SECRET = 32

# Plain numbers and sets of them: arithmetic on enumeration members costs more than all the rest of a small frame.
_TIME = int(Flag.TIME)
_CODEC_NONE = int(CodecId.NONE)
_FORMATS = frozenset([*map(int, FormatId), *CUSTOM_IDS])
_CODECS = frozenset([*map(int, CodecId), *CUSTOM_IDS])
_CALLERS_FLAGS = frozenset([0, int(Flag.FALLBACK), int(Flag.NONE), int(Flag.FALLBACK | Flag.NONE)])
_READABLE_FLAGS = _CALLERS_FLAGS | {flags | _TIME for flags in _CALLERS_FLAGS}


class Frame(NamedTuple):
    """An opened frame, whose check matched.

    Attributes:
        format: Number of the body's format: a :class:`FormatId`, or 128-255.
        codec: Number of the body's codec: a :class:`CodecId`, or 128-255.
        flags: The :class:`Flag` bits.
        fingerprint: The 8 bytes that stand for the schema of the writer.
        raw_size: Bytes of the body once decompressed, as the writer claims; compare while decompressing.
        created: When the frame was written, in unix seconds, if it says so.
        ttl: Seconds for which it is good, if it says so.
        body: The payload, still compressed, as a view of the frame.
        signed: Whether a MAC matched, and not only a checksum. What only a signature permits (reading arbitrary
            pickles) must ask this, not whether the sealer has keys.
    """

    format: int
    codec: int
    flags: int
    fingerprint: bytes
    raw_size: int
    created: int | None
    ttl: int | None
    body: memoryview
    signed: bool


class Sealer:
    """Seals payloads into frames and opens them again. Immutable, and safe from any number of threads.

    Args:
        keys: Secrets of at least 32 bytes: the first signs, all verify. Without any, frames carry a checksum only.
        algorithm: How to sign; ``"hmac-sha256"`` is for installations that must keep to FIPS 198-1.
        accept_unsigned: Also open frames without a signature although there are keys: for the time in which a store
            still holds entries from before the first key was configured. :attr:`Frame.signed` tells them apart.
        clock: Returns the time in unix seconds.

    Raises:
        ConfigurationError: a key is too short, or there is no such algorithm.
    """

    __slots__ = ("_clock", "_native", "_sign", "_sign_id", "_taggers")

    def __init__(
        self,
        keys: Sequence[bytes] = (),
        *,
        algorithm: Algorithm = "blake2b",
        accept_unsigned: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        derived = [_derived(secret, index, algorithm) for index, secret in enumerate(keys)]
        signers = [(key_id, _signer(subkey, algorithm)) for key_id, subkey in derived]
        checksum = _tagger(blake2b(digest_size=_CHECK_SIZE, person=b"sf-frame-chk-v1", usedforsecurity=False))
        self._sign_id, self._sign = signers[0] if signers else (0, checksum)
        self._taggers: dict[int, list[_Tagger]] = {} if signers and not accept_unsigned else {0: [checksum]}
        for key_id, sign in signers:
            self._taggers.setdefault(key_id, []).append(sign)
        self._clock = clock
        self._native = None if core is None else core.Sealer(derived, algorithm == "hmac-sha256", accept_unsigned)

    @property
    def keyed(self) -> bool:
        """Whether this sealer signs."""
        return self._sign_id != 0

    def seal(
        self,
        body: Payload,
        *,
        format: int,  # noqa: A002  (named as the header's field is)
        codec: int = _CODEC_NONE,
        flags: int = 0,
        fingerprint: bytes = ZERO_FINGERPRINT,
        raw_size: int,
        cache_key: bytes = b"",
        ttl: float | None = None,
    ) -> bytes:
        """Return ``body`` in a frame.

        Args:
            body: The payload as it is to be stored, compressed if ``codec`` says so.
            format: A :class:`FormatId`, or 128-255.
            codec: A :class:`CodecId`, or 128-255.
            flags: ``Flag.FALLBACK`` and ``Flag.NONE``; the others are the sealer's own.
            fingerprint: 8 bytes that stand for the schema.
            raw_size: Bytes of the payload before compression.
            cache_key: Under which the frame will be stored. It is not in the frame, and opens it only under the same.
            ttl: Seconds for which the frame may be opened, rounded up; ``None`` sets no end.

        Raises:
            EncodeError: a number is out of the range of its field; the payload is 4 GiB or larger.
        """
        timed = self._sign_id or ttl is not None
        if self._native is not None and type(body) is bytes:
            times = (int(self._clock()), FOREVER if ttl is None else _whole_seconds(ttl)) if timed else None
            try:
                sealed = self._native.seal(body, format, codec, flags, fingerprint, raw_size, cache_key, times)
            except OverflowError:  # a number that its field cannot hold
                sealed = None
            if sealed is not None:
                return sealed
        if type(body) is not bytes:
            body = memoryview(body).cast("B")
        try:
            header = HEADER.pack(
                MAGIC, VERSION, format, codec, flags | _TIME if timed else flags, self._sign_id, fingerprint,
                raw_size, len(body),
            )  # fmt: skip
            if timed:
                header += TIMES.pack(int(self._clock()), FOREVER if ttl is None else _whole_seconds(ttl))
            covered = header + _LENGTH.pack(len(cache_key)) + cache_key
        except struct.error:
            raise EncodeError(_misfit(format, codec, flags, raw_size, len(body))) from None
        known = format in _FORMATS and codec in _CODECS and flags in _CALLERS_FLAGS
        if not known or len(fingerprint) != _CHECK_SIZE or (codec == _CODEC_NONE and raw_size != len(body)):
            raise EncodeError(_misfit(format, codec, flags, raw_size, len(body)))
        return b"".join((header, self._sign(covered, body), body))

    def open(
        self,
        data: Payload,
        *,
        cache_key: bytes = b"",
        formats: Collection[int] | None = None,
        fingerprint: bytes | None = None,
        max_bytes: int | None = None,
    ) -> Frame:
        """Check a frame and return its parts. The body is not decompressed.

        Args:
            data: Exactly one frame. Only memory that can change is copied: what was checked must be what is read.
            cache_key: As given when it was sealed.
            formats: The formats that are acceptable here; ``None`` means any that a frame can hold.
            fingerprint: The reader's schema fingerprint; ``None`` accepts every one.
            max_bytes: The largest acceptable size once decompressed.

        Raises:
            IntegrityError: checksum, MAC or signature policy.
            SchemaMismatchError: it was written with another schema.
            LimitExceededError: it claims more than ``max_bytes``.
            FrameError: it is no frame of this version, is truncated or followed by something, holds another format,
                uses what this version does not know, or is past its time to live.
        """
        whole = data if type(data) is bytes else _fixed(data)
        if self._native is not None:
            parts = self._native.open(whole, cache_key)
            if parts is not None and self._is_acceptable(parts, formats, fingerprint, max_bytes):
                # Not Frame(...): the generated constructor takes twice the time.
                return tuple.__new__(Frame, parts)
        if len(whole) < HEADER.size + _CHECK_SIZE:
            raise FrameError("not a sealed frame: too short for a header")
        magic, version, format_id, codec, flags, key_id, schema, raw_size, size = HEADER.unpack_from(whole)
        if magic != MAGIC:
            raise FrameError("not a sealed frame: the magic number is missing; read plain data with a plain reader")
        if version != VERSION:
            message = f"frame version {version} is not readable here; only version {VERSION} is"
            raise FrameError(message)
        taggers = self._taggers.get(key_id)
        if taggers is None:
            raise IntegrityError(self._why_not(key_id))
        start = HEADER.size + (TIMES.size if flags & _TIME else 0)
        end = start + (_MAC_SIZE if key_id else _CHECK_SIZE)
        if len(whole) - end != size:
            raise FrameError("the frame is truncated, or followed by something else")
        body = memoryview(whole)[end:]
        covered = whole[:start] + _LENGTH.pack(len(cache_key)) + cache_key
        for tagger in taggers:
            if hmac.compare_digest(tagger(covered, body), whole[start:end]):
                break
        else:
            raise IntegrityError("the frame's check does not match: damaged, moved to another cache key, or forged")

        if formats is not None and format_id not in formats:
            message = f"the frame holds format {format_id}, which is not accepted here"
            raise FrameError(message)
        known = format_id in _FORMATS and codec in _CODECS and flags in _READABLE_FLAGS
        if not known or (key_id and not flags & _TIME) or (codec == _CODEC_NONE and raw_size != size):
            message = f"the frame's header is not valid: format {format_id}, codec {codec}, flags {flags:#x}"
            raise FrameError(message)
        if fingerprint is not None and schema != fingerprint:
            raise SchemaMismatchError("the frame was written for another model, or for another version of it")
        created: int | None = None
        ttl: int | None = None
        if flags & _TIME:
            written, seconds = TIMES.unpack_from(whole, HEADER.size)
            if seconds != FOREVER:
                if self._is_expired(written, seconds):
                    raise FrameError("the frame is past its time to live")
                ttl = seconds
            created = written
        if max_bytes is not None and raw_size > max_bytes:
            message = f"the frame's payload is {raw_size} bytes, the limit is {max_bytes}"
            raise LimitExceededError(message, limit="max_payload_bytes")
        return tuple.__new__(Frame, (format_id, codec, flags, schema, raw_size, created, ttl, body, key_id != 0))

    def _is_acceptable(
        self,
        parts: FrameParts,
        formats: Collection[int] | None,
        fingerprint: bytes | None,
        max_bytes: int | None,
    ) -> bool:
        format_id, _, _, schema, raw_size, created, ttl, _, _ = parts
        return (
            (formats is None or format_id in formats)
            and (fingerprint is None or schema == fingerprint)
            and (max_bytes is None or raw_size <= max_bytes)
            and (ttl is None or created is None or not self._is_expired(created, ttl))
        )

    def _why_not(self, key_id: int) -> str:
        if key_id == 0:
            return "the frame is not signed, and signing_keys are configured"
        if not self._sign_id:
            return "the frame is signed; signing_keys is needed to open it"
        return "the frame is signed with a secret that is not in signing_keys"

    def _is_expired(self, created: int, ttl: int) -> bool:
        # Creation is cut to whole seconds; one more second keeps an entry for at least its time to live.
        return self._clock() >= created + ttl + 1


def _misfit(format_id: int, codec: int, flags: int, raw_size: int, size: int) -> str:
    """Name the number that a frame cannot hold."""
    if not 0 <= raw_size <= _U32 or size > _U32:
        return f"a frame holds less than 4 GiB: {size} bytes, {raw_size} before compression"
    return (
        f"not valid in a frame: format {format_id}, codec {codec}, flags {flags:#x}; or the fingerprint is not "
        f"{len(ZERO_FINGERPRINT)} bytes, or a time is not within 0 and {_U32} seconds"
    )


def _whole_seconds(ttl: float) -> int:
    """Round up. A time to live that the field cannot hold is as good as none."""
    return FOREVER if ttl >= FOREVER else math.ceil(ttl)


def _fixed(data: Payload) -> bytes:
    """Return the content of ``data`` where nobody can change it between the check and the reading.

    Shared memory is the case that matters: there the writer may be another process.
    """
    if isinstance(data, memoryview) and type(data.obj) is bytes and data.nbytes == len(data.obj):
        return data.obj
    return bytes(data)


def _derived(secret: bytes, index: int, algorithm: str) -> tuple[int, bytes]:
    """Return the key id of ``secret``, and the key that signs with it."""
    if len(secret) < _SHORTEST_SECRET:
        message = f"signing_keys[{index}] is shorter than {_SHORTEST_SECRET} bytes; make one with secrets.token_hex(32)"
        raise ConfigurationError(message)
    if algorithm == "blake2b":
        subkey = blake2b(secret, digest_size=32, person=b"sf-frame-key-v1").digest()
        name = blake2b(secret, digest_size=8, person=b"sf-frame-kid-v1").digest()
        return _key_id(name), subkey
    if algorithm == "hmac-sha256":
        subkey = hmac.digest(secret, b"sf-frame-key-v1", "sha256")
        name = hmac.digest(secret, b"sf-frame-kid-v1", "sha256")
        return _key_id(name[:8]), subkey
    message = f"unknown signing algorithm {algorithm!r} (available: blake2b, hmac-sha256)"
    raise ConfigurationError(message)


def _signer(subkey: bytes, algorithm: Algorithm) -> _Tagger:
    if algorithm == "blake2b":
        return _tagger(blake2b(key=subkey, digest_size=_MAC_SIZE, person=b"sf-frame-mac-v1"))
    return _tagger(hmac.new(subkey, digestmod="sha256"))


def _key_id(name: bytes) -> int:
    return int.from_bytes(name, "little") % 255 + 1


def _tagger(state: blake2b | hmac.HMAC) -> _Tagger:
    # The state after the key block is copied per frame: hashing that block again would double the time of a small one.
    copy = state.copy

    def tag(covered: bytes, body: bytes | memoryview) -> bytes:
        digest = copy()
        digest.update(covered)
        digest.update(body)
        return digest.digest()[:_MAC_SIZE]

    return tag
