"""Bound functions without a manager: no compression, no cache, no statistics, nothing between caller and format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import BaseModel

from pydantic_serialization.formats import Format, FormatOptions, get_format
from pydantic_serialization.formats.jsonl import JsonlFormat
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native.copying import copier

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Payload
    from pydantic_serialization.config import SerializationFormat

ModelT = TypeVar("ModelT")
BaseModelT = TypeVar("BaseModelT", bound=BaseModel)

_DEFAULT = "orjson"
_copy = copier()


@overload
def encoder(model: type[ModelT], format: SerializationFormat | str = _DEFAULT) -> Callable[[ModelT], bytes]: ...


@overload
def encoder(model: Any, format: SerializationFormat | str = _DEFAULT) -> Callable[[Any], bytes]: ...


def encoder(model: Any, format: SerializationFormat | str = _DEFAULT) -> Callable[[Any], bytes]:  # noqa: A002
    """Return the function that turns values of a type into bytes of a format.

    This is the fastest door: for JSON it is the serializer's own function, and errors are Pydantic's own.

    Args:
        model: A model class, or anything that Pydantic makes a ``TypeAdapter`` of. It decides which fields are written.
        format: A format; for list types ``"jsonl"`` too.

    Raises:
        UnsupportedTypeError: the format cannot represent the type.
        UnknownFormatError: no such format.
    """
    return _format(format).bind(plan_for(model), FormatOptions()).encode


@overload
def decoder(model: type[ModelT], format: SerializationFormat | str = _DEFAULT) -> Callable[[Payload], ModelT]: ...


@overload
def decoder(model: Any, format: SerializationFormat | str = _DEFAULT) -> Callable[[Payload], Any]: ...


def decoder(model: Any, format: SerializationFormat | str = _DEFAULT) -> Callable[[Payload], Any]:  # noqa: A002
    """Return the function that turns bytes of a format into validated values of a type.

    The function raises ``DecodeError`` for what is not a document of the format, ``pydantic.ValidationError`` for one
    of the wrong shape, and ``UntrustedDataError`` for a pickle that names classes outside the type.
    Of the limits only depth is held: bound what comes from outside before.

    Args:
        model: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.
        format: A format; for list types ``"jsonl"`` too.

    Raises:
        UnsupportedTypeError: the format cannot represent the type.
        UnknownFormatError: no such format.
    """
    return _format(format).bind(plan_for(model), FormatOptions()).decode


def copy_model(model: BaseModelT) -> BaseModelT:
    """Return a deep, private copy, equal to ``model_copy(deep=True)`` in values, fields set, extras and privates.

    What cannot change (strings, numbers, times, enum members, tuples of such, ..) is shared with the original. Classes
    with a ``__deepcopy__`` or ``model_copy`` of their own are copied by these.

    Args:
        model: An instance of a model.

    Raises:
        TypeError: ``model`` is none; something in it cannot be copied, ``copy.deepcopy`` says what.
    """
    try:
        copied: BaseModelT = _copy(model)
    except (AttributeError, TypeError):
        if isinstance(model, BaseModel):
            raise
        message = f"copy_model takes an instance of a model, not {_shown(model)}; copy.deepcopy takes anything"
        raise TypeError(message) from None
    return copied


def _shown(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _format(name: SerializationFormat | str) -> Format:
    return JsonlFormat() if str(name).lower() == JsonlFormat.name else get_format(name)
