"""Many models in one document: what their number and compression make of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from pydantic_serialization.benchmark.result import BatchResult, CompressionResult
from pydantic_serialization.benchmark.timing import Candidate, candidate, per_second
from pydantic_serialization.codecs import get_codec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import SerializationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_serialization.codecs import Codec
    from pydantic_serialization.manager import OptimizedSerializationManager

BATCHES = (1, 10, 100, 1000)
"""Numbers of models in one document."""
LEVELS = (CompressionLevel.FAST, CompressionLevel.BALANCED, CompressionLevel.MAX)
_COMPRESSED_BYTES = 64 * 1024
"""Of JSON: a large response, for which brotli's best quality takes about a quarter of a second."""


class CompressionTrial(NamedTuple):
    """One codec at one level, ready to be timed."""

    codec: str
    level: str
    payload_size: int
    size: int
    compressing: Candidate
    decompressing: Candidate

    def result(self) -> CompressionResult:
        """Return the figures so far."""
        return CompressionResult(
            codec=self.codec,
            level=self.level,
            payload_size=self.payload_size,
            size=self.size,
            ratio=per_second(self.payload_size, self.size),
            compress_throughput=per_second(self.payload_size, self.compressing.best),
            decompress_throughput=per_second(self.payload_size, self.decompressing.best),
        )


class BatchTrial(NamedTuple):
    """One number of models in one document, ready to be timed."""

    models: int
    size: int
    writing: Candidate
    reading: Candidate

    def result(self) -> BatchResult:
        """Return the figures so far."""
        return BatchResult(
            models=self.models,
            size=self.size,
            throughput=per_second(self.models, self.writing.best),
            read_throughput=per_second(self.models, self.reading.best),
        )


def one_class(models: Sequence[Any]) -> list[Any]:
    """Return the models of the class that most of them have: one document has one declared type."""
    commonest = Counter(map(type, models)).most_common(1)[0][0]
    return [model for model in models if type(model) is commonest]


def as_many_as_fit(models: Sequence[Any], sizes: Sequence[int], limit: int = _COMPRESSED_BYTES) -> list[Any]:
    """Return the models that have at most ``limit`` bytes together, taken in their order; the smallest if none fits."""
    chosen: list[Any] = []
    room = limit
    for model, size in zip(models, sizes, strict=True):
        if size <= room:
            chosen.append(model)
            room -= size
    return chosen or [models[min(range(len(sizes)), key=sizes.__getitem__)]]


def compression_trial(codec: Codec, level: CompressionLevel, payload: bytes) -> CompressionTrial:
    """Return one codec at one level over ``payload``, each direction run once."""
    compress = codec.compressor(level)
    packed = compress(payload)
    limit = len(payload)
    return CompressionTrial(
        codec=codec.name,
        level=level.value,
        payload_size=len(payload),
        size=len(packed),
        compressing=candidate(lambda: compress(payload)),
        decompressing=candidate(lambda: codec.decompress(packed, limit=limit)),
    )


def batch_trials(manager: OptimizedSerializationManager, models: Sequence[Any]) -> Iterator[BatchTrial]:
    """Yield a trial for each number of :data:`BATCHES` that ``models`` are enough for."""
    kind = type(models[0])
    for count in BATCHES:
        if count > len(models):
            return
        try:
            yield _batch_trial(manager, list(models[:count]), kind)
        except (SerializationError, ValidationError):  # reported for the format itself; a batch adds nothing to that
            return


def _batch_trial(manager: OptimizedSerializationManager, batch: list[Any], kind: type[Any]) -> BatchTrial:
    data = manager.serialize_models_sync(batch, model_class=kind)
    return BatchTrial(
        models=len(batch),
        size=len(data),
        writing=candidate(lambda: manager.serialize_models_sync(batch, model_class=kind)),
        reading=candidate(lambda: manager.deserialize_models_sync(data, kind)),
    )


def sizes_by_codec(
    manager: OptimizedSerializationManager, models: Sequence[Any], formats: Sequence[str], codecs: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Return the bytes of one document of ``models`` by format, and by codec at its balanced level or ``"none"``."""
    sizes: dict[str, dict[str, int]] = {}
    compressors = {name: get_codec(name).compressor(CompressionLevel.BALANCED) for name in codecs}
    for name in formats:
        try:
            payload = manager.serialize_models_sync(models, name, model_class=type(models[0]))
        except SerializationError:
            continue
        sizes[name] = {"none": len(payload)}
        sizes[name] |= {codec: len(compress(payload)) for codec, compress in compressors.items()}
    return sizes
