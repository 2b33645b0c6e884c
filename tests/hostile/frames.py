"""Sealed frames with something changed: none of them may be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostile.mutations import mutated
from pydantic_serialization.envelope import Sealer
from pydantic_serialization.errors import FrameError, LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_SECRETS = (b"the first secret, 32 bytes long..", b"the second secret, 32 bytes long.")
_NOW = 1_700_000_000.0


def prepare(random: Random) -> Callable[[], bool]:
    """Return the step: one frame of one sealer, changed, or whole but under the key of another entry."""
    sealers = [Sealer(clock=lambda: _NOW), Sealer(_SECRETS[:1], clock=lambda: _NOW)]
    sealers += [Sealer(_SECRETS, algorithm=name, clock=lambda: _NOW) for name in ("blake2b", "hmac-sha256")]
    entries: list[tuple[Sealer, bytes, bytes, bytes]] = []
    for number in range(200):
        sealer, key, body = random.choice(sealers), f"user:{number}".encode(), random.randbytes(random.randrange(120))
        ttl = random.choice((None, 60))
        options = {"format": 1, "raw_size": len(body), "cache_key": key, "ttl": ttl}
        entries.append((sealer, key, body, sealer.seal(body, **options)))  # type: ignore[arg-type]
    frames = [entry[3] for entry in entries]

    def step() -> bool:
        sealer, key, body, frame = random.choice(entries)
        if random.randrange(8) == 0:
            data, read_as = frame, random.choice(entries)[1]
        else:
            data, read_as = mutated(frame, random, frames), key
        is_whole = data == frame and read_as == key
        try:
            opened = sealer.open(data, cache_key=read_as)
        except (FrameError, LimitExceededError) as error:
            assert not is_whole, f"a whole frame is refused: {error}"
            return False
        assert is_whole, f"a frame that was changed, or moved, is opened: {data.hex()} under {read_as!r}"
        assert opened.body == body, "the wrong body"
        return True

    return step
