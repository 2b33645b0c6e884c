"""Celery, and everything else on kombu: models in arguments and results.

Celery's own JSON rebuilds types by what the message says; here the codec's list decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization._optional import require

if TYPE_CHECKING:
    from pydantic_serialization.integrations.queues.codec import TaggedCodec

_registry = require("kombu.serialization", extra="celery", purpose="pydantic_serialization.integrations.queues.celery")


def register(codec: TaggedCodec, name: str = "models") -> str:
    """Make a codec known to kombu, in this process, as a serializer of that name.

    Returns:
        The content type of its messages, which ``accept_content`` takes as well as the name.
    """
    content_type = f"application/x-pydantic-serialization-{name}"
    _registry.register(name, codec.dumps, codec.loads, content_type=content_type, content_encoding="binary")
    return content_type


def use_codec(app: Any, codec: TaggedCodec, name: str = "models") -> None:
    """Have a Celery application send and accept nothing but messages of a codec.

    ``json`` stays accepted for Celery's own commands between workers, which hold no models.

    Args:
        app: The ``celery.Celery`` application; the same call belongs into clients and workers.
        codec: The codec.
        name: What kombu calls the serializer.
    """
    register(codec, name)
    app.conf.update(
        task_serializer=name,
        result_serializer=name,
        accept_content=[name, "json"],
        result_accept_content=[name],
    )
