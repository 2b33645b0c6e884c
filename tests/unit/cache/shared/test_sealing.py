"""Entries in a shared store: what was written comes back, and nothing else is taken for an entry."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization.cache.shared.sealing import CLOCK_SKEW, EntrySealer, SharedEntry, Times
from pydantic_serialization.cache.stats import RejectedEntries
from pydantic_serialization.envelope import CodecId, Flag, FormatId, Sealer

OLD, NEW = b"o" * 32, b"n" * 32
VERSION = b"\x01" * 8
ENTRY = SharedEntry(b"value", 1_700_000_000.5, Times(30.0, 60.0, 10.0), ("tag",), (VERSION, b"\x02" * 8, b"\x03" * 8))


def sealer(*keys: bytes, max_bytes: int = 10_000, clock: float = 1_700_000_000.0) -> EntrySealer:
    rejected = RejectedEntries(mac=0, schema=0, format=0, outdated=0)
    return EntrySealer(Sealer(keys, clock=lambda: clock), max_bytes, rejected)


def rejected(entries: EntrySealer) -> dict[str, int]:
    return {reason: count for reason, count in entries._rejected.items() if count}


entries = st.builds(
    lambda value, written, fresh, ttl, stale, tags: SharedEntry(
        value, written, Times(fresh, ttl, stale), tuple(tags), (VERSION,) * (len(tags) + 2)
    ),
    st.none() | st.binary(max_size=200),
    st.floats(0, 1e10),
    st.floats(0, 1e9) | st.just(math.inf),
    st.floats(1e-3, 1e9) | st.just(math.inf),
    st.floats(0, 1e9),
    st.lists(st.text(st.characters(), min_size=1, max_size=20), max_size=5),
)


@given(entries, st.booleans())
def test_an_entry_comes_back(entry: SharedEntry, signed: bool) -> None:
    """Every part of it, also "there is no value", endless times and names that are no UTF-8."""
    sealing = sealer(*[NEW] if signed else [])
    data = sealing.seal("name", entry)
    assert data is not None
    assert sealing.open("name", data) == entry
    assert not rejected(sealing)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            (),
            "c1534601060000000000000000000000440000004400000022bef84013980d4300002040fc54d941"
            "0000000000003e400000000000004e40000000000000244001010101010101010202020202020202"
            "01000300746167030303030303030376616c7565",
        ),
        (
            (NEW,),
            "c1534601060004b60000000000000000440000004400000000f15365820000005e2a1ee1df988117"
            "5ec68cfc62860d9700002040fc54d9410000000000003e400000000000004e400000000000002440"
            "0101010101010101020202020202020201000300746167030303030303030376616c7565",
        ),
    ],
)
def test_the_bytes_of_an_entry_are_what_they_were(keys: tuple[bytes, ...], expected: str) -> None:
    """Another version of this library, of the same version of the format, reads them."""
    data = sealer(*keys).seal("name", ENTRY)
    assert data is not None
    assert data.hex() == expected
    assert sealer(*keys).open("name", bytes.fromhex(expected)) == ENTRY


@pytest.mark.parametrize("keys", [(), (NEW,)])
def test_no_other_bytes_are_an_entry(keys: tuple[bytes, ...]) -> None:
    """Every flipped bit, every shorter and longer text, garbage: none is an entry, and each is counted."""
    sealing = sealer(*keys)
    data = sealing.seal("name", ENTRY)
    assert data is not None
    damaged = [data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :] for at in range(len(data)) for bit in range(8)]
    damaged += [data[:size] for size in range(len(data))]
    damaged += [data + b"x", b"", b"garbage", b"\x00" * 200, b"\x80\x04." + data]
    assert all(sealing.open("name", one) is None for one in damaged)
    assert sum(rejected(sealing).values()) == len(damaged)


def test_an_entry_of_another_key_is_none() -> None:
    """Whoever moves entries, or answers with another key's, is not believed."""
    for sealing in (sealer(), sealer(NEW)):
        data = sealing.seal("user:1", ENTRY)
        assert data is not None
        assert sealing.open("user:2", data) is None
        assert rejected(sealing) == {"mac": 1}


def test_signed_and_unsigned_do_not_mix() -> None:
    """Where there are keys an unsigned entry is none, and where there are none a signed one is none."""
    signed, unsigned = sealer(NEW).seal("name", ENTRY), sealer().seal("name", ENTRY)
    assert signed is not None
    assert unsigned is not None
    assert sealer(NEW).open("name", unsigned) is None
    assert sealer().open("name", signed) is None
    assert sealer(OLD).open("name", signed) is None


def test_keys_are_rotated_without_a_miss() -> None:
    """The old key still verifies while it is configured; what is written is signed with the new one."""
    before, between, after = sealer(OLD), sealer(NEW, OLD), sealer(NEW)
    old, new = before.seal("name", ENTRY), between.seal("name", ENTRY)
    assert old is not None
    assert new is not None
    assert between.open("name", old) == between.open("name", new) == after.open("name", new) == ENTRY
    assert after.open("name", old) is None


def test_an_entry_cannot_choose_how_it_is_checked() -> None:
    """The algorithm belongs to the configuration."""
    other = EntrySealer(
        Sealer([NEW], algorithm="hmac-sha256"), 10_000, RejectedEntries(mac=0, schema=0, format=0, outdated=0)
    )
    data = other.seal("name", ENTRY)
    assert data is not None
    assert other.open("name", data) == ENTRY
    assert sealer(NEW).open("name", data) is None


def test_a_signed_entry_does_not_outlive_its_time() -> None:
    """An entry that was put back later is not served, whatever the store says about its age."""
    data = sealer(NEW).seal("name", ENTRY)
    assert data is not None
    life = ENTRY.times.total + CLOCK_SKEW
    assert sealer(NEW, clock=1_700_000_000.0 + life - 1).open("name", data) == ENTRY
    late = sealer(NEW, clock=1_700_000_000.0 + life + 2)
    assert late.open("name", data) is None
    assert rejected(late) == {"format": 1}


def test_another_schema_is_another_entry() -> None:
    """The fingerprint in the header decides where it is known."""
    sealing = sealer()
    data = sealing.seal("name", ENTRY, b"schema-1")
    assert data is not None
    assert sealing.open("name", data, b"schema-1") == sealing.open("name", data) == ENTRY
    assert sealing.open("name", data, b"schema-2") is None
    assert rejected(sealing) == {"schema": 1}


def test_what_is_too_large_is_neither_written_nor_read() -> None:
    """The bound holds for both, and for sizes that a frame only claims."""
    small = sealer(max_bytes=100)
    large = ENTRY._replace(value=bytes(100))
    assert small.seal("name", large) is None
    data = sealer().seal("name", large)
    assert data is not None
    assert small.open("name", data) is None


def test_a_compressed_frame_is_no_entry() -> None:
    """Nothing is inflated: a bomb stays a small piece of data that is not an entry."""
    sealing = sealer()
    for codec in (CodecId.GZIP, CodecId.ZSTD):
        bomb = Sealer().seal(b"x" * 50, format=FormatId.BYTES, codec=codec, raw_size=5000, cache_key=b"name")
        assert sealing.open("name", bomb) is None


@pytest.mark.parametrize("body", [b"", b"short", bytes(49), bytes(48) + b"\xff\xff", b"\xff" * 60])
def test_a_whole_frame_with_another_content_is_no_entry(body: bytes) -> None:
    """Whoever can sign may still be another version: what cannot be understood is a miss."""
    sealing = sealer()
    for flags in (0, Flag.NONE):
        data = Sealer().seal(body, format=FormatId.BYTES, flags=flags, raw_size=len(body), cache_key=b"name")
        assert sealing.open("name", data) is None
    assert rejected(sealing) == {"format": 2}


@pytest.mark.parametrize("tags", [("",), tuple(map(str, range(1001)))])
def test_tags_that_nobody_writes_are_no_entry(tags: tuple[str, ...]) -> None:
    """A store that anybody can write to makes no read fail, nor look up as many names as it likes."""
    sealing = sealer(max_bytes=100_000)
    data = sealing.seal("name", ENTRY._replace(tags=tags, stamps=(VERSION,) * (len(tags) + 2)))
    assert data is not None
    assert sealing.open("name", data) is None
    assert rejected(sealing) == {"format": 1}
