"""The one bridge between pipelines and the event loop: long compression runs in a worker thread, the rest on the loop.

Only work that releases the GIL is worth a thread. Encoding and validating hold it: a thread would stall the loop too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic_serialization.pipeline import OFFLOAD_BYTES

if TYPE_CHECKING:
    from pydantic_serialization._types import DumpOptions, Input, LoadOptions
    from pydantic_serialization.pipeline import Pipeline


async def dump_off_loop(pipeline: Pipeline, model: Any, options: DumpOptions) -> bytes:
    """Return the bytes of a value; a large result is compressed in a worker thread."""
    result = pipeline.begin_dump(model, options)
    return result if isinstance(result, bytes) else await asyncio.to_thread(result)


async def load_off_loop(pipeline: Pipeline, data: Input, options: LoadOptions) -> Any:
    """Return the value in ``data``; large compressed input is decompressed in a worker thread."""
    if len(data) >= OFFLOAD_BYTES and not pipeline.opens_cheaply(data):
        return pipeline.finish_load(await asyncio.to_thread(pipeline.open, data), options)
    return pipeline.load_with(data, options) if options else pipeline.load(data)
