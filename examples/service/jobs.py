"""The queue between the service and its worker: one list of models that may be in a message."""

from faststream.redis import RedisBroker, StreamSub
from models import ExportJob
from settings import Settings

from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.queues.faststream import ModelCodec

EXPORTS = "shop:exports"
# A group of a Redis stream: a message stays with its worker until the job is done. A worker that starts hears of what
# was asked for before.
EXPORT_JOBS = StreamSub(EXPORTS, group="workers", consumer="worker", last_id=">")


def make_broker(settings: Settings) -> RedisBroker:
    """Return a broker that sends and takes signed jobs, and nothing else."""
    codec = TaggedCodec({"export": ExportJob}, signing_keys=settings.signing_key.get_secret_value())
    return RedisBroker(settings.redis_url, codec=ModelCodec(codec), logger=None)
