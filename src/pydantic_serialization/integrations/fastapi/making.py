"""The making of a response that is to be kept: the endpoint runs, and what may be kept of its response is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from pydantic_serialization.integrations.fastapi.entries import CachedEntry, entry_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic_serialization.integrations.fastapi.exchange import Exchange


class NotKept(Exception):  # noqa: N818  (no error: it carries a result past the cache)
    """A result that must not be kept."""


class Failed(Exception):  # noqa: N818
    """What the endpoint raised, marked as not the cache's."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Making:
    """The making of one response by the endpoint.

    Attributes:
        has_run: Whether the endpoint was called.
        result: What to return to FastAPI.
        entry: What to keep, if it may be kept.
    """

    def __init__(self, exchange: Exchange, injected: Response, call: Callable[[], Awaitable[Any]]) -> None:
        self._exchange = exchange
        self._injected = injected
        self._call = call
        self.has_run = False
        self.result: Any = None
        self.entry: CachedEntry | None = None

    async def run(self) -> Any:
        """Call the endpoint, and return what FastAPI is to get."""
        self.has_run = True
        injected, binding = self._injected, self._exchange.binding
        by_dependencies = len(injected.raw_headers)
        value = await self._call()
        result = binding.respond(self._exchange, value, injected)
        if not isinstance(result, Response):
            written = binding.written_by_fastapi(value, injected)
            if written is None:
                self.result = result
                return result
            result = written
        is_users = result is value
        added = result.raw_headers if is_users else injected.raw_headers[by_dependencies:]
        self.result = result
        self.entry = entry_of(result, added, merges=not is_users)
        return result

    async def load(self) -> bytes:
        """Do what :meth:`run` does, for the cache."""
        try:
            await self.run()
        except Exception as error:  # noqa: BLE001  (every error of the endpoint is the endpoint's)
            raise Failed(error) from None
        if self.entry is None:
            raise NotKept
        return self.entry.packed()
