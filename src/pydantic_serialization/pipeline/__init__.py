"""The bound pipeline: everything that is chosen once for a type, a format and a configuration.

Writing runs ``encode → compress → seal``, reading ``open → decompress → decode``; what does not apply is not bound. The
functions are closures over what was chosen: looking choices up per call costs about as much as encoding a small model
(measured in the codebases research, section 7).
"""

from pydantic_serialization.pipeline._base import OFFLOAD_BYTES, Pipeline, PipelineParts
from pydantic_serialization.pipeline.bind import bind_pipeline

__all__ = ["OFFLOAD_BYTES", "Pipeline", "PipelineParts", "bind_pipeline"]
