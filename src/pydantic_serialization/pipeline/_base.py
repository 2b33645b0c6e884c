"""What a pipeline is, and what it is bound from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import SchemaSerializer

    from pydantic_serialization._types import DumpOptions, Input, LoadOptions
    from pydantic_serialization.container import Container, Opened, Sealing
    from pydantic_serialization.formats import BoundFormat
    from pydantic_serialization.plan import ModelPlan
    from pydantic_serialization.profiling import OperationSlot
    from pydantic_serialization.reuse import RememberedReads, RememberedWrites

OFFLOAD_BYTES = 262_144
"""Compressing or decompressing more than this is worth a worker thread: every codec releases the GIL."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The bound functions for one type, one format and one configuration.

    Attributes:
        plan: The type.
        format: Name of the format that is written; after a fallback, the fallback's.
        dump: Value to bytes.
        dump_with: Value to bytes, with Pydantic's options.
        begin_dump: Value to bytes, or to a function that finishes the work and may run in another thread.
        load: Bytes to a validated value.
        load_with: Bytes to a validated value, with Pydantic's options.
        open: Bytes to the inner payload; may run in another thread.
        finish_load: Inner payload to a validated value, with Pydantic's options, and the nanoseconds that ``open`` took.
        opens_cheaply: Says that ``open`` has nothing to decompress.
        sealing: Which results are in a sealed frame.
        pauses: The format lets other threads run while it writes or reads a long list.
        serializer: The model's serializer it was bound with, to notice ``model_rebuild``; ``None`` for other types.
    """

    plan: ModelPlan
    format: str
    dump: Callable[[Any], bytes]
    dump_with: Callable[[Any, DumpOptions], bytes]
    begin_dump: Callable[[Any, DumpOptions], bytes | Callable[[], bytes]]
    load: Callable[[Input], Any]
    load_with: Callable[[Input, LoadOptions], Any]
    open: Callable[[Input], Opened]
    finish_load: Callable[..., Any]
    opens_cheaply: Callable[[Input], bool]
    sealing: Sealing
    pauses: bool
    serializer: SchemaSerializer | None


class PipelineParts(NamedTuple):
    """What a pipeline is bound from.

    Attributes:
        plan: The type.
        format: Name of the format that is written.
        bound: That format's functions for the type.
        container: Compression and sealing.
        foreign: First bytes of input that may be of another format, so that the container has to decide who reads it.
        write_slot: Where writing is counted and timed, or ``None``.
        read_slot: Where reading is counted and timed, or ``None``.
        failed: Called once for each operation that failed.
        reads: Remembers what was read, or ``None``.
        writes: Remembers what was written, or ``None``.
    """

    plan: ModelPlan
    format: str
    bound: BoundFormat
    container: Container
    foreign: frozenset[int]
    write_slot: OperationSlot | None
    read_slot: OperationSlot | None
    failed: Callable[[], None]
    reads: RememberedReads | None
    writes: RememberedWrites | None
