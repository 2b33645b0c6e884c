"""A subscription to a topic, for the thread that listens."""

from __future__ import annotations

import time
from typing import Any

from pydantic_serialization.cache.redis.deadline import within


class RedisListener:
    """Messages of one topic.

    Args:
        client: A client for threads.
        topic: Channel of the messages.
        timeout: Seconds in which the server has to confirm the subscription.

    Raises:
        TimeoutError: it did not.
        Exception: what redis-py raises.
    """

    def __init__(self, client: Any, topic: str, timeout: float) -> None:
        self._pubsub = client.pubsub()
        self._timeout = timeout
        try:
            with within(timeout):
                self._pubsub.subscribe(topic)
                self._confirm(time.monotonic() + timeout)
        except BaseException:
            self.close()
            raise

    def receive(self, timeout: float) -> tuple[int, bytes] | None:
        """Return the next message with its number, or ``None`` if there is none for ``timeout`` seconds."""
        # A message that has begun has to end: while it does not, nobody would notice that nothing is heard.
        with within(timeout + self._timeout):
            received = self._next(timeout)
        if received.get("type") != "message":
            return None
        number, _, message = received["data"].partition(b" ")
        return int(number), message

    def close(self) -> None:
        """End the subscription."""
        self._pubsub.close()

    def _confirm(self, deadline: float) -> None:
        while self._next(deadline - time.monotonic()).get("type") != "subscribe":
            if time.monotonic() >= deadline:
                message = "the server has not confirmed a subscription"
                raise TimeoutError(message)

    def _next(self, timeout: float) -> dict[str, Any]:
        return self._pubsub.get_message(timeout=max(timeout, 0.0)) or {}
