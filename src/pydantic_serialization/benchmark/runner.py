"""A benchmark as a run that can be watched, and interrupted without losing what was measured."""

from __future__ import annotations

from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from pydantic_serialization.benchmark.batches import (
    LEVELS,
    BatchTrial,
    CompressionTrial,
    as_many_as_fit,
    batch_trials,
    compression_trial,
    one_class,
    sizes_by_codec,
)
from pydantic_serialization.benchmark.environment import describe_environment
from pydantic_serialization.benchmark.result import SCHEMA_VERSION, BenchmarkReport, ModelSizes
from pydantic_serialization.benchmark.timing import time_together
from pydantic_serialization.benchmark.trials import YARDSTICK, FormatTrial, parts_of
from pydantic_serialization.codecs import available_codecs, get_codec
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import SerializationError
from pydantic_serialization.formats import available_formats, get_format
from pydantic_serialization.manager import create_serialization_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SHARE_FORMATS, _SHARE_CODECS, _SHARE_BATCHES = 0.6, 0.25, 0.15


class Benchmark:
    """Measures formats, codecs and batches over the same models; see :func:`benchmark_serialization` for the arguments.

    Attributes:
        models: What is measured.
        formats: Names of the formats that are measured, the yardstick first.

    Raises:
        ValueError: there are no models, or ``seconds`` is not positive.
        UnknownFormatError: there is no such format.
        UnknownCodecError: there is no such codec.
        MissingDependencyError: the library of a format or codec that was named is not installed.
    """

    def __init__(
        self,
        models: Iterable[Any],
        config: SerializationConfig | None = None,
        *,
        formats: Sequence[str] | None = None,
        codecs: Sequence[str] | None = None,
        seconds: float = 2.0,
        progress: Callable[[float, str], None] | None = None,
    ) -> None:
        self.models = list(models)
        if not self.models:
            message = "benchmark_serialization needs at least one model; it was given none"
            raise ValueError(message)
        if not seconds > 0:
            message = f"seconds is {seconds}; a benchmark takes a positive number of seconds"
            raise ValueError(message)
        self.formats = _chosen(formats, available_formats(), get_format, first=YARDSTICK)
        self._codecs = _chosen(codecs, available_codecs(), get_codec)
        self._seconds = seconds
        self._progress = progress if progress is not None else _unwatched
        self._manager = create_serialization_manager(_plain(config))
        self._environment = describe_environment()
        parts = parts_of(len(self.models))
        self._trials = {name: FormatTrial(name, self._manager, self.models, parts) for name in self.formats}
        self._compression: list[CompressionTrial] = []
        self._batches: list[BatchTrial] = []
        self._sizes: dict[str, dict[str, int]] = {}
        self._complete = False

    def run(self) -> None:
        """Measure everything. After an exception, ``KeyboardInterrupt`` included, :meth:`report` has what there is."""
        for number, trial in enumerate(self._trials.values()):
            self._progress(0.1 * number / len(self._trials), f"checking {trial.name}")
            trial.verify()
        timed = [item for trial in self._trials.values() for item in trial.candidates()]
        time_together(timed, self._seconds * _SHARE_FORMATS, self._ticks(0.1, 0.6, "writing and reading"))
        self._run_codecs()
        self._run_batches()
        self._complete = True
        self._progress(1.0, "done")

    def report(self) -> BenchmarkReport:
        """Return the figures so far."""
        yardstick = self._trials[YARDSTICK]
        return BenchmarkReport(
            schema_version=SCHEMA_VERSION,
            models=len(self.models),
            model_classes=sorted({type(model).__qualname__ for model in self.models}),
            formats={name: trial.result(yardstick) for name, trial in self._trials.items()},
            compression_levels={f"{trial.codec}:{trial.level}": trial.result() for trial in self._compression},
            sizes=self._sizes,
            model_sizes=_distribution(yardstick.sizes, self._batches),
            environment=self._environment,
            complete=self._complete,
        )

    def _run_codecs(self) -> None:
        self._progress(0.6, "compressing")
        group = one_class(self.models)
        some = as_many_as_fit(group, [len(self._json(model)) for model in group])
        try:
            payload = self._manager.serialize_models_sync(some, YARDSTICK, model_class=type(some[0]))
        except SerializationError:  # the yardstick's own trial carries the error
            return
        self._sizes = sizes_by_codec(self._manager, some, self.formats, self._codecs)
        for name in self._codecs:
            for level in LEVELS:
                self._progress(0.65, f"compressing with {name}:{level.value}")
                self._compression.append(compression_trial(get_codec(name), level, payload))
        timed = [item for trial in self._compression for item in (trial.compressing, trial.decompressing)]
        time_together(timed, self._seconds * _SHARE_CODECS, self._ticks(0.65, 0.85, "compressing"))

    def _run_batches(self) -> None:
        self._progress(0.85, "batches")
        self._batches = list(batch_trials(self._manager, one_class(self.models)))
        timed = [item for trial in self._batches for item in (trial.writing, trial.reading)]
        time_together(timed, self._seconds * _SHARE_BATCHES, self._ticks(0.85, 1.0, "batches"))

    def _json(self, model: Any) -> bytes:
        try:
            return self._manager.serialize_sync(model, YARDSTICK)
        except SerializationError:
            return b""

    def _ticks(self, start: float, end: float, label: str) -> Callable[[float], None]:
        return lambda share: self._progress(start + (end - start) * share, label)


def _plain(config: SerializationConfig | None) -> SerializationConfig:
    """Return the settings with everything off that would hide the difference between formats."""
    given = dict(config) if config is not None else {}
    off = {"enable_compression": False, "enable_profiling": False, "enable_caching": False, "fallback_format": None}
    return SerializationConfig(**{**given, **off})


def _chosen(
    names: Sequence[str] | None,
    installed: Sequence[str],
    get: Callable[[str], Any],
    first: str | None = None,
) -> list[str]:
    """Return canonical names without repetition; ``get`` raises for those that cannot be used."""
    wanted = [get(name).name for name in names] if names is not None else list(installed)
    return list(dict.fromkeys([first, *wanted] if first is not None else wanted))


def _distribution(sizes: Sequence[int], batches: Sequence[BatchTrial]) -> ModelSizes:
    ordered = sorted(sizes) or [0]
    return ModelSizes(
        count=len(sizes),
        min=ordered[0],
        mean=fmean(ordered),
        median=median(ordered),
        p95=ordered[round(0.95 * (len(ordered) - 1))],
        max=ordered[-1],
        batches={str(trial.models): trial.result() for trial in batches},
    )


def _unwatched(_share: float, _label: str) -> None:
    """What is told about the progress where nobody asked."""
