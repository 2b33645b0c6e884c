"""Turn many models at once into the bytes that they have one after the other in a file."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from pydantic_serialization.bulk.documents import record_serializer
from pydantic_serialization.bulk.framing_msgpack import array_header
from pydantic_serialization.errors import SerializationError
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.formats.jsonl import JsonlFormat
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.overrides import has_own
from pydantic_serialization.plan.walk import all_nodes, root_config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic_serialization.bulk.naming import RecordFormat
    from pydantic_serialization.config import SerializationConfig

_FEWEST: Final = 16
_MOST: Final = 4096
_BYTES: Final = 262_144
"""About so large is what is made at once: enough for the calls around it not to count, and little memory."""


class BatchEncoder:
    """Writes lists of models; says ``None`` where only one record after the other is certain to give the same.

    Args:
        record_format: ``"jsonl"``, ``"json"`` or ``"msgpack"``.
        model: The records' declared type, or ``None``.
        config: ``max_depth``, and ``max_payload_bytes`` as the limit of one record.

    Attributes:
        size: So many records are about as much as is written at once.
    """

    def __init__(self, record_format: RecordFormat, model: Any, config: SerializationConfig | None) -> None:
        self._serializer = record_serializer(config)
        self._is_packed = record_format == "msgpack"
        self._model = model
        self._bound = cache(self._bind)
        self.size = _FEWEST

    def encode(self, records: Sequence[Any]) -> bytes | None:
        """Return the documents of some records: a line for each, or one MessagePack document behind the other."""
        model = records[0].__class__ if self._model is None else self._model
        if not isinstance(model, type) or not issubclass(model, BaseModel):
            return None
        if self._model is None and any(record.__class__ is not model for record in records):
            return None
        write = self._bound(model)
        if write is None:
            return None
        try:
            documents = write(list(records))
        except Exception:  # noqa: BLE001  (written one by one, the record that it is about is known)
            return None
        if len(documents) > self._serializer.config.max_payload_bytes:
            return None
        self.size = min(max(len(records) * _BYTES // len(documents), _FEWEST), _MOST)
        return documents

    def _bind(self, model: type[BaseModel]) -> Callable[[list[Any]], bytes] | None:
        """Return what writes the records of a class; ``None`` if they write themselves, or can be written once only."""
        declared: Any = list[model]  # type: ignore[valid-type]
        try:
            if has_own(model, "model_dump_json") or _holds_iterators(model):
                return None
            if self._is_packed:
                if _is_written_otherwise_in_lists(model):
                    return None
                dump = self._serializer.pipeline(declared, "msgpack").dump
                return lambda records: dump(records)[len(array_header(len(records))) :]
            config = self._serializer.config
            options = FormatOptions(max_depth=config.max_depth, allow_non_finite=config.allow_non_finite)
            return JsonlFormat().bind(plan_for(declared), options).encode
        except SerializationError:  # it is said for one record
            return None


def _holds_iterators(model: type[BaseModel]) -> bool:
    """Say whether a field is declared as iterable: what a batch that fails has read of it is lost."""
    schema: Any = plan_for(model).schema
    return any(node["type"] == "generator" for node in all_nodes(schema, {}))


def _is_written_otherwise_in_lists(model: type[BaseModel]) -> bool:
    """Say whether values without a declared type are: Pydantic writes them as the outermost type's configuration says."""
    plan = plan_for(model)
    says = root_config(dict(plan.schema)) or {}
    return not plan.traits.is_closed and any(setting.startswith("ser_json_") for setting in says)
