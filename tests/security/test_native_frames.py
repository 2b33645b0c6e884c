"""The native core and the standard library seal alike, and refuse alike."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization import BACKEND
from pydantic_serialization.envelope import Algorithm, Sealer
from pydantic_serialization.errors import EncodeError, FrameError, LimitExceededError

pytestmark = pytest.mark.skipif(BACKEND != "native", reason="compares the native core with the standard library")

NOW = 1_700_000_000.0
KEYS = (b"correct horse battery staple 123", b"incorrect horse battery staple 1")
ALGORITHMS: list[Algorithm] = ["blake2b", "hmac-sha256"]


def pair(*keys: bytes, now: float = NOW, **options: Any) -> tuple[Sealer, Sealer]:
    """Return a sealer that uses the native core, and one that does not."""
    native, plain = (Sealer(keys, clock=lambda: now, **options) for _ in range(2))
    plain._native = None
    return native, plain


def outcome(sealer: Sealer, method: str, *arguments: Any, **options: Any) -> Any:
    try:
        result = getattr(sealer, method)(*arguments, **options)
    except (FrameError, EncodeError, LimitExceededError) as error:
        return type(error), str(error)
    if isinstance(result, bytes):
        return result
    assert type(result.body) is memoryview
    return *result[:7], bytes(result.body), result.signed


numbers = st.one_of(st.integers(-2, 300), st.integers(2**32 - 2, 2**32 + 2), st.integers(0, 2**70))


@given(
    body=st.binary(max_size=40),
    format_id=numbers,
    codec=numbers,
    flags=numbers,
    fingerprint=st.binary(min_size=7, max_size=9),
    raw_size=numbers,
    cache_key=st.binary(max_size=10),
    ttl=st.none() | st.floats(-2, 2**33),
    keys=st.lists(st.sampled_from(KEYS), max_size=2),
    algorithm=st.sampled_from(ALGORITHMS),
)
def test_whatever_is_sealed_is_the_same(
    body: bytes,
    format_id: int,
    codec: int,
    flags: int,
    fingerprint: bytes,
    raw_size: int,
    cache_key: bytes,
    ttl: float | None,
    keys: list[bytes],
    algorithm: Algorithm,
) -> None:
    """The same frame, or the same error, for right and for wrong arguments."""
    native, plain = pair(*keys, algorithm=algorithm)
    options = {
        "format": format_id, "codec": codec, "flags": flags, "fingerprint": fingerprint, "raw_size": raw_size,
        "cache_key": cache_key, "ttl": ttl,
    }  # fmt: skip
    assert outcome(native, "seal", body, **options) == outcome(plain, "seal", body, **options)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("accept_unsigned", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_whatever_is_opened_is_the_same(algorithm: Algorithm, accept_unsigned: bool, count: int) -> None:
    """The same parts, or the same error, for frames of every sealer, for mutated ones, and whatever the reader asks."""
    chance = random.Random(f"{algorithm}{accept_unsigned}{count}")
    native, plain = pair(*KEYS[:count], algorithm=algorithm, accept_unsigned=accept_unsigned, now=NOW + 50)
    writers = [pair(*keys, algorithm=name)[1] for keys in ((), KEYS[:1], KEYS[1:], KEYS) for name in ALGORITHMS]
    opened = 0
    for _ in range(3000):
        body = chance.randbytes(chance.choice((0, 3, 50)))
        data = bytearray(
            chance.choice(writers).seal(
                body, format=chance.choice((1, 6, 130)), codec=chance.choice((0, 1)), raw_size=len(body),
                cache_key=b"key", ttl=chance.choice((None, 10, 100)),
            )
        )  # fmt: skip
        for _ in range(chance.choice((0, 0, 1, 2))):
            data[chance.randrange(min(len(data), 50))] = chance.choice((0, 1, 4, 0xC1, chance.randrange(256)))
        del data[chance.choice((len(data), len(data), chance.randrange(len(data)))) :]
        options = {
            "cache_key": chance.choice((b"key", b"key", b"yek")),
            "formats": chance.choice((None, {1, 6})),
            "fingerprint": chance.choice((None, None, bytes(8), b"12345678")),
            "max_bytes": chance.choice((None, 10)),
        }
        found = outcome(native, "open", bytes(data), **options)
        assert found == outcome(plain, "open", bytes(data), **options)
        opened += not isinstance(found[0], type)
    assert opened > 20  # the rest is refused


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 65_535, 65_536, 1_000_000])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_long_bodies_are_sealed_without_the_lock_of_the_interpreter(algorithm: Algorithm, size: int) -> None:
    """From 64 KiB on other threads run meanwhile; the frames are the same at every size, also from many threads."""
    native, plain = pair(KEYS[0], algorithm=algorithm)
    body = random.Random(size).randbytes(size)
    expected = plain.seal(body, format=6, raw_size=size)
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(native.seal(body, format=6, raw_size=size))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
    assert native.open(expected).body == body
