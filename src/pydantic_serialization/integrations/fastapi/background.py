"""Work after the response: serialize, and write to the cache, while the client already has its answer."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from pydantic_serialization.integrations.fastapi.declared import declared_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.background import BackgroundTasks

    from pydantic_serialization.cache import CacheManager
    from pydantic_serialization.config import SerializationFormat

_log = logging.getLogger(__name__)


def serialize_in_background(
    background: BackgroundTasks,
    value: Any,
    deliver: Callable[[bytes], Any],
    model: Any = None,
    *,
    format: SerializationFormat | str = "json",  # noqa: A002
) -> None:
    """Serialize a value after the response was sent, and hand its bytes to a function.

    Do not change the value any more: what is written is what it holds then.

    Args:
        background: FastAPI's tasks of the request.
        value: A model, or anything that Pydantic knows.
        deliver: Takes the bytes: writes a file, sends a message. May be ``async def``; if it is not, it runs in a
            thread. What it raises is raised in the background task.
        model: The declared type; the value's own if ``None``.
        format: A format.

    Raises:
        UnsupportedTypeError: the format cannot represent the type.
        UnknownFormatError: nobody knows the format.
    """
    encode = declared_encoder(type(value) if model is None else model, str(getattr(format, "value", format)))
    if inspect.iscoroutinefunction(deliver):

        async def task() -> None:
            await deliver(encode(value))

        background.add_task(task)
    else:
        background.add_task(lambda: deliver(encode(value)))


def cache_after(
    background: BackgroundTasks,
    cache: CacheManager,
    key: str,
    value: Any,
    ttl: float | None = None,
    *,
    model: Any = None,
    format: SerializationFormat | str = "json",  # noqa: A002
    tags: Iterable[str] = (),
) -> None:
    """Write a value to the cache after the response was sent (write-behind).

    A fault of the cache is logged and goes no further: the response has been sent. Do not change the value any more.

    Args:
        background: FastAPI's tasks of the request.
        cache: The cache.
        key: The key.
        value: A model, or anything that Pydantic knows; ``bytes`` are stored as they are.
        ttl: Seconds; the cache's default if ``None``.
        model: The declared type; the value's own if ``None``.
        format: A format.
        tags: Names by which the entry can be invalidated.

    Raises:
        UnsupportedTypeError: the format cannot represent the type.
        UnknownFormatError: nobody knows the format.
    """
    names = tuple(tags)
    ready = isinstance(value, bytes) and model is None
    encode = None
    if not ready:
        encode = declared_encoder(type(value) if model is None else model, str(getattr(format, "value", format)))

    async def task() -> None:
        try:
            await cache.set(key, value if encode is None else encode(value), ttl, names)
        except Exception as error:  # noqa: BLE001  (nobody is left to be told)
            # The class only: texts of serializers and clients repeat values and keys.
            _log.warning("writing to the cache after a response failed with %s", type(error).__qualname__)

    background.add_task(task)
