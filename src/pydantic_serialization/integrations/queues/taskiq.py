"""taskiq: tasks whose arguments are models of the codec's list, and arrive as such.

taskiq itself turns a model into a dict before anything of ours is asked: with the fields of a subclass, and without the
model's name. So tasks get a kicker that leaves models to the codec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization._optional import require

require("taskiq", extra="taskiq", purpose="pydantic_serialization.integrations.queues.taskiq")

from taskiq import AsyncTaskiqDecoratedTask, BrokerMessage, TaskiqFormatter, TaskiqMessage  # noqa: E402
from taskiq.abc.serializer import TaskiqSerializer  # noqa: E402
from taskiq.kicker import AsyncKicker  # noqa: E402

if TYPE_CHECKING:
    from taskiq import AsyncBroker

    from pydantic_serialization.integrations.queues.codec import TaggedCodec


def use_codec(broker: AsyncBroker, codec: TaggedCodec) -> None:
    """Have a broker send and accept nothing but messages of a codec. Call it before tasks are declared.

    Args:
        broker: The broker; the same call belongs into clients and workers.
        codec: The codec.
    """
    broker.with_formatter(ModelFormatter(codec))
    broker.decorator_class = ModelTask


class ModelKicker(AsyncKicker[Any, Any]):
    """Sends a task with its arguments as they are."""

    @classmethod
    def _prepare_arg(cls, arg: Any) -> Any:
        return arg


class ModelTask(AsyncTaskiqDecoratedTask[Any, Any]):
    """A task that is sent with its arguments as they are."""

    def kicker(self) -> AsyncKicker[Any, Any]:
        """Return what sends the task."""
        return ModelKicker(
            task_name=self.task_name, broker=self.broker, labels=dict(self.labels), return_type=self.return_type
        )


class ModelFormatter(TaskiqFormatter):
    """Writes and reads the messages of tasks with a codec; see :func:`use_codec`."""

    def __init__(self, codec: TaggedCodec) -> None:
        self._codec = codec

    def dumps(self, message: TaskiqMessage) -> BrokerMessage:
        """Return what the broker sends."""
        return BrokerMessage(
            task_id=message.task_id,
            task_name=message.task_name,
            # Not model_dump(), which would walk into the arguments.
            message=self._codec.dumps({name: getattr(message, name) for name in TaskiqMessage.model_fields}),
            labels=message.labels,
        )

    def loads(self, message: bytes) -> TaskiqMessage:
        """Return the task of a message; errors are those of ``TaggedCodec.loads``."""
        return TaskiqMessage.model_validate(self._codec.loads(message, dict))


class ModelSerializer(TaskiqSerializer):
    """The serializer of results, where a result backend takes one: ``ModelSerializer(codec)``."""

    def __init__(self, codec: TaggedCodec) -> None:
        self._codec = codec

    def dumpb(self, value: Any) -> bytes:
        """Return the bytes of a value."""
        return self._codec.dumps(value)

    def loadb(self, value: bytes) -> Any:
        """Return the value in some bytes; errors are those of ``TaggedCodec.loads``."""
        return self._codec.loads(value)
