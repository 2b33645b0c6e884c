"""Gather what recommendations rest on: operations, compression, cache and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.profiling import CacheFigures, CompressionTally, Evidence, Settings, installed_engines

if TYPE_CHECKING:
    from pydantic_serialization.manager.results import ResultCache
    from pydantic_serialization.serializer import PydanticModelSerializer

_NANOSECONDS = 1e9


def gather_evidence(serializer: PydanticModelSerializer, results: ResultCache) -> Evidence:
    """Return the figures of a serializer and its cache as plain data."""
    config = serializer.config
    first_tier = results.cache.get_stats()["l1_cache"]
    return Evidence(
        operations=tuple(serializer.profiler.get_profiles().values()),
        caches=(
            CacheFigures(
                name="l1",
                lookups=first_tier["hits"] + first_tier["misses"],
                hits=first_tier["hits"],
                lookup_time=results.hit_times.mean,
                store_time=results.miss_times.mean,
            ),
        ),
        compressions=tuple(
            CompressionTally(
                codec=codec,
                level=level,
                attempts=meter.attempts,
                bytes_in=meter.bytes_in,
                bytes_out=meter.bytes_out,
                compress_time=meter.compress_ns / _NANOSECONDS,
                decompress_time=meter.decompress_ns / _NANOSECONDS,
            )
            for (codec, level), meter in serializer.compression().items()
            if meter.attempts
        ),
        settings=Settings(
            profile_threshold=config.profile_threshold,
            enable_caching=config.enable_caching,
            enable_compression=config.enable_compression,
            compression_threshold=config.compression_threshold,
        ),
        engines=installed_engines(),
    )
