"""The sealed frame: what goes in comes out, and every rule of the header is kept."""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization.envelope import (
    MAGIC,
    ZERO_FINGERPRINT,
    Algorithm,
    CodecId,
    Flag,
    FormatId,
    Sealer,
    is_frame,
)
from pydantic_serialization.errors import (
    ConfigurationError,
    EncodeError,
    FrameError,
    IntegrityError,
    LimitExceededError,
    SchemaMismatchError,
)

KEY = b"k" * 32
NOW = 1_700_000_000.75
ALGORITHMS: list[Algorithm] = ["blake2b", "hmac-sha256"]


def keyed(algorithm: Algorithm = "blake2b", *keys: bytes, now: float = NOW) -> Sealer:
    return Sealer(keys or (KEY,), algorithm=algorithm, clock=lambda: now)


def plain(now: float = NOW) -> Sealer:
    return Sealer(clock=lambda: now)


def seal(sealer: Sealer, body: bytes = b"{}", **options: Any) -> bytes:
    return sealer.seal(body, **{"format": FormatId.JSON, "raw_size": len(body), **options})


@given(
    body=st.binary(max_size=300),
    format_id=st.sampled_from([*FormatId, 128, 200, 255]),
    codec=st.sampled_from([CodecId.ZSTD, CodecId.LZ4, CodecId.GZIP, CodecId.BROTLI, 128, 255]),
    flags=st.sampled_from([0, Flag.FALLBACK, Flag.NONE, Flag.FALLBACK | Flag.NONE]),
    fingerprint=st.binary(min_size=8, max_size=8),
    raw_size=st.integers(0, 2**32 - 1),
    cache_key=st.binary(max_size=40),
    ttl=st.none() | st.integers(0, 2**32 - 2),
    keys=st.lists(st.binary(min_size=32, max_size=80), max_size=2),
    algorithm=st.sampled_from(ALGORITHMS),
)
def test_what_is_sealed_is_what_is_opened(
    body: bytes,
    format_id: int,
    codec: int,
    flags: int,
    fingerprint: bytes,
    raw_size: int,
    cache_key: bytes,
    ttl: int | None,
    keys: list[bytes],
    algorithm: Algorithm,
) -> None:
    """A frame gives back every part that it was sealed with, under the same keys and the same cache key."""
    sealer = Sealer(keys, algorithm=algorithm, clock=lambda: NOW)
    data = sealer.seal(
        body, format=format_id, codec=codec, flags=flags, fingerprint=fingerprint, raw_size=raw_size,
        cache_key=cache_key, ttl=ttl,
    )  # fmt: skip
    frame = sealer.open(data, cache_key=cache_key, formats={format_id}, fingerprint=fingerprint, max_bytes=raw_size)
    timed = bool(keys) or ttl is not None
    assert bytes(frame.body) == body
    assert (frame.format, frame.codec, frame.fingerprint) == (format_id, codec, fingerprint)
    assert frame.flags == flags | (Flag.TIME if timed else 0)
    assert (frame.raw_size, frame.ttl) == (raw_size, ttl)
    assert frame.created == (int(NOW) if timed else None)
    assert is_frame(data)
    assert sealer.keyed is bool(keys)


def test_the_header_is_laid_out_as_documented() -> None:
    """Every field of the header stands at its documented offset, little endian."""
    data = seal(plain(), b"abc", format=3, codec=1, flags=Flag.FALLBACK, fingerprint=b"12345678", raw_size=77, ttl=60)
    assert struct.unpack("<3sBBBBB8sIIII", data[:32]) == (
        *(MAGIC, 1, 3, 1, 0b101, 0, b"12345678", 77, 3),
        *(int(NOW), 60),
    )
    assert data[40:] == b"abc"


def test_the_tags_are_the_documented_functions() -> None:
    """Checksum and MACs are what RFC 7693 and RFC 2104 say, over header, length-prefixed cache key and body."""
    cache_key, body = b"user:1", b"payload"
    covered = struct.pack("<I", len(cache_key)) + cache_key + body

    data = seal(plain(), body, cache_key=cache_key)
    assert data[24:32] == hashlib.blake2b(data[:24] + covered, digest_size=8, person=b"sf-frame-chk-v1").digest()

    data = seal(keyed(), body, cache_key=cache_key)
    subkey = hashlib.blake2b(KEY, digest_size=32, person=b"sf-frame-key-v1").digest()
    expected = hashlib.blake2b(data[:32] + covered, digest_size=16, key=subkey, person=b"sf-frame-mac-v1")
    assert data[32:48] == expected.digest()

    data = seal(keyed("hmac-sha256"), body, cache_key=cache_key)
    subkey = hmac.digest(KEY, b"sf-frame-key-v1", "sha256")
    assert data[32:48] == hmac.digest(subkey, data[:32] + covered, "sha256")[:16]


@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview, lambda data: memoryview(bytearray(data))])
def test_every_kind_of_buffer_is_accepted(convert: Any) -> None:
    """Bytes, byte arrays and views are sealed and opened alike."""
    data = seal(plain(), convert(b"body"))
    assert data == seal(plain(), b"body")
    assert bytes(plain().open(convert(data)).body) == b"body"
    assert is_frame(convert(data))


def test_a_view_of_a_part_is_opened_as_that_part() -> None:
    """A view that shows a frame inside larger memory is opened without what is around it."""
    data = seal(plain(), b"body")
    assert bytes(plain().open(memoryview(b"xx" + data + b"yy")[2:-2]).body) == b"body"


def test_memory_that_changes_after_the_check_changes_nothing() -> None:
    """The body of a frame that was opened in changeable memory is what the check covered."""
    memory = bytearray(seal(plain(), b"body"))
    frame = plain().open(memory)
    memory[-4:] = b"evil"
    assert bytes(frame.body) == b"body"


def test_bytes_are_not_copied() -> None:
    """The body of a frame that cannot change is a view of it."""
    data = seal(plain(), b"body")
    assert plain().open(data).body.obj is data
    assert plain().open(memoryview(data)).body.obj is data


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\xc1S", b'{"a": 1}', b"\xc1SG" + bytes(40), b"\x80\x05N." + bytes(40)]
)
def test_other_bytes_are_no_frame(data: bytes) -> None:
    """What does not start with the magic number is told apart, and refused."""
    assert not is_frame(data)
    with pytest.raises(FrameError, match="not a sealed frame"):
        plain().open(data)


def test_another_version_is_refused() -> None:
    """A frame of a later version is not guessed at."""
    data = bytearray(seal(plain()))
    data[3] = 2
    with pytest.raises(FrameError, match="version 2"):
        plain().open(data)


def forged(sealer: Sealer, **fields: int) -> bytes:
    """Return a frame of ``sealer`` with other header fields and a tag that matches them."""
    offsets = {"format": 4, "codec": 5, "flags": 6}
    data = bytearray(seal(sealer))
    for name, value in fields.items():
        data[offsets[name]] = value
    start = 24 + (8 if data[6] & Flag.TIME else 0)
    if not sealer.keyed and data[6] & Flag.TIME:
        data[24:24] = struct.pack("<II", int(NOW), 60)
    covered = bytes(data[:start]) + bytes(4)
    end = start + (16 if sealer.keyed else 8)
    data[start:end] = sealer._sign(covered, bytes(data[end:]))
    return bytes(data)


@pytest.mark.parametrize("make", [plain, keyed])
@pytest.mark.parametrize(
    "fields",
    [
        *({"format": value} for value in (0, 8, 127)),
        *({"codec": value} for value in (5, 127)),
        *({"flags": value | Flag.TIME} for value in (8, 16, 32, 128)),
    ],
)
def test_what_this_version_does_not_know_is_refused(make: Any, fields: dict[str, int]) -> None:
    """Unknown formats, codecs and flags are refused even where the check matches."""
    with pytest.raises(FrameError, match="header is not valid"):
        make().open(forged(make(), **fields))


def test_a_signed_frame_without_its_time_is_refused() -> None:
    """Replays are bounded by time, so a signed frame must say when it was made."""
    sealer = keyed()
    data = bytearray(seal(sealer))
    data[6] = 0
    del data[24:32]
    data[24:40] = sealer._sign(bytes(data[:24]) + bytes(4), bytes(data[40:]))
    with pytest.raises(FrameError, match="header is not valid"):
        sealer.open(data)


def test_a_size_that_contradicts_the_body_is_refused() -> None:
    """Without a codec the sizes before and after compression are one size."""
    with pytest.raises(EncodeError):
        seal(plain(), b"abc", raw_size=4)
    data = bytearray(seal(plain(), b"abc"))
    data[16] = 4
    data[24:32] = plain()._sign(bytes(data[:24]) + bytes(4), b"abc")
    with pytest.raises(FrameError, match="header is not valid"):
        plain().open(data)


def test_only_accepted_formats_are_opened() -> None:
    """The reader's list of formats decides, not the frame."""
    data = seal(plain(), format=FormatId.PICKLE)
    assert plain().open(data).format == FormatId.PICKLE
    with pytest.raises(FrameError, match="format 3"):
        plain().open(data, formats={FormatId.JSON, FormatId.MSGPACK})


def test_the_schema_must_be_the_readers() -> None:
    """A frame of another schema is a mismatch; a reader without a schema opens it."""
    data = seal(plain(), fingerprint=b"aaaaaaaa")
    assert plain().open(data).fingerprint == b"aaaaaaaa"
    for other in (b"aaaaaaab", ZERO_FINGERPRINT):
        with pytest.raises(SchemaMismatchError):
            plain().open(data, fingerprint=other)


@pytest.mark.parametrize("make", [plain, keyed])
@pytest.mark.parametrize("ttl", [0, 1, 59.5, 60])
def test_a_frame_lives_for_its_time_and_no_second_longer_than_two(make: Any, ttl: float) -> None:
    """A frame is never refused before its time is over, and always within two seconds after."""
    data = seal(make(), ttl=ttl)
    assert make(now=NOW + ttl).open(data).ttl == -(-ttl // 1)
    with pytest.raises(FrameError, match="time to live"):
        make(now=NOW + ttl + 2).open(data)


@pytest.mark.parametrize("ttl", [None, 2**32 - 1, float("inf")])
def test_a_frame_without_an_end_does_not_expire(ttl: float | None) -> None:
    """Without a time to live, or with one beyond a century, a signed frame is good for ever."""
    frame = keyed(now=NOW + 10**9).open(seal(keyed(), ttl=ttl))
    assert (frame.created, frame.ttl) == (int(NOW), None)


def test_a_frame_from_a_clock_that_is_ahead_is_opened() -> None:
    """Clocks of two machines differ; the end of life counts, not the beginning."""
    assert keyed(now=NOW - 3600).open(seal(keyed(), ttl=60)).ttl == 60


def test_the_claimed_size_is_bounded() -> None:
    """A claim over the limit is refused before anybody decompresses, and names the setting."""
    data = seal(plain(), codec=CodecId.ZSTD, raw_size=101)
    assert plain().open(data, max_bytes=101).raw_size == 101
    with pytest.raises(LimitExceededError) as caught:
        plain().open(data, max_bytes=100)
    assert caught.value.limit == "max_payload_bytes"


@pytest.mark.parametrize(
    "options",
    [
        *({"raw_size": value} for value in (2**32, -1)),
        *({"format": value} for value in (0, 8, 256)),
        *({"codec": value} for value in (5, -1)),
        *({"flags": value} for value in (Flag.TIME, Flag.ENCRYPTED, Flag.DICTIONARY, 256)),
        *({"fingerprint": value} for value in (b"short", b"123456789")),
        {"ttl": -1},
    ],
)
def test_what_a_frame_cannot_hold_is_not_written(options: dict[str, Any]) -> None:
    """Numbers outside of their field, and flags that are the sealer's own, are errors of writing."""
    with pytest.raises(EncodeError):
        seal(plain(), **options)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_rotated_key_still_opens(algorithm: Algorithm) -> None:
    """The first key signs and all open: a key is added, promoted, and the old one dropped."""
    old, new = b"o" * 32, b"n" * 32
    first, both = keyed(algorithm, old), keyed(algorithm, new, old)
    assert both.open(seal(first))
    with pytest.raises(IntegrityError):
        first.open(seal(both))
    with pytest.raises(IntegrityError):
        keyed(algorithm, new).open(seal(first))


def test_key_ids_are_stable_and_never_zero() -> None:
    """A key keeps its id whatever its place in the list, and zero stays the mark of an unsigned frame."""
    keys = [index.to_bytes(32, "big") for index in range(300)]
    ids = [seal(keyed("blake2b", key))[7] for key in keys]
    assert 0 not in ids
    assert ids[:3] == [seal(keyed("blake2b", key, KEY))[7] for key in keys[:3]]


def test_keys_that_share_an_id_are_each_tried() -> None:
    """Ids are hints of eight bits: two configured keys with one id both open their frames."""
    by_id: dict[int, bytes] = {}
    for index in range(300):
        key = index.to_bytes(32, "big")
        key_id = seal(keyed("blake2b", key))[7]
        if key_id in by_id:
            break
        by_id[key_id] = key
    sealer = keyed("blake2b", by_id[key_id], key)
    assert sealer.open(seal(keyed("blake2b", key)))
    assert sealer.open(seal(keyed("blake2b", by_id[key_id])))


def test_short_keys_and_unknown_algorithms_are_refused() -> None:
    """A sealer that could not protect anything is not made, and the message does not show the key."""
    with pytest.raises(ConfigurationError, match=r"signing_keys\[1\]") as caught:
        Sealer([KEY, b"hunter2"])
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="md5"):
        Sealer([KEY], algorithm="md5")  # type: ignore[arg-type]
