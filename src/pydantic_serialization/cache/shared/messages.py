"""Messages between processes: sealed, and signed where there are keys, as entries are."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pydantic_serialization.cache.shared.invalidation import Invalidation
from pydantic_serialization.cache.shared.sealing import CLOCK_SKEW
from pydantic_serialization.envelope import FormatId
from pydantic_serialization.errors import DecodeError

if TYPE_CHECKING:
    from pydantic_serialization.cache._base import Backplane
    from pydantic_serialization.envelope import Sealer


class Messenger:
    """Sends what this process invalidates, and reads what others do.

    Args:
        backplane: The channel.
        topic: Its name.
        sealer: Seals the messages.
    """

    def __init__(self, backplane: Backplane, topic: str, sealer: Sealer) -> None:
        self.backplane = backplane
        self.topic = topic
        self.published = self.received = self.rejected = 0
        self._sealer = sealer
        self.after_fork()

    def after_fork(self) -> None:
        """Take another name in a child process."""
        self._sender = secrets.token_hex(8)

    async def send(self, invalidation: Invalidation) -> None:
        """Tell the other processes.

        Raises:
            Exception: what the backplane raises.
        """
        await self.backplane.announce(self.topic, self._seal(invalidation))
        self.published += 1

    def send_sync(self, invalidation: Invalidation) -> None:
        """Do what :meth:`send` does, blocking the thread."""
        self.backplane.announce_sync(self.topic, self._seal(invalidation))
        self.published += 1

    def read(self, message: bytes) -> Invalidation | None:
        """Return what another process has invalidated, or ``None`` for a message of this process.

        What cannot be read may be the message of a process with other keys: it counts as everything.
        """
        try:
            body = self._sealer.open(message, cache_key=self.topic.encode(), formats=(FormatId.JSON,)).body
            sender, invalidation = Invalidation.decode(bytes(body))
        except (DecodeError, ValueError):
            self.rejected += 1
            return Invalidation(everything=True)
        if sender == self._sender:
            return None
        self.received += 1
        return invalidation

    def _seal(self, invalidation: Invalidation) -> bytes:
        body = invalidation.encode(self._sender)
        return self._sealer.seal(
            body,
            format=FormatId.JSON,
            raw_size=len(body),
            cache_key=self.topic.encode(),
            ttl=CLOCK_SKEW if self._sealer.keyed else None,
        )
