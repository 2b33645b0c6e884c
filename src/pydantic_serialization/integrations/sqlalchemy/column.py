"""A column type that holds a model: JSON that the database can search, or any binary format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_json
from sqlalchemy import JSON, Dialect, LargeBinary, String, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB

from pydantic_serialization.formats import get_format
from pydantic_serialization.integrations._round_trip import RoundTrip, plain_serializer
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.naming import type_name
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from sqlalchemy.sql.operators import OperatorType
    from sqlalchemy.sql.type_api import _BindProcessorType, _LiteralProcessorType, _ResultProcessorType
    from sqlalchemy.types import TypeEngine

    from pydantic_serialization.config import SerializationConfig, SerializationFormat

_JSON_TYPE = "application/json"


class ModelType(TypeDecorator[Any]):
    """The type of a column whose values are models.

    A JSON format makes a column of the database's JSON type, ``JSONB`` on PostgreSQL, with SQLAlchemy's JSON operators
    (``Row.address["city"].as_string()``); any other format makes a binary column. What is stored is validated, on the
    way in and on the way out. ``None`` is SQL's ``NULL``.

    Changes *inside* a model are not tracked: assign another one, ``row.address = row.address.model_copy(update=...)``,
    or tell the session with ``sqlalchemy.orm.attributes.flag_modified(row, "address")``. A frozen model cannot go wrong.

    Args:
        model: A model class, or anything that Pydantic makes a ``TypeAdapter`` of: ``list[Address]``.
        format: The format.
        config: Limits, and compression of binary formats; neither if ``None``.

    Raises:
        UnsupportedTypeError: a field would be lost in the column; the message names it.
        UnknownFormatError: no such format.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = JSON
    cache_ok = True

    def __init__(
        self,
        model: Any,
        *,
        format: SerializationFormat | str = "orjson",  # noqa: A002
        config: SerializationConfig | None = None,
    ) -> None:
        super().__init__()
        member = get_format(format)
        self.model = model
        self.format = member.name  # with model, what SQLAlchemy tells types apart by
        self._is_json = member.media_type == _JSON_TYPE
        if not self._is_json:
            self.impl = LargeBinary()
        # JSON in a column of type JSON cannot be compressed.
        serializer = plain_serializer() if self._is_json or config is None else PydanticModelSerializer(config)
        self._stored = RoundTrip(model, member.name, serializer, place="a column")

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column in one database."""
        if not self._is_json:
            return dialect.type_descriptor(LargeBinary())
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else JSON())

    def bind_processor(self, dialect: Dialect) -> _BindProcessorType[Any]:
        """Return the function that turns a model into what the driver takes."""
        if self._is_json:
            # As text: the drivers of all databases take it for JSON, and nothing is serialized twice.
            return self._text
        wrap = self.load_dialect_impl(dialect).bind_processor(dialect)

        def process(value: Any) -> Any:
            data = self._bytes(value)
            return data if wrap is None or data is None else wrap(data)

        return process

    def literal_processor(self, dialect: Dialect) -> _LiteralProcessorType[Any] | None:
        """Return the function that writes a model into SQL text; for JSON only."""
        if not self._is_json:
            return None
        kind: TypeEngine[str] = String()
        quote: Any = kind.literal_processor(dialect)
        return lambda value: "NULL" if value is None else quote(self._text(value))

    def result_processor(self, dialect: Dialect, coltype: object) -> _ResultProcessorType[Any]:
        """Return the function that turns what the driver gives into a validated model."""
        load = self._stored.loads
        if not self._is_json:
            return lambda value: None if value is None else load(value)
        if self.load_dialect_impl(dialect).result_processor(dialect, coltype) is None:
            # The driver has parsed the JSON already. Pydantic reads its own JSON form only from text.
            return lambda value: None if value is None else load(to_json(value, inf_nan_mode="constants"))
        return lambda value: None if value is None else load(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """Return the type of what the column is compared with: another model, or a path into the JSON."""
        if isinstance(value, (str, int)) and self._is_json:
            return self.impl_instance.coerce_compared_value(op, value)
        return self

    @property
    def python_type(self) -> Any:
        """The class of the values, where it is one."""
        return self.model if isinstance(self.model, type) else object

    def __repr__(self) -> str:
        return f"ModelType({type_name(self.model)}, format={self.format!r})"

    def _bytes(self, value: Any) -> bytes | None:
        # A dict in place of a model would be written as it is, whatever it holds.
        return None if value is None else self._stored.dumps(plan_for(self.model).validator.validate_python(value))

    def _text(self, value: Any) -> Any:
        data = self._bytes(value)
        return None if data is None else data.decode()
