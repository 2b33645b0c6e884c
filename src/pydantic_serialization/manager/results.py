"""Serialized results, kept by explicit key."""

from __future__ import annotations

from hashlib import blake2b
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypedDict, cast

from pydantic_serialization.cache import CacheManager, encode_parts
from pydantic_serialization.cache.keys import check_tags
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.manager._offload import dump_off_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.config import SerializationConfig, SerializationFormat
    from pydantic_serialization.pipeline import Pipeline


_LONGEST_TAGGED = 1000
"""Characters; tags are bounded as keys are."""


_CALLERS_MISTAKES = (TypeError, ValueError, AttributeError, MemoryError)
"""Raised by a cache, these are no faults of a network: they are told."""


def key_tag(cache_key: str) -> str:
    """Return the tag that every entry of ``cache_key`` carries, whatever its format, type and options."""
    return f"key:{cache_key if len(cache_key) <= _LONGEST_TAGGED else encode_parts(cache_key)}"


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
        self._settings_changed()
        config.on_change(self._settings_changed)

    def key(self, pipeline: Pipeline, cache_key: str, options: Mapping[str, Any]) -> str:
        """Return the key of an entry: the caller's, and everything else that the bytes depend on.

        Raises:
            TypeError: an option cannot be part of a key, such as a ``context`` of one's own class.
            ConfigurationError: the format is pickle, and the shared tier is not signed.
        """
        if not isinstance(cache_key, str):
            message = f"cache_key is a string, not {type(cache_key).__name__}"
            raise TypeError(message)
        plan = pipeline.plan
        self._refuse_unsigned_pickles(pipeline.format)
        return encode_parts(cache_key, pipeline.format, plan.name, plan.fingerprint, self._variant, dict(options))

    def call_key(
        self, function: str, fingerprint: bytes, wanted: SerializationFormat | str | None, cache_key: str
    ) -> str:
        """Return the key of what a decorated function returned; the arguments are in ``cache_key``."""
        written = self._config.default_format if wanted is None else wanted
        name = str(getattr(written, "value", written))
        self._refuse_unsigned_pickles(name)
        return encode_parts("function", function, fingerprint, name, self._variant, cache_key)

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
        key = self.key(pipeline, cache_key, options)
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

    def _refuse_unsigned_pickles(self, format_name: str) -> None:
        if format_name == "pickle" and getattr(self.cache, "shares_unsigned", False):
            message = (
                "pickled results are not kept in a shared cache without signing_keys: set them, or use another format"
            )
            raise ConfigurationError(message)

    def _ttl(self, ttl: float | None) -> float:
        return self._config.cache_ttl if ttl is None else ttl

    def _settings_changed(self) -> None:
        """Make anew what stands in every key for the settings that bytes depend on: another setting, another entry."""
        config = self._config
        digest = blake2b(digest_size=16)
        for secret in config.secrets():
            digest.update(blake2b(secret, digest_size=16).digest())
        self._variant = encode_parts(
            config.enable_compression,
            config.compression_codec,
            config.compression_level.value,
            config.compression_threshold,
            config.max_payload_bytes,
            str(getattr(config.fallback_format, "value", config.fallback_format)),
            config.signing_algorithm,
            digest.digest(),
        )
