"""The queue between the service and its worker: a stream in Redis, and one list of models that may be in a message."""

import logging

from faststream.redis import RedisBroker, StreamSub
from models import ExportJob
from redis.exceptions import ResponseError
from settings import Settings

from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.queues.faststream import ModelCodec

LOG = logging.getLogger("shop")
EXPORTS = "shop:exports"
WORKERS = "workers"
ABANDONED_AFTER = 60_000
"""Milliseconds after which a job that no worker has confirmed is somebody else's."""

# A job stays in the group until a worker has confirmed it; the second one takes over from workers that have died.
NEW_JOBS = StreamSub(EXPORTS, group=WORKERS, consumer="worker")
ABANDONED_JOBS = StreamSub(EXPORTS, group=WORKERS, consumer="worker", min_idle_time=ABANDONED_AFTER)


def make_broker(settings: Settings) -> RedisBroker:
    """Return a broker that sends and takes signed jobs, and nothing else."""
    codec = TaggedCodec({"export": ExportJob}, signing_keys=settings.signing_key.get_secret_value())
    return RedisBroker(settings.redis_url, codec=ModelCodec(codec), logger=LOG)


async def open_queue(broker: RedisBroker) -> None:
    """Make the group of workers, if there is none: what is asked for before the first worker starts waits in it."""
    client = await broker.connect()
    try:
        await client.xgroup_create(EXPORTS, WORKERS, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise
