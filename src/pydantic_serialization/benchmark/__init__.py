"""benchmark_serialization: what each format and codec does to the user's own models, on the user's own machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.benchmark.result import BenchmarkReport
from pydantic_serialization.benchmark.runner import Benchmark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic_serialization.config import SerializationConfig

__all__ = ["Benchmark", "BenchmarkReport", "benchmark_serialization"]


def benchmark_serialization(
    models: Iterable[Any],
    config: SerializationConfig | None = None,
    *,
    formats: Sequence[str] | None = None,
    codecs: Sequence[str] | None = None,
    seconds: float = 2.0,
    progress: Callable[[float, str], None] | None = None,
) -> BenchmarkReport:
    """Measure every format and codec over the same models, and check that what is read equals what was written.

    Everything goes through a manager's public methods. Compression, caching, fallback and profiling are off while the
    formats are compared, whatever ``config`` says, since each would hide the difference; its other settings hold. The
    candidates take turns round by round. The garbage collector stays as it is, and the report says how it was.

    Args:
        models: The models; of several classes, each is written and read as its own class, and what needs one type for
            many models (``compression_levels``, ``sizes``, batches) is measured with the most frequent one.
        config: Settings such as ``strict_validation`` and ``max_payload_bytes``; the defaults if ``None``.
        formats: Names of formats; every installed one if ``None``. Pydantic's JSON, the yardstick, is always measured.
        codecs: Names of codecs; every installed one if ``None``.
        seconds: How long to measure. Every figure is taken at least once, so many or large models take longer.
        progress: Called now and then with the share that is done, 0 to 1, and with what is being measured.

    Returns:
        See :class:`BenchmarkReport`; ``report["formats"][name]["throughput"]`` is in models per second.

    Raises:
        ValueError: there are no models, or ``seconds`` is not positive.
        UnknownFormatError: there is no such format.
        UnknownCodecError: there is no such codec.
        MissingDependencyError: the library of a format or codec that was named is not installed.
    """
    benchmark = Benchmark(models, config, formats=formats, codecs=codecs, seconds=seconds, progress=progress)
    benchmark.run()
    return benchmark.report()
