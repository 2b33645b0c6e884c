"""One format over all models: written, read back and compared once, then ready to be timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pydantic_serialization.benchmark.equality import same
from pydantic_serialization.benchmark.result import FormatResult
from pydantic_serialization.benchmark.timing import Candidate, candidate, per_second
from pydantic_serialization.bulk import describe_error
from pydantic_serialization.errors import SerializationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic_serialization.manager import OptimizedSerializationManager

YARDSTICK = "json"
"""The format that all others are compared with: Pydantic's own JSON."""

_MOST_PARTS = 32
_WRITE_ALIASES = "these models are read by alias and written by name: serialize with by_alias=True"


class FormatTrial:
    """One format on its way through a benchmark.

    Args:
        name: Name of the format.
        manager: Writes and reads; without compression, fallback and profiling.
        models: What is written.
        parts: How the models are cut for the timing.
    """

    def __init__(
        self, name: str, manager: OptimizedSerializationManager, models: Sequence[Any], parts: Sequence[slice]
    ) -> None:
        self.name = name
        self.writing: Candidate | None = None
        self.reading: Candidate | None = None
        self.sizes: list[int] = []
        self._manager = manager
        self._models = models
        self._parts = parts
        self._equal = False
        self._error: str | None = None
        self._advice: str | None = None

    def verify(self) -> None:
        """Write and read every model once and compare. What cannot be done is kept as the trial's error."""
        serialize, deserialize = self._manager.serialize_sync, self._manager.deserialize_sync
        models, name = self._models, self.name
        try:
            written = [serialize(model, name) for model in models]
            self.sizes = [len(data) for data in written]
            self.writing = candidate(*(_write(serialize, models[part], name) for part in self._parts))
            documents = [(data, type(model)) for data, model in zip(written, models, strict=True)]
            back = (deserialize(data, kind, name) for data, kind in documents)
            self._equal = all(same(model, read) for model, read in zip(models, back, strict=True))
            self.reading = candidate(*(_read(deserialize, documents[part], name) for part in self._parts))
        except (SerializationError, ValidationError) as error:
            self._error = describe_error(error)
        if not self._equal and self._aliases_help():
            self._advice = _WRITE_ALIASES

    def _aliases_help(self) -> bool:
        """Say whether the models come back when aliases are written, found out by doing it."""
        serialize, deserialize = self._manager.serialize_sync, self._manager.deserialize_sync
        try:
            return all(
                same(model, deserialize(serialize(model, self.name, by_alias=True), type(model), self.name))
                for model in self._models
            )
        except (SerializationError, ValidationError):
            return False

    def candidates(self) -> list[Candidate]:
        """Return what can be timed: writing and reading, as far as :meth:`verify` got."""
        return [item for item in (self.writing, self.reading) if item is not None]

    def result(self, yardstick: FormatTrial) -> FormatResult:
        """Return the figures so far, relative to those of ``yardstick``."""
        writing, reading = self.writing or Candidate([]), self.reading or Candidate([])
        count, size = len(self._models), sum(self.sizes)
        return FormatResult(
            throughput=per_second(count, writing.best),
            duration=writing.best,
            median_duration=writing.typical,
            read_throughput=per_second(count, reading.best),
            read_duration=reading.best,
            median_read_duration=reading.typical,
            total_size=size,
            avg_size=size / count,
            ratio_to_json=per_second(size, sum(yardstick.sizes)),
            speed_to_json=_faster(yardstick.writing, writing),
            read_speed_to_json=_faster(yardstick.reading, reading),
            rounds=writing.rounds,
            equal=self._equal,
            error=self._error,
            advice=self._advice,
        )


def _faster(yardstick: Candidate | None, measured: Candidate) -> float:
    return per_second(yardstick.best, measured.best) if yardstick is not None else 0.0


def _write(serialize: Callable[..., bytes], models: Sequence[Any], name: str) -> Callable[[], None]:
    def run() -> None:
        for model in models:
            serialize(model, name)

    return run


def _read(deserialize: Callable[..., Any], documents: Sequence[tuple[bytes, type]], name: str) -> Callable[[], None]:
    def run() -> None:
        for data, kind in documents:
            deserialize(data, kind, name)

    return run


def parts_of(count: int) -> list[slice]:
    """Return how ``count`` models are cut: into at most a few dozen parts of one size, except the last."""
    step = max(1, -(-count // _MOST_PARTS))
    return [slice(start, start + step) for start in range(0, count, step)]
