"""What is around a payload: compression, and a sealed frame where a reader must not guess.

A frame is used for formats that ask for it (pickle), for the result of a format fallback, and for codecs without a
magic number (brotli). Everything else is exactly what the format's own tools read, or a plain compressed stream of it.
"""

from __future__ import annotations

from time import perf_counter_ns
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from pydantic_serialization.codecs import FIRST_BYTES, decompress_within, detect_codec, get_codec_by_wire_id
from pydantic_serialization.envelope import Flag, is_frame
from pydantic_serialization.errors import (
    DecodeError,
    DecompressionError,
    EncodeError,
    FrameError,
    IntegrityError,
    LimitExceededError,
    SchemaMismatchError,
    UnknownCodecError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from pydantic_serialization._types import Input, Payload
    from pydantic_serialization.codecs import Codec, Packing
    from pydantic_serialization.envelope import Frame, Sealer
    from pydantic_serialization.formats import BoundFormat

Sealing: TypeAlias = Literal["never", "compressed", "always"]
"""Which results are in a sealed frame: none, those that are compressed, or all."""

_EVERYTHING = -1


class Opened(NamedTuple):
    """The inner payload of what a reader was given, with the functions that decode it."""

    payload: Payload
    bound: BoundFormat
    size: int
    """Bytes as they were given."""


class Container(NamedTuple):
    """The bound outer layers of one type, one format and one configuration.

    Attributes:
        finish: Payload to bytes: compresses and seals as bound.
        open: Bytes to the inner payload and what decodes it.
        opens_cheaply: Says that ``open`` has nothing to decompress.
        sealing: Which results are in a sealed frame.
        special: First bytes that need a closer look in both directions; grows when a codec is registered.
        plain_below: A payload of fewer bytes that does not begin specially is its own result.
        plain_up_to: Input of at most this many bytes that does not begin specially is its own payload.
    """

    finish: Callable[[bytes], bytes]
    open: Callable[[Input], Opened]
    opens_cheaply: Callable[[Input], bool]
    sealing: Sealing
    special: AbstractSet[int]
    plain_below: int
    plain_up_to: int


class Limits(NamedTuple):
    """What a payload may have.

    Attributes:
        size: Bytes, before and after decompression.
        items: Items of all its arrays and objects together.
        ratio: How many times its own size it may have decompressed.
    """

    size: int
    items: int
    ratio: int


class CompressionMeter:
    """What compressing did at one codec and level. Counts of payloads over the threshold, kept compressed or not."""

    __slots__ = ("attempts", "bytes_in", "bytes_out", "compress_ns", "decompress_ns")

    def __init__(self) -> None:
        self.attempts = self.bytes_in = self.bytes_out = self.compress_ns = self.decompress_ns = 0


class FramePolicy(NamedTuple):
    """Which frames are written and read.

    Attributes:
        sealer: Seals and opens.
        written: Number of the written format, in frames.
        always: Seal every result.
        fallback: Results come from a format fallback.
        fingerprint: Returns the schema's fingerprint, which is written.
        readable: Returns the fingerprints that are read in formats that are pinned.
        accepted: Numbers of the formats that a frame may hold, or ``None`` for every known one.
        resolve: Number of a format to its bound functions.
        pinned: Formats whose frames are only read by the very version of the model that wrote them.
        only: Refuse what is not sealed.
    """

    sealer: Sealer
    written: int
    always: bool
    fallback: bool
    fingerprint: Callable[[], bytes]
    readable: Callable[[], frozenset[bytes]]
    accepted: frozenset[int] | None
    resolve: Callable[[int], BoundFormat]
    pinned: frozenset[int]
    only: bool


def bind_container(
    bound: BoundFormat,
    packing: Packing,
    frames: FramePolicy,
    meter: CompressionMeter,
    *,
    limits: Limits,
    threshold: int,
) -> Container:
    """Return the outer layers.

    Args:
        bound: Decodes what is not in a frame.
        packing: Compression.
        frames: Sealing.
        meter: Where compression is counted.
        limits: What a payload may have.
        threshold: Bytes below which ``packing`` leaves a payload alone.
    """
    unlooked_at = min(limits.size, limits.items)  # an item has a byte at least
    uncompressed_below = unlooked_at + 1 if packing.codec is None else min(threshold, unlooked_at + 1)
    return Container(
        finish=_bind_finish(bound, packing, frames, meter, limits, threshold),
        open=_bind_open(bound, packing, frames, meter, limits),
        opens_cheaply=_opens_cheaply,
        sealing="always" if frames.always else sealing_of(packing.codec),
        special=FIRST_BYTES,
        plain_below=0 if frames.always else uncompressed_below,
        plain_up_to=_EVERYTHING if frames.only else unlooked_at,
    )


def sealing_of(codec: Codec | None) -> Sealing:
    """Return what is sealed of results that need not be: those of a codec that nobody could recognise."""
    return "never" if codec is None or codec.magic is not None else "compressed"


def _bind_finish(
    written: BoundFormat,
    packing: Packing,
    frames: FramePolicy,
    meter: CompressionMeter,
    limits: Limits,
    threshold: int,
) -> Callable[[bytes], bytes]:
    limit, check_items = limits.size, written.check_items
    pack, seal = packing.pack_with_codec, frames.sealer.seal
    flags = Flag.FALLBACK if frames.fallback else Flag(0)

    def finish(payload: bytes) -> bytes:
        size = len(payload)
        _refuse_unreadable(size, limit)
        if check_items is not None and size > limits.items:
            _refuse_uncountable(payload, check_items, limits.items)
        started = perf_counter_ns()
        body, codec = pack(payload)
        if size >= threshold and packing.codec is not None:
            meter.attempts += 1
            meter.bytes_in += size
            meter.bytes_out += len(body)
            meter.compress_ns += perf_counter_ns() - started
        if frames.always or (codec is not None and codec.magic is None):
            body = seal(
                body,
                format=frames.written,
                codec=0 if codec is None else codec.wire_id,
                flags=flags,
                fingerprint=frames.fingerprint(),
                raw_size=size,
            )
        if len(body) > size:  # a frame's header, or an escaped payload that compression made larger
            _refuse_unreadable(len(body), limit)
        return body

    return finish


def _refuse_unreadable(size: int, limit: int) -> None:
    """Raise ``EncodeError`` for what is too large to be read back."""
    if size > limit:
        message = f"the result has {size} bytes, more than max_payload_bytes={limit}: it could not be read back"
        raise EncodeError(message)


def _refuse_uncountable(payload: bytes, check_items: Callable[[bytes, int], None], limit: int) -> None:
    """Raise ``EncodeError`` for what has too many items to be read back."""
    try:
        check_items(payload, limit)
    except LimitExceededError:
        message = f"the result has more items than max_items={limit} allows: it could not be read back"
        raise EncodeError(message) from None


def _bind_open(
    bound: BoundFormat, packing: Packing, frames: FramePolicy, meter: CompressionMeter, limits: Limits
) -> Callable[[Input], Opened]:
    limit = limits.size

    def open_payload(data: Input) -> Opened:
        opened = opened_within_size(data)
        size = len(opened.payload)
        if size > limits.items and opened.bound.check_items is not None:
            opened.bound.check_items(opened.payload, limits.items)
        return opened

    def opened_within_size(data: Input) -> Opened:
        payload = as_payload(data)
        size = payload.nbytes if isinstance(payload, memoryview) else len(payload)
        if size == 0:
            message = "there is no data: zero bytes are not a document of any format"
            raise DecodeError(message)
        if size > limit:
            message = f"the input has {size} bytes, more than max_payload_bytes={limit} allows"
            raise LimitExceededError(message, limit="max_payload_bytes")
        if is_frame(payload):
            return _open_frame(payload, frames, limits)
        if frames.only:
            message = "the data is not sealed, and this reader has signing_keys: only sealed data is read"
            raise IntegrityError(message)
        started = perf_counter_ns()
        inner = packing.unpack(payload)
        if inner is not payload:
            meter.decompress_ns += perf_counter_ns() - started
        return Opened(inner, bound, size)

    return open_payload


def _opens_cheaply(data: Input) -> bool:
    payload = as_payload(data)
    return not is_frame(payload) and detect_codec(payload) is None


def _open_frame(data: Payload, frames: FramePolicy, limits: Limits) -> Opened:
    frame = frames.sealer.open(data, formats=frames.accepted, max_bytes=limits.size)
    if frame.format in frames.pinned and frame.fingerprint not in frames.readable():
        message = (
            "the data was written for another model, or for another version of it, which this format cannot bridge"
        )
        raise SchemaMismatchError(message)
    body: Payload = frame.body
    if frame.codec != 0:
        body = decompress_within(_codec_of(frame), body, limit=limits.size, ratio=limits.ratio)
    if len(body) != frame.raw_size:
        message = f"the frame announces {frame.raw_size} bytes and holds {len(body)}"
        raise DecompressionError(message)
    return Opened(body, frames.resolve(frame.format), len(data))


def _codec_of(frame: Frame) -> Codec:
    try:
        return get_codec_by_wire_id(frame.codec)
    except UnknownCodecError as error:  # what an attacker writes must not look like a fault of the configuration
        message = f"the frame holds data of a codec with number {frame.codec}, which is not registered here"
        raise FrameError(message) from error


def as_payload(data: Any) -> Payload:
    """Return input as bytes-like; text becomes UTF-8.

    Raises:
        DecodeError: text with a lone surrogate.
        TypeError: neither bytes-like nor text.
    """
    if isinstance(data, (bytes, bytearray)):
        return data
    if isinstance(data, memoryview):
        return data if data.format == "B" and data.contiguous else memoryview(data.tobytes())
    if isinstance(data, str):
        try:
            return data.encode()
        except UnicodeEncodeError:
            message = "the text holds a lone surrogate, which UTF-8 has no bytes for"
            raise DecodeError(message) from None
    forgotten = ": await it" if isinstance(data, CoroutineType) else ""
    message = f"expected bytes, bytearray, memoryview or str, got {type(data).__name__}{forgotten}"
    raise TypeError(message)
