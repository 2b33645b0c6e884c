"""Values as bytes that read back equal: what a cache, a column or a queue needs, and a response does not."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.lossless import fidelity
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import DumpOptions, Input, LoadOptions
    from pydantic_serialization.config import SerializationFormat

_DUMP_BY_NAME: Final[DumpOptions] = {"by_alias": False, "round_trip": True}
# Pydantic's own options. Whatever a field is called outside, with AliasPath and all, its name is unique.
_LOAD_BY_NAME: Final[LoadOptions] = {"by_alias": False, "by_name": True}


class RoundTrip:
    """Writes values of one type so that they read back equal, and reads them.

    The declared type decides what is written: a subclass gives only the declared fields.

    Args:
        declared: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.
        format: The format.
        serializer: Formats, compression and limits.
        place: What the bytes are for, as it stands in errors: ``"a column"``.

    Raises:
        UnsupportedTypeError: a field would be lost; the message names it. Or the format cannot represent the type.
        UnknownFormatError: no such format.
    """

    __slots__ = ("_format", "_pipeline", "declared", "dumps", "loads")

    def __init__(
        self,
        declared: Any,
        format: SerializationFormat | str,  # noqa: A002
        serializer: PydanticModelSerializer,
        *,
        place: str,
    ) -> None:
        self.declared = declared
        self._format = format
        self._pipeline = serializer.pipeline
        plan = plan_for(declared)
        found = fidelity(plan.schema)
        if found.lost:
            message = (
                f"{plan.name} would not read back from {place}: {'; '.join(found.lost)}. Use a model without that "
                f"field, or give the field a serializer"
            )
            raise UnsupportedTypeError(message, model=plan.name)
        self._pipeline(declared, format)  # what cannot be bound is an error here, not in the first call
        self.dumps: Callable[[Any], bytes] = self._dump_by_name if found.by_name else self._dump
        self.loads: Callable[[Input], Any] = self._load_by_name if found.by_name else self._load

    @property
    def fingerprint(self) -> bytes:
        """Eight bytes that change when the schema does."""
        return plan_for(self.declared).fingerprint

    def _dump(self, value: Any) -> bytes:
        return self._pipeline(self.declared, self._format).dump(value)

    def _load(self, data: Input) -> Any:
        return self._pipeline(self.declared, self._format).load(data)

    def _dump_by_name(self, value: Any) -> bytes:
        return self._pipeline(self.declared, self._format).dump_with(value, _DUMP_BY_NAME)

    def _load_by_name(self, data: Input) -> Any:
        return self._pipeline(self.declared, self._format).load_with(data, _LOAD_BY_NAME)


@lru_cache(maxsize=1)
def plain_serializer() -> PydanticModelSerializer:
    """Return the serializer for bytes that somebody else keeps and bounds: no compression, no fallback, no limit."""
    config = SerializationConfig(enable_compression=False, fallback_format=None, max_payload_bytes=1 << 40)
    return PydanticModelSerializer(config)
