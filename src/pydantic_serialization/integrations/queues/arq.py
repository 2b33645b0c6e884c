"""arq: jobs and results without pickle, which is arq's default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_serialization.integrations.queues.codec import TaggedCodec

_RESULT = "r"
_FAULT = "pydantic_serialization: error"


class RemoteError(Exception):
    """A job has failed in a worker. The text names the class of its error, which is not rebuilt here, and its text."""


class ModelJobs:
    """The two functions that arq takes, for ``create_pool(...)`` and for ``WorkerSettings``.

    ::

        jobs = ModelJobs(codec)
        pool = await create_pool(settings, job_serializer=jobs.dumps, job_deserializer=jobs.loads)

        class WorkerSettings:
            job_serializer = jobs.dumps
            job_deserializer = jobs.loads
    """

    def __init__(self, codec: TaggedCodec) -> None:
        self._codec = codec

    def dumps(self, job: dict[str, Any]) -> bytes:
        """Return the bytes of a job or a result."""
        error = job.get(_RESULT)
        if isinstance(error, BaseException):
            job = {**job, _RESULT: None, _FAULT: f"{type(error).__qualname__}: {error}"}
        return self._codec.dumps(job)

    def loads(self, data: bytes) -> dict[str, Any]:
        """Return a job or a result; errors are those of ``TaggedCodec.loads``."""
        job: dict[str, Any] = self._codec.loads(data, dict)
        fault = job.pop(_FAULT, None)
        if fault is not None:
            job[_RESULT] = RemoteError(fault)
        return job
