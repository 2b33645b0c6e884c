"""Frames that were written once and must stay readable: a change of these bytes is a change of the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pydantic_serialization.envelope import CodecId, Flag, FormatId, Frame, Sealer

GOLDEN = Path(__file__).parent / "golden"
KEY, OLD_KEY = bytes(range(32)), bytes(range(32, 64))
WRITTEN_AT = 1_700_000_000
BODY = b'{"id":1,"name":"Ada"}'


def clock() -> float:
    return WRITTEN_AT + 0.5


PLAIN = Sealer(clock=clock)
BLAKE2B = Sealer([KEY, OLD_KEY], clock=clock)
HMAC = Sealer([KEY, OLD_KEY], algorithm="hmac-sha256", clock=clock)

CASES: dict[str, tuple[Sealer, dict[str, Any]]] = {
    "frame-unsigned": (PLAIN, {"format": FormatId.JSON}),
    "frame-unsigned-cache-key": (PLAIN, {"format": FormatId.JSON, "cache_key": b"user:1"}),
    "frame-unsigned-time": (PLAIN, {"format": FormatId.MSGPACK, "ttl": 3600}),
    "frame-unsigned-fallback": (PLAIN, {"format": FormatId.JSON, "flags": Flag.FALLBACK, "fingerprint": b"\1" * 8}),
    "frame-unsigned-codec": (PLAIN, {"format": FormatId.JSON, "codec": CodecId.ZSTD, "raw_size": 4096}),
    "frame-blake2b": (BLAKE2B, {"format": FormatId.PICKLE, "cache_key": b"user:1", "fingerprint": b"abcdefgh"}),
    "frame-blake2b-time": (BLAKE2B, {"format": FormatId.PICKLE, "ttl": 60, "flags": Flag.NONE}),
    "frame-hmac-sha256": (HMAC, {"format": FormatId.PICKLE, "cache_key": b"user:1", "fingerprint": b"abcdefgh"}),
}


@pytest.mark.parametrize("name", CASES)
def test_frames_are_written_as_ever(name: str) -> None:
    """The same content gives the same bytes in every release."""
    sealer, options = CASES[name]
    assert sealer.seal(BODY, **{"raw_size": len(BODY), **options}) == (GOLDEN / f"{name}.bin").read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_frames_of_earlier_releases_are_opened(name: str) -> None:
    """A frame from a store is opened with all of its parts."""
    sealer, options = CASES[name]
    timed = sealer.keyed or "ttl" in options
    frame = sealer.open((GOLDEN / f"{name}.bin").read_bytes(), cache_key=options.get("cache_key", b""))
    assert frame._replace(body=memoryview(b"")) == Frame(
        format=options["format"],
        codec=options.get("codec", CodecId.NONE),
        flags=options.get("flags", 0) | (Flag.TIME if timed else 0),
        fingerprint=options.get("fingerprint", bytes(8)),
        raw_size=options.get("raw_size", len(BODY)),
        created=WRITTEN_AT if timed else None,
        ttl=options.get("ttl"),
        body=memoryview(b""),
        signed=sealer.keyed,
    )
    assert frame.body == BODY


def test_every_stored_frame_is_tested() -> None:
    """No golden file is forgotten."""
    assert {path.stem for path in GOLDEN.glob("frame-*.bin")} == set(CASES)
