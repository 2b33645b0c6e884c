"""The sealed frame under attack: nothing that was changed, moved, stripped or forged is opened."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization.envelope import MAGIC, Algorithm, Sealer
from pydantic_serialization.errors import DecodeError, FrameError, IntegrityError

NOW = 1_700_000_000.0
SECRET = b"correct horse battery staple 123"
OTHER_SECRET = b"incorrect horse battery staple 1"
CACHE_KEY = b"user:4711"
BODY = bytes(range(160))


def sealer(*keys: bytes, algorithm: Algorithm = "blake2b", **options: Any) -> Sealer:
    return Sealer(keys, algorithm=algorithm, clock=lambda: NOW, **options)


SEALERS = {
    "unsigned": sealer(),
    "blake2b": sealer(SECRET),
    "hmac-sha256": sealer(SECRET, algorithm="hmac-sha256"),
}


def seal(made_by: Sealer, body: bytes = BODY, cache_key: bytes = CACHE_KEY, **options: Any) -> bytes:
    return made_by.seal(body, **{"format": 1, "raw_size": len(body), "cache_key": cache_key, "ttl": 60, **options})


@pytest.mark.parametrize("name", SEALERS)
def test_every_flipped_bit_is_noticed(name: str) -> None:
    """No single bit of a frame can be inverted, wherever it is."""
    data = seal(SEALERS[name])
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FrameError):
            SEALERS[name].open(damaged, cache_key=CACHE_KEY)


@pytest.mark.parametrize("name", SEALERS)
def test_every_truncation_and_every_extension_is_noticed(name: str) -> None:
    """A frame is opened at exactly its own length."""
    data = seal(SEALERS[name])
    for size in range(len(data)):
        with pytest.raises(FrameError):
            SEALERS[name].open(data[:size], cache_key=CACHE_KEY)
    for tail in (b"\0", b"\n", data):
        with pytest.raises(FrameError):
            SEALERS[name].open(data + tail, cache_key=CACHE_KEY)


@pytest.mark.parametrize("name", SEALERS)
@given(data=st.binary(max_size=200))
def test_random_bytes_are_no_frame(name: str, data: bytes) -> None:
    """Noise is refused with the package's own error, with and without the magic number."""
    for candidate in (data, MAGIC + b"\1" + data):
        with pytest.raises(FrameError):
            SEALERS[name].open(candidate, cache_key=CACHE_KEY)


@pytest.mark.parametrize(("writer", "reader"), list(itertools.permutations(SEALERS, 2)))
def test_a_frame_is_checked_as_the_reader_is_configured(writer: str, reader: str) -> None:
    """Unsigned for signed, signed for unsigned, one algorithm for the other: all refused."""
    with pytest.raises(IntegrityError):
        SEALERS[reader].open(seal(SEALERS[writer]), cache_key=CACHE_KEY)


def test_a_reader_without_keys_says_what_is_missing() -> None:
    """A signed frame is not opened as if it were unsigned, and the message names the setting."""
    with pytest.raises(IntegrityError, match="signing_keys"):
        sealer().open(seal(sealer(SECRET)), cache_key=CACHE_KEY)


def test_unsigned_frames_are_accepted_only_if_told() -> None:
    """A signing reader opens unsigned frames only where the configuration says so, and still checks them."""
    told = sealer(SECRET, accept_unsigned=True)
    data = seal(sealer())
    assert not told.open(data, cache_key=CACHE_KEY).signed
    assert told.open(seal(told), cache_key=CACHE_KEY).signed
    with pytest.raises(IntegrityError):
        told.open(data, cache_key=b"user:4712")
    with pytest.raises(IntegrityError):
        told.open(seal(sealer(OTHER_SECRET)), cache_key=CACHE_KEY)


@pytest.mark.parametrize("name", SEALERS)
@pytest.mark.parametrize("cache_key", [b"", b"user:4712", b"user:471", CACHE_KEY + b"\0", b"other:" + CACHE_KEY])
def test_an_entry_is_not_opened_under_another_cache_key(name: str, cache_key: bytes) -> None:
    """Another user's entry that was swapped in under this key is not opened."""
    with pytest.raises(IntegrityError):
        SEALERS[name].open(seal(SEALERS[name]), cache_key=cache_key)


@pytest.mark.parametrize("name", SEALERS)
def test_bytes_cannot_be_shifted_between_cache_key_and_body(name: str) -> None:
    """The cache key is length-prefixed under the check: what follows it cannot be counted to it."""
    data = seal(SEALERS[name], body=b"XYZ", cache_key=b"user:1")
    body = bytearray(data[:-3] + b"YZ")
    for offset in (16, 20):
        body[offset] = 2
    with pytest.raises(IntegrityError):
        SEALERS[name].open(body, cache_key=b"user:1X")


def downgrades(data: bytes) -> Iterator[bytes]:
    """Yield a signed frame with its signature taken off in every way that the layout allows."""
    unsigned = bytearray(data)
    unsigned[7] = 0
    yield bytes(unsigned)  # key id gone, tag left in place
    yield bytes(unsigned[:40] + unsigned[48:])  # half of the tag as a checksum
    yield seal(sealer(), body=data[48:])  # the same body with a checksum that anybody can compute
    yield seal(sealer(OTHER_SECRET), body=data[48:])
    other = bytearray(data)
    other[32:48] = bytes(16)
    yield bytes(other)
    other[7] = other[7] % 255 + 1
    yield bytes(other)


@pytest.mark.parametrize("algorithm", ["blake2b", "hmac-sha256"])
def test_a_signature_cannot_be_taken_off(algorithm: Algorithm) -> None:
    """A signing reader refuses every weaker form of its own frames."""
    reader = sealer(SECRET, algorithm=algorithm)
    for data in downgrades(seal(reader)):
        with pytest.raises(IntegrityError):
            reader.open(data, cache_key=CACHE_KEY)


@pytest.mark.parametrize("name", SEALERS)
def test_parts_of_two_frames_do_not_fit_together(name: str) -> None:
    """Header, tag and body of two valid frames make no third one."""
    own = SEALERS[name]
    first = seal(own, body=b"a" * 50, fingerprint=b"11111111")
    second = seal(own, body=b"b" * 50, fingerprint=b"22222222", format=2)
    end = len(first) - 50
    tag = 8 if name == "unsigned" else 16
    parts = [((0, end - tag), (end - tag, end), (end, len(first)))] * 2
    for choice in itertools.product((first, second), repeat=3):
        spliced = b"".join(source[start:stop] for source, (start, stop) in zip(choice, parts[0], strict=True))
        if spliced in (first, second):
            continue
        with pytest.raises(IntegrityError):
            own.open(spliced, cache_key=CACHE_KEY)


@pytest.mark.parametrize("name", SEALERS)
def test_a_replayed_entry_ends_with_its_time(name: str) -> None:
    """An old entry that is put back is good until its time to live is over, and its time cannot be moved."""
    data = seal(SEALERS[name], ttl=60)
    keys = () if name == "unsigned" else (SECRET,)
    algorithm: Algorithm = "hmac-sha256" if name == "hmac-sha256" else "blake2b"
    later = Sealer(keys, algorithm=algorithm, clock=lambda: NOW + 62)
    with pytest.raises(FrameError, match="time to live"):
        later.open(data, cache_key=CACHE_KEY)
    moved = bytearray(data)
    moved[24:28] = int(NOW + 60).to_bytes(4, "little")
    with pytest.raises(IntegrityError):
        later.open(moved, cache_key=CACHE_KEY)


def errors_of_every_kind() -> Iterator[Callable[[], object]]:
    signed, unsigned = seal(sealer(SECRET), body=b"secret-body"), seal(sealer(), body=b"secret-body")
    yield lambda: sealer(OTHER_SECRET).open(signed, cache_key=b"secret-cache-key")
    yield lambda: sealer(SECRET).open(signed, cache_key=b"secret-cache-key")
    yield lambda: sealer(SECRET).open(unsigned, cache_key=b"secret-cache-key")
    yield lambda: sealer().open(unsigned, cache_key=b"secret-cache-key")
    yield lambda: sealer().open(signed, cache_key=CACHE_KEY)
    yield lambda: sealer().open(unsigned[:-1], cache_key=CACHE_KEY)
    yield lambda: sealer().open(b"secret-body" * 9)
    yield lambda: sealer().open(unsigned, cache_key=CACHE_KEY, max_bytes=3)
    yield lambda: sealer().open(unsigned, cache_key=CACHE_KEY, formats=())
    yield lambda: sealer().open(unsigned, cache_key=CACHE_KEY, fingerprint=b"12345678")


@pytest.mark.parametrize("attempt", list(errors_of_every_kind()))
def test_errors_show_neither_keys_nor_content(attempt: Callable[[], object]) -> None:
    """No message holds a key, a cache key, a tag or a part of the body."""
    with pytest.raises(DecodeError) as caught:
        attempt()
    text = f"{caught.value} {caught.value!r}"
    signed = seal(sealer(SECRET), body=b"secret-body")
    for forbidden in ("secret-body", "secret-cache-key", "horse", signed[32:48].hex(), repr(signed[32:40])[2:-1]):
        assert forbidden not in text


@pytest.mark.parametrize("name", SEALERS)
def test_mutated_frames_are_refused(name: str) -> None:
    """Tens of thousands of frames with changed, inserted, removed and repeated bytes: none is opened."""
    own = SEALERS[name]
    chance = random.Random(name)
    originals = [seal(own, body=chance.randbytes(size)) for size in (0, 1, 20, 160)]
    accepted = 0
    for _ in range(35_000):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.choice((1, 1, 2, 5))):
            place = chance.randrange(len(data) + 1)
            length = chance.choice((0, 1, 1, 2, 8))
            # Most keep the length: otherwise the length alone gives them away.
            data[place : place + length] = chance.randbytes(chance.choice((length, length, length, 0, 1, 2)))
        if bytes(data) in originals:
            continue
        try:
            own.open(data, cache_key=CACHE_KEY)
        except FrameError:
            continue
        accepted += 1
    assert accepted == 0
