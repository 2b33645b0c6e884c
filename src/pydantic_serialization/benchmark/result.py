"""What a benchmark returns: plain JSON values, the same keys in every run."""

from __future__ import annotations

from typing import TypedDict

SCHEMA_VERSION = 1
"""Of the report; raised when a key changes its meaning."""


class FormatResult(TypedDict):
    """One format over all models, written and read one by one. Figures are 0 where ``error`` stopped the measuring.

    A duration comes from the shortest rounds, which a busy machine lengthens least, and every speed follows from it;
    its ``median_`` twin comes from the median rounds. Far apart, the two say that the machine was busy.
    """

    throughput: float
    """Models written per second."""
    duration: float
    """Seconds to write every model once."""
    median_duration: float
    read_throughput: float
    """Models read and validated per second."""
    read_duration: float
    """Seconds to read every model once."""
    median_read_duration: float
    total_size: int
    """Bytes of all models, each its own document, uncompressed."""
    avg_size: float
    """Bytes of one document."""
    ratio_to_json: float
    """``total_size`` as a share of JSON's."""
    speed_to_json: float
    """Speed of writing as a multiple of JSON's."""
    read_speed_to_json: float
    """Speed of reading as a multiple of JSON's."""
    rounds: int
    equal: bool
    """Whether every model that was read equals the one that was written."""
    error: str | None
    """Why the format cannot write or read these models; ``None`` if it can."""
    advice: str | None
    """What brings models back that did not come back equal; ``None`` if they did, or if nothing is known to help."""


class CompressionResult(TypedDict):
    """One codec at one level, over one JSON document of many models."""

    codec: str
    level: str
    payload_size: int
    """Bytes before compression."""
    size: int
    """Bytes after it."""
    ratio: float
    """``payload_size / size``."""
    compress_throughput: float
    """Bytes of payload per second."""
    decompress_throughput: float
    """Bytes of payload per second."""


class BatchResult(TypedDict):
    """Many models in one document of the default format, uncompressed."""

    models: int
    size: int
    """Bytes of the document."""
    throughput: float
    """Models written per second."""
    read_throughput: float
    """Models read and validated per second."""


class ModelSizes(TypedDict):
    """How large the models are as JSON, in bytes, and what their number in one document changes."""

    count: int
    min: int
    mean: float
    median: float
    p95: float
    max: int
    batches: dict[str, BatchResult]
    """By number of models: ``"1"``, ``"10"``, ``"100"``, ``"1000"``, as far as there are as many."""


class Environment(TypedDict):
    """Where the figures were taken."""

    package: str
    backend: str
    python: str
    implementation: str
    pydantic: str
    pydantic_core: str
    platform: str
    cpu_count: int
    load_average: float
    """Processes that wanted to run over the last minute, when the benchmark began; 0 where the system does not tell."""
    gil: bool
    gc_enabled: bool


class BenchmarkReport(TypedDict):
    """What :func:`benchmark_serialization` returns."""

    schema_version: int
    models: int
    """How many models were measured."""
    model_classes: list[str]
    formats: dict[str, FormatResult]
    """By name; ``"json"``, Pydantic's own, is the yardstick and always there."""
    compression_levels: dict[str, CompressionResult]
    """By ``"codec:level"``, such as ``"gzip:fast"``."""
    sizes: dict[str, dict[str, int]]
    """Bytes of one document of many models, by format and codec at its balanced level; ``"none"`` is uncompressed."""
    model_sizes: ModelSizes
    environment: Environment
    complete: bool
    """``False`` if the run was interrupted and some figures are missing."""
