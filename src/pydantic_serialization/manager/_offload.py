"""The one bridge between pipelines and the event loop: long work runs in a worker thread, the rest on the loop.

Only work that lets others run is worth a thread: compression, and what the native core does item by item. Pydantic's own
encoding and validating hold the GIL from start to end: in a thread they would stall the loop too.
"""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_serialization._native import core
from pydantic_serialization.pipeline import OFFLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import DumpOptions, Input, LoadOptions
    from pydantic_serialization.pipeline import Pipeline

ResultT = TypeVar("ResultT")

MANY_VALUES = 8192
"""Fewer of them are written in less time than the way to a thread and back takes."""


async def dump_off_loop(pipeline: Pipeline, model: Any, options: DumpOptions) -> bytes:
    """Return the bytes of a value; what is large is written, and a large result compressed, in a worker thread."""
    if pipeline.pauses and core is not None and core.holds_many(model, MANY_VALUES):
        return await asyncio.to_thread(pipeline.dump_with, model, options)
    result = pipeline.begin_dump(model, options)
    return result if isinstance(result, bytes) else await asyncio.to_thread(result)


async def load_off_loop(pipeline: Pipeline, data: Input, options: LoadOptions) -> Any:
    """Return the value in ``data``; large input is read, or only decompressed, in a worker thread."""
    if not isinstance(data, (bytes, bytearray, memoryview, str)):  # len() of it may mean anything
        return pipeline.load(data)
    if len(data) >= OFFLOAD_BYTES and pipeline.pauses:
        return await asyncio.to_thread(pipeline.load_with, data, options)
    if len(data) >= OFFLOAD_BYTES and not pipeline.opens_cheaply(data):
        opened, elapsed = await asyncio.to_thread(_timed, pipeline.open, data)
        return pipeline.finish_load(opened, options, elapsed)
    return pipeline.load_with(data, options) if options else pipeline.load(data)


def _timed(call: Callable[[Input], ResultT], data: Input) -> tuple[ResultT, int]:
    """Return the result of a call, and the nanoseconds it took."""
    started = perf_counter_ns()
    return call(data), perf_counter_ns() - started
