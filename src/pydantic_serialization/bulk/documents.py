"""Turn raw records into values and back: models through their own format, plain data without guessing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import ormsgpack
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from pydantic_serialization._native import core
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import DecodeError, EncodeError, SerializationError
from pydantic_serialization.formats._errors import unreadable_json
from pydantic_serialization.formats._items import check_json_extent, check_msgpack_extent
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native.decoding.user_code import runs_user_code
from pydantic_serialization.plan.overrides import has_own
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.bulk.naming import RecordFormat

Read: TypeAlias = "Callable[[bytes], Any]"
ReadMany: TypeAlias = "Callable[[bytes], list[Any] | None]"
Write: TypeAlias = "Callable[[Any], bytes]"

# The standard library refuses what JSON has no form for; faster writers turn NaN into null and guess at bytes.
# One for all: json.dumps() makes an encoder for each call that names options.
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def bind_reader(record_format: RecordFormat, model: Any, config: SerializationConfig | None) -> Read:
    """Return the function that turns one raw record into a value.

    It raises ``DecodeError`` for what is not a document, and ``pydantic.ValidationError`` for one of the wrong shape.

    Args:
        record_format: Format of the record.
        model: The records' type; ``None`` reads plain data.
        config: ``strict_validation``, ``enable_validation``, and the limits of a record.

    Raises:
        UnsupportedTypeError: the format cannot represent the type.
    """
    if model is None:
        return _plain_reader(record_format, SerializationConfig() if config is None else config)
    return record_serializer(config).pipeline(model, _wire(record_format)).load


def bind_many_reader(record_format: RecordFormat, model: Any, config: SerializationConfig | None) -> ReadMany | None:
    """Return the function that reads an array of records; its result is ``None`` where one of them is bad.

    Args:
        record_format: Format of the array.
        model: The records' type.
        config: As for :func:`bind_reader`.

    Returns:
        ``None`` where records are read one by one: without the native core, without a model, and where reading runs code of
        the user's, which would run ahead of the records, and again where one is bad.
    """
    if core is None or model is None:
        return None
    plan = plan_for(model)
    if has_own(plan.model, "model_validate_json") or runs_user_code(dict(plan.schema), {}):
        return None
    try:
        load = record_serializer(config).pipeline(list[model], _wire(record_format)).load
    except SerializationError:  # it is said for one record
        return None

    def read(document: bytes) -> list[Any] | None:
        try:
            values: list[Any] = load(document)
        except (SerializationError, ValidationError):
            return None
        return values

    return read


def bind_writer(record_format: RecordFormat, model: Any, config: SerializationConfig | None) -> Write:
    """Return the function that turns one value into a raw record.

    It raises ``EncodeError`` for a value that has no form in the format.

    Args:
        record_format: Format of the record.
        model: The records' declared type; ``None`` writes each model as its own class, and plain data as it is.
        config: Settings such as ``max_depth``.

    Raises:
        UnsupportedTypeError: the format cannot represent the type.
    """
    serializer = record_serializer(config)
    wire = _wire(record_format)
    if model is not None:
        return serializer.pipeline(model, wire).dump
    plain = _write_msgpack if record_format == "msgpack" else _write_json

    def write(value: Any) -> bytes:
        return serializer.serialize_model(value, wire) if isinstance(value, BaseModel) else plain(value)

    return write


def _wire(record_format: RecordFormat) -> str:
    return "msgpack" if record_format == "msgpack" else "orjson"


def record_serializer(config: SerializationConfig | None) -> PydanticModelSerializer:
    """Return the serializer for records, which are neither compressed one by one nor sealed nor timed."""
    given = dict(config) if config is not None else {}
    off = {"enable_compression": False, "enable_profiling": False, "fallback_format": None}
    return PydanticModelSerializer(SerializationConfig(**{**given, **off}))


def _plain_reader(record_format: RecordFormat, config: SerializationConfig) -> Read:
    """Return the function that turns a record into plain data, within the limits of ``config``."""
    levels, items = config.max_depth, config.max_items
    is_binary = record_format == "msgpack"

    def read(data: bytes) -> Any:
        if is_binary:
            check_msgpack_extent(data, levels, items)
            return _read_msgpack(data)
        check_json_extent(data, levels, items)
        return _read_json(data)

    return read


def _read_json(data: bytes) -> Any:
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise unreadable_json(str(error), None, "json") from None


def _read_msgpack(data: bytes) -> Any:
    try:
        return ormsgpack.unpackb(data)
    except ValueError:
        message = "not a MessagePack document of plain values with text keys; give the model to read anything else"
        raise DecodeError(message, format="msgpack") from None


def _write_json(value: Any) -> bytes:
    try:
        return _JSON.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = f"JSON has no form for this value ({type(error).__name__}); give the model to write bytes and times"
        raise EncodeError(message, format="json") from None


def _write_msgpack(value: Any) -> bytes:
    try:
        return ormsgpack.packb(value)
    except (TypeError, ValueError) as error:
        message = f"MessagePack has no form for this value ({type(error).__name__}); integers have at most 64 bits"
        raise EncodeError(message, format="msgpack") from None
