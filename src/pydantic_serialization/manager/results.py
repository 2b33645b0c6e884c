"""Serialized results, kept by explicit key."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, cast

from pydantic_serialization.cache import encode_parts
from pydantic_serialization.manager._offload import dump_off_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.cache import CacheManager
    from pydantic_serialization.config import SerializationConfig, SerializationFormat
    from pydantic_serialization.pipeline import Pipeline


_LONGEST_TAGGED = 1000
"""Characters; tags are bounded as keys are."""


def key_tag(cache_key: str) -> str:
    """Return the tag that every entry of ``cache_key`` carries, whatever its format, type and options."""
    return f"key:{cache_key if len(cache_key) <= _LONGEST_TAGGED else encode_parts(cache_key)}"


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


class ResultCache:
    """Finds a result by its key, or makes and keeps it. A fault of the cache is a miss and a counter.

    Attributes:
        hit_times: What finding an entry takes.
        miss_times: What looking in vain and keeping a new entry takes, without making it.

    Args:
        cache: Where results are kept.
        config: Settings; read on each call.
    """

    def __init__(self, cache: CacheManager, config: SerializationConfig) -> None:
        self.cache = cache
        self.faults = 0
        self.hit_times = MeanTime()
        self.miss_times = MeanTime()
        self._config = config

    def key(self, pipeline: Pipeline, cache_key: str, options: Mapping[str, Any]) -> str:
        """Return the key of an entry: the caller's, and everything else that the bytes depend on.

        Raises:
            TypeError: an option cannot be part of a key, such as a ``context`` of one's own class.
        """
        if not isinstance(cache_key, str):
            message = f"cache_key is a string, not {type(cache_key).__name__}"
            raise TypeError(message)
        plan = pipeline.plan
        return encode_parts(cache_key, pipeline.format, plan.name, plan.fingerprint, self._packed(), dict(options))

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
        key = self.key(pipeline, cache_key, options)
        all_tags = (*tags, key_tag(cache_key))
        return await self.get_or_make(key, lambda: dump_off_loop(pipeline, model, options), ttl=ttl, tags=all_tags)

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
        key = self.key(pipeline, cache_key, options)
        all_tags = (*tags, key_tag(cache_key))
        return self.get_or_make_sync(key, lambda: pipeline.dump_with(model, options), ttl=ttl, tags=all_tags)

    def call_key(
        self, function: str, fingerprint: bytes, wanted: SerializationFormat | str | None, cache_key: str
    ) -> str:
        """Return the key of what a decorated function returned; the arguments are in ``cache_key``."""
        written = self._config.default_format if wanted is None else wanted
        return encode_parts(
            "function", function, fingerprint, str(getattr(written, "value", written)), self._packed(), cache_key
        )

    def _packed(self) -> tuple[str | bool, ...]:
        config = self._config
        # With keys, results that were sealed without one are not read any more.
        signed = bool(config.signing_keys)
        return (
            (config.compression_codec, config.compression_level.value, signed)
            if config.enable_compression
            else (signed,)
        )

    async def get_or_make(
        self, key: str, make: Callable[[], Awaitable[bytes]], *, ttl: float | None, tags: Iterable[str]
    ) -> bytes:
        """Return the entry under ``key``, or what ``make`` returns, which is then kept for ``ttl`` seconds.

        Raises:
            Exception: whatever ``make`` raises.
        """
        failures: list[Exception] = []
        made_ns = 0
        started = perf_counter_ns()

        async def load() -> bytes:
            nonlocal made_ns
            began = perf_counter_ns()
            try:
                return await make()
            except Exception as error:
                failures.append(error)
                raise
            finally:
                made_ns = perf_counter_ns() - began

        try:
            found = await self.cache.get_or_load(key, load, ttl=self._ttl(ttl), tags=tags)
        except Exception as error:
            if error in failures or not _is_fault(error):
                raise
            self.faults += 1
            return await make()
        elapsed = perf_counter_ns() - started
        (self.miss_times if made_ns else self.hit_times).add(elapsed - made_ns)
        return cast("bytes", found)

    def get_or_make_sync(self, key: str, make: Callable[[], bytes], *, ttl: float | None, tags: Iterable[str]) -> bytes:
        """Do what :meth:`get_or_make` does, without an event loop."""
        failures: list[Exception] = []
        made_ns = 0
        started = perf_counter_ns()

        def load() -> bytes:
            nonlocal made_ns
            began = perf_counter_ns()
            try:
                return make()
            except Exception as error:
                failures.append(error)
                raise
            finally:
                made_ns = perf_counter_ns() - began

        try:
            found = self.cache.get_or_load_sync(key, load, ttl=self._ttl(ttl), tags=tags)
        except Exception as error:
            if error in failures or not _is_fault(error):
                raise
            self.faults += 1
            return make()
        elapsed = perf_counter_ns() - started
        (self.miss_times if made_ns else self.hit_times).add(elapsed - made_ns)
        return cast("bytes", found)

    def _ttl(self, ttl: float | None) -> float:
        return self._config.cache_ttl if ttl is None else ttl


def _is_fault(error: Exception) -> bool:
    """Say whether this is the cache's failure, rather than a caller's mistake or a shortage of memory."""
    return not isinstance(error, (TypeError, ValueError, MemoryError))
