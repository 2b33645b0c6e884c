"""arq, with a real Redis server and a real worker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from integrations.queues.messages import CODEC, ORDER, PAID, Order, Receipt

from pydantic_serialization import DecodeError
from pydantic_serialization.integrations.queues.arq import ModelJobs, RemoteError

JOBS = ModelJobs(CODEC)

arq = pytest.importorskip("arq", reason="arq asks for an older redis than everything else: pip install --no-deps arq")


async def ship(_: Any, order: Order, note: str = "") -> Receipt:
    assert type(order) is Order
    return Receipt(order=order, note=note)


async def fail(_: Any, order: Order) -> None:
    message = f"order {order.number} is lost"
    raise LookupError(message)


def run_jobs(port: int, *jobs: tuple[str, Any]) -> list[Any]:
    """Enqueue jobs, let a worker do them, and return their results, or errors."""

    async def run() -> list[Any]:
        pool = await arq.create_pool(
            arq.connections.RedisSettings(port=port), job_serializer=JOBS.dumps, job_deserializer=JOBS.loads
        )
        await pool.flushall()
        sent = [await pool.enqueue_job(name, argument) for name, argument in jobs]
        worker = arq.Worker(
            [ship, fail],
            redis_pool=pool,
            burst=True,
            poll_delay=0.01,
            handle_signals=False,
            job_serializer=JOBS.dumps,
            job_deserializer=JOBS.loads,
        )
        await worker.main()
        stored = [await pool.get(key) async for key in pool.scan_iter("arq:result:*")]
        assert (len(stored), b"4111" in b"".join(stored)) == (len(jobs), False)
        results = await asyncio.gather(*(job.result(timeout=60) for job in sent), return_exceptions=True)
        await pool.aclose()
        return list(results)

    return asyncio.run(run())


@pytest.mark.filterwarnings("ignore:.*retry_on_timeout:DeprecationWarning")  # arq's call, on the newest redis
def test_jobs_and_results_are_models(redis_port: int) -> None:
    """A job is called with the model that was sent, a caller gets the one returned, and errors are told."""
    first, second, third = run_jobs(redis_port, ("ship", ORDER), ("ship", PAID), ("fail", ORDER))
    assert first == second == Receipt(order=ORDER)
    assert isinstance(third, RemoteError)
    assert str(third) == "LookupError: order 7 is lost"


def test_hostile_jobs_are_decode_errors() -> None:
    """Arq itself would unpickle them."""
    for data in (b"", b"\x80\x04N.", CODEC.dumps(ORDER), CODEC.dumps([1])):
        with pytest.raises(DecodeError):
            JOBS.loads(data)
