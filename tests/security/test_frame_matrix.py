"""Strip, splice, replay, downgrade: signed frames taken apart and put together in every way, one case each.

Whoever can write to a shared store has frames of his own making, frames of other keys, entries and times, and every part of
each. None of what he makes of them is opened; each case names the error that says why.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pydantic_serialization import SerializationConfig, create_serialization_manager
from pydantic_serialization._native import core
from pydantic_serialization.envelope import Algorithm, Sealer
from pydantic_serialization.errors import DecodeError, FrameError, IntegrityError
from pydantic_serialization.frame import HEADER, TIMES, CodecId, Flag, FormatId

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_700_000_000.0
KEYS = [bytes([65 + number]) * 32 for number in range(3)]
MINE, YOURS = b"user:1", b"user:2"
BODY = b'{"name":"Anna","is_admin":false}'
ALGORITHMS: tuple[Algorithm, ...] = ("blake2b", "hmac-sha256")
MAC_SIZE, CHECK_SIZE = 16, 8
BEHIND_TIMES = HEADER.size + TIMES.size


class Case(NamedTuple):
    """Bytes under a cache key, a reader, and what it says.

    Attributes:
        name: What was done.
        frame: The bytes.
        reader: Who opens them.
        cache_key: Under which they are found.
        error: The error, or ``None`` where they have to be opened.
    """

    name: str
    frame: bytes
    reader: Sealer
    cache_key: bytes
    error: type[FrameError] | None


def sealer(*keys: bytes, algorithm: Algorithm = "blake2b", at: float = NOW, **options: Any) -> Sealer:
    """Return a sealer whose clock stands still."""
    return Sealer(keys, algorithm=algorithm, clock=lambda: at, **options)


def sealed(by: Sealer, body: bytes = BODY, cache_key: bytes = MINE, **options: Any) -> bytes:
    """Return a frame that is good for a minute."""
    return by.seal(body, **{"format": 1, "raw_size": len(body), "cache_key": cache_key, "ttl": 60, **options})


def with_header(frame: bytes, **changes: int | bytes) -> bytes:
    """Return the frame with fields of its header changed, and everything else as it was."""
    names = ("magic", "version", "format", "codec", "flags", "key_id", "fingerprint", "raw_size", "size")
    fields = dict(zip(names, HEADER.unpack_from(frame), strict=True))
    return HEADER.pack(*{**fields, **changes}.values()) + frame[HEADER.size :]


def changed_headers(algorithm: Algorithm) -> Iterator[Case]:
    """Every field of the header, in many ways."""
    reader = sealer(KEYS[0], algorithm=algorithm)
    frame = sealed(reader)
    key_id = frame[7]
    changes: list[dict[str, Any]] = [{"flags": flags} for flags in range(32) if flags != Flag.TIME]
    changes += [{"format": number} for number in (0, *FormatId, 8, 127, 128, 255) if number != FormatId.JSON]
    changes += [{"codec": number} for number in (*CodecId, 5, 127, 128, 255) if number != CodecId.NONE]
    changes += [{"raw_size": size} for size in (0, 1, len(BODY) - 1, len(BODY) + 1, 2**31, 2**32 - 1)]
    changes += [{"fingerprint": bytes([number]) * 8} for number in (1, 255)]
    for change in changes:
        yield Case(f"header {change}", with_header(frame, **change), reader, MINE, FrameError)
    for other in {0, 1, 2, 128, 255} - {key_id}:
        yield Case(f"key id {other}", with_header(frame, key_id=other), reader, MINE, IntegrityError)
    for size in (0, 1, len(BODY) - 1, len(BODY) + 1, 2**32 - 1):
        yield Case(f"length {size}", with_header(frame, size=size), reader, MINE, FrameError)
    for version in (0, 2, 255):
        yield Case(f"version {version}", with_header(frame, version=version), reader, MINE, FrameError)
    for created, ttl in ((NOW + 1, 60), (0, 60), (NOW, 61), (NOW, 2**32 - 1), (NOW + 10_000, 60)):
        times = TIMES.pack(int(created), ttl)
        changed = frame[: HEADER.size] + times + frame[BEHIND_TIMES:]
        yield Case(f"times {created} {ttl}", changed, reader, MINE, IntegrityError)


def stripped(algorithm: Algorithm) -> Iterator[Case]:
    """The signature taken off, or replaced by what anybody can compute."""
    reader = sealer(KEYS[0], algorithm=algorithm)
    frame = sealed(reader)
    for ttl in (60, None):
        yield Case(f"unsigned, ttl {ttl}", sealed(sealer(), ttl=ttl), reader, MINE, IntegrityError)
    plain = sealed(sealer())
    checksum = plain[BEHIND_TIMES : BEHIND_TIMES + CHECK_SIZE]
    head, body = frame[:BEHIND_TIMES], frame[BEHIND_TIMES + MAC_SIZE :]
    for name, tag in {
        "no tag": b"",
        "zeros": bytes(MAC_SIZE),
        "a checksum": checksum,
        "a checksum and zeros": checksum + bytes(MAC_SIZE - CHECK_SIZE),
        "half the tag": frame[BEHIND_TIMES : BEHIND_TIMES + CHECK_SIZE],
    }.items():
        yield Case(name, head + tag + body, reader, MINE, FrameError)
        yield Case(f"{name}, key id 0", with_header(head + tag + body, key_id=0), reader, MINE, FrameError)
    unsigned_head = with_header(frame, key_id=0, flags=0)[: HEADER.size]
    yield Case("downgraded, no times", unsigned_head + checksum + body, reader, MINE, IntegrityError)
    yield Case("only the body", BODY, reader, MINE, FrameError)
    yield Case("nothing", b"", reader, MINE, FrameError)
    yield Case("signed for a reader without keys", frame, sealer(), MINE, IntegrityError)


def spliced(algorithm: Algorithm) -> Iterator[Case]:
    """Header, times, tag and body of two frames put together in every way; both come from this very writer."""
    reader = sealer(KEYS[0], algorithm=algorithm)
    first, second = sealed(reader), sealed(sealer(KEYS[0], algorithm=algorithm, at=NOW - 5), BODY[::-1], YOURS)
    cuts = (0, HEADER.size, BEHIND_TIMES, BEHIND_TIMES + MAC_SIZE, len(first))
    parts = [[frame[start:end] for start, end in itertools.pairwise(cuts)] for frame in (first, second)]
    for choice in itertools.product((0, 1), repeat=4):
        frame = b"".join(parts[which][index] for index, which in enumerate(choice))
        for cache_key in (MINE, YOURS):
            # The headers are the same but for the times, so a whole entry may have either.
            whole = {MINE: (0, 0, 0), YOURS: (1, 1, 1)}[cache_key]
            error = None if choice[1:] == whole else IntegrityError
            yield Case(f"parts {choice} under {cache_key.decode()}", frame, reader, cache_key, error)
    for cut in range(1, len(MINE)):  # what stands at the boundary of cache key and body belongs to one of them
        moved = sealed(reader, MINE[cut:] + BODY, MINE[:cut])
        yield Case(f"{cut} bytes of the key in the body", moved, reader, MINE, IntegrityError)


def replayed(algorithm: Algorithm) -> Iterator[Case]:
    """Good entries under other cache keys, and after their time."""
    writer = sealer(KEYS[0], algorithm=algorithm)
    frame = sealed(writer)
    for key in (b"", b"user:", b"user:11", b"user:1\0", b"USER:1", YOURS, MINE * 2):
        yield Case(f"under {key!r}", frame, writer, key, IntegrityError)
    for seconds, error in ((0, None), (60, None), (61, FrameError), (3_600, FrameError), (10**8, FrameError)):
        reader = sealer(KEYS[0], algorithm=algorithm, at=NOW + seconds)
        yield Case(f"after {seconds} s", frame, reader, MINE, error)


def rotated(algorithm: Algorithm) -> Iterator[Case]:
    """Three keys, every writer and every list of a reader: opened exactly where the writer's key is in the list."""
    for writing, reading in itertools.product(range(3), [(0,), (1,), (0, 1), (1, 0), (1, 2), (2, 1, 0)]):
        frame = sealed(sealer(KEYS[writing], algorithm=algorithm))
        reader = sealer(*(KEYS[index] for index in reading), algorithm=algorithm)
        yield Case(f"key {writing} for {reading}", frame, reader, MINE, None if writing in reading else IntegrityError)
    frame = sealed(sealer(KEYS[0], algorithm=ALGORITHMS[1 - ALGORITHMS.index(algorithm)]))
    yield Case("the other algorithm", frame, sealer(KEYS[0], algorithm=algorithm), MINE, IntegrityError)


CASES = [
    pytest.param(case, id=f"{algorithm}: {case.name}")
    for algorithm in ALGORITHMS
    for family in (changed_headers, stripped, spliced, replayed, rotated)
    for case in family(algorithm)
]


def test_there_are_enough_cases() -> None:
    """The families are as large as they are meant to be, and hold both good entries and bad ones."""
    errors = [parameter.values[0].error for parameter in CASES]  # type: ignore[union-attr]
    assert len(errors) >= 200
    assert errors.count(None) >= 20


@pytest.mark.parametrize("is_native", [True, False], ids=["native", "python"])
@pytest.mark.parametrize("case", CASES)
def test_only_what_was_sealed_here_is_opened(case: Case, is_native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case is opened if nothing was done to it, and else ends in the error that says what is wrong."""
    if is_native and core is None:
        pytest.skip("there is no core")
    if not is_native:
        monkeypatch.setattr(case.reader, "_native", None)
    if case.error is None:
        opened = case.reader.open(case.frame, cache_key=case.cache_key)
        assert opened.signed
        assert bytes(opened.body) in {BODY, BODY[::-1]}
    else:
        with pytest.raises(case.error):
            case.reader.open(case.frame, cache_key=case.cache_key)


@pytest.mark.parametrize("format_name", ["pickle"])
def test_a_manager_with_keys_opens_none_of_them(format_name: str) -> None:
    """The same at the door of an application: every bad case is a DecodeError, and never a value."""
    manager = create_serialization_manager(SerializationConfig(signing_keys=(KEYS[0].decode(),)))
    for parameter in CASES:
        case: Any = parameter.values[0]
        if case.error is not None:
            with pytest.raises(DecodeError):
                manager.deserialize_sync(case.frame, dict[str, Any], format_name)
