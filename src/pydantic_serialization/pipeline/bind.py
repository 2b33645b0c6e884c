"""Bind a pipeline out of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.pipeline._base import Pipeline
from pydantic_serialization.pipeline.reading import bind_open, bind_reading
from pydantic_serialization.pipeline.writing import bind_writing

if TYPE_CHECKING:
    from pydantic_serialization.pipeline._base import PipelineParts


def bind_pipeline(parts: PipelineParts) -> Pipeline:
    """Return the pipeline for what was chosen."""
    writing, reading = bind_writing(parts), bind_reading(parts)
    return Pipeline(
        plan=parts.plan,
        format=parts.format,
        dump=writing.dump,
        dump_with=writing.dump_with,
        begin_dump=writing.begin_dump,
        load=reading.load,
        load_with=reading.load_with,
        open=bind_open(parts),
        finish_load=reading.finish_load,
        opens_cheaply=parts.container.opens_cheaply,
        sealing=parts.container.sealing,
        pauses=parts.bound.pauses,
        serializer=parts.plan.source,
    )
