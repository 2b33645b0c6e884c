"""Serialized results, kept by explicit key."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypedDict, cast

from pydantic_serialization.cache import CacheManager
from pydantic_serialization.cache.keys import check_tags
from pydantic_serialization.manager._offload import dump_off_loop
from pydantic_serialization.manager.result_keys import ResultKeys, key_tag

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.config import SerializationConfig
    from pydantic_serialization.pipeline import Pipeline


_CALLERS_MISTAKES = (TypeError, ValueError, AttributeError, MemoryError)
"""Raised by a cache, these are no faults of a network: they are told."""

_UNTIMED = 15
"""Hits after which one is timed: taking the time takes as long as the hit."""


class _Schema(TypedDict, total=False):
    fingerprint: bytes | None


class MeanTime:
    """The mean of measured times, in seconds."""

    __slots__ = ("_count", "_total_ns")

    def __init__(self) -> None:
        self._count = self._total_ns = 0

    def add(self, elapsed_ns: int) -> None:
        """Take in one time, in nanoseconds."""
        self._count += 1
        self._total_ns += elapsed_ns

    @property
    def mean(self) -> float | None:
        """The mean in seconds, or ``None`` before the first time."""
        return self._total_ns / self._count / 1e9 if self._count else None


class _Failed(Exception):  # noqa: N818  (no error of its own: it carries one through the cache)
    """What a loader raised, marked as not the cache's, for every caller that waited for it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Making:
    """The making of one result inside a load of the cache: how long it took, and what it raised."""

    __slots__ = ("_make", "_started", "elapsed_ns")

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._started = perf_counter_ns()
        self.elapsed_ns = 0

    async def load(self) -> bytes:
        began = perf_counter_ns()
        try:
            return cast("bytes", await self._make())
        except Exception as error:  # noqa: BLE001  (every error of a loader is the loader's)
            raise _Failed(error) from None
        finally:
            self.elapsed_ns = perf_counter_ns() - began

    def load_sync(self) -> bytes:
        began = perf_counter_ns()
        try:
            return cast("bytes", self._make())
        except Exception as error:  # noqa: BLE001  (every error of a loader is the loader's)
            raise _Failed(error) from None
        finally:
            self.elapsed_ns = perf_counter_ns() - began

    def other_ns(self) -> int:
        """Return the nanoseconds since the beginning that were not spent on making."""
        return perf_counter_ns() - self._started - self.elapsed_ns


class ResultCache:
    """Finds a result by its key, or makes and keeps it. A fault of the cache is a miss and a counter.

    Attributes:
        keys: Makes the keys of results.
        hit_times: What finding an entry takes.
        miss_times: What looking in vain and keeping a new entry takes, without making it.

    Args:
        cache: Where results are kept.
        config: Settings; a change takes effect on the next call.
    """

    def __init__(self, cache: CacheManager, config: SerializationConfig) -> None:
        self.cache = cache
        self.faults = 0
        self.hit_times = MeanTime()
        self.miss_times = MeanTime()
        self._config = config
        # A cache of another kind, or one whose get_or_load is another, is asked by that.
        self._get_fresh = cache.get_fresh if type(cache) is CacheManager else None
        self._untimed = 0
        self.keys = ResultKeys(config, refuses_pickles=getattr(cache, "shares_unsigned", False))

    def find(self, key: str) -> bytes | None:
        """Return the entry under ``key`` if this process has it and it is fresh, for which nothing else is needed."""
        get_fresh = self._get_fresh
        if get_fresh is None:
            return None
        if self._untimed:
            self._untimed -= 1
            return get_fresh(key)
        began = perf_counter_ns()
        found = get_fresh(key)
        if found is not None:
            self.hit_times.add(perf_counter_ns() - began)
            self._untimed = _UNTIMED
        return found

    async def get_or_dump(
        self,
        pipeline: Pipeline,
        model: Any,
        options: DumpOptions,
        cache_key: str,
        *,
        ttl: float | None,
        tags: Iterable[str],
    ) -> bytes:
        """Return what is kept for ``cache_key``, or the bytes of ``model``, which are then kept."""
        key = self.keys.of_model(pipeline, cache_key, options)
        found = self.find(key)
        if found is not None:
            return found
        all_tags = (*check_tags(tags), key_tag(cache_key))
        return await self.get_or_make(
            key,
            lambda: dump_off_loop(pipeline, model, options),
            ttl=ttl,
            tags=all_tags,
            fingerprint=pipeline.plan.fingerprint,
        )

    def get_or_dump_sync(
        self,
        pipeline: Pipeline,
        model: Any,
        options: DumpOptions,
        cache_key: str,
        *,
        ttl: float | None,
        tags: Iterable[str],
    ) -> bytes:
        """Do what :meth:`get_or_dump` does, without an event loop."""
        key = self.keys.of_model(pipeline, cache_key, options)
        found = self.find(key)
        if found is not None:
            return found
        all_tags = (*check_tags(tags), key_tag(cache_key))
        return self.get_or_make_sync(
            key,
            lambda: pipeline.dump_with(model, options),
            ttl=ttl,
            tags=all_tags,
            fingerprint=pipeline.plan.fingerprint,
        )

    async def get_or_make(
        self,
        key: str,
        make: Callable[[], Awaitable[bytes]],
        *,
        ttl: float | None,
        tags: Iterable[str],
        fingerprint: bytes | None = None,
    ) -> bytes:
        """Return the entry under ``key``, or what ``make`` returns, which is then kept for ``ttl`` seconds.

        Concurrent callers share one making, and its error. ``fingerprint`` is the schema's, where it is known.

        Raises:
            Exception: whatever ``make`` raises.
        """
        making = _Making(make)
        try:
            found = await self.cache.get_or_load(
                key, making.load, ttl=self._ttl(ttl), tags=tags, **self._schema(fingerprint)
            )
        except _Failed as failed:
            error = failed.error
        except _CALLERS_MISTAKES:
            raise
        except Exception:  # noqa: BLE001  (whatever a cache raises is a miss)
            self.faults += 1
            return await make()
        else:
            return self._timed(making, found)
        raise error  # outside the handler: the caller's traceback is about making, not about the cache

    def get_or_make_sync(
        self,
        key: str,
        make: Callable[[], bytes],
        *,
        ttl: float | None,
        tags: Iterable[str],
        fingerprint: bytes | None = None,
    ) -> bytes:
        """Do what :meth:`get_or_make` does, without an event loop."""
        making = _Making(make)
        try:
            found = self.cache.get_or_load_sync(
                key, making.load_sync, ttl=self._ttl(ttl), tags=tags, **self._schema(fingerprint)
            )
        except _Failed as failed:
            error = failed.error
        except _CALLERS_MISTAKES:
            raise
        except Exception:  # noqa: BLE001  (whatever a cache raises is a miss)
            self.faults += 1
            return make()
        else:
            return self._timed(making, found)
        raise error

    def _timed(self, making: _Making, found: bytes | None) -> bytes:
        (self.miss_times if making.elapsed_ns else self.hit_times).add(making.other_ns())
        return cast("bytes", found)

    def _schema(self, fingerprint: bytes | None) -> _Schema:
        # Caches of others need not know it: it is in the key too.
        cache: object = self.cache
        return _Schema(fingerprint=fingerprint) if isinstance(cache, CacheManager) else _Schema()

    def _ttl(self, ttl: float | None) -> float:
        return self._config.cache_ttl if ttl is None else ttl
