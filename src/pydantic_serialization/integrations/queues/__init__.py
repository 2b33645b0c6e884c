"""Task queues and brokers: messages that hold models, and become nothing but the models that were named.

:class:`TaggedCodec` writes and reads messages. The files beside it plug it into one library each: ``celery`` (and kombu),
``taskiq``, ``arq``, ``dramatiq``, ``faststream``, and ``kafka`` for kafka-python, aiokafka and confluent-kafka.
"""

from pydantic_serialization.integrations.queues.codec import TaggedCodec

__all__ = ["TaggedCodec"]
