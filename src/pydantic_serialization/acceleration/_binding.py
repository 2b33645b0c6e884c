"""Bind what stands under a public method, for the class or the adapter that it is called on."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from pydantic_core import SchemaSerializer, SchemaValidator

from pydantic_serialization.acceleration._behind import adapter_dump_by, adapter_validate_by, dump_by, validate_by
from pydantic_serialization.acceleration._entries import DUMP, VALIDATE, keep
from pydantic_serialization.plan.compiler import compile_plan, plan_of
from pydantic_serialization.plan.native import bind_decoder, bind_encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel, TypeAdapter

    from pydantic_serialization.plan import ModelPlan

_log = logging.getLogger("pydantic_serialization")


def bind_dump(cls: type[BaseModel]) -> Callable[..., str] | None:
    """Return what writes instances of exactly this class, and keep it at the class; ``None`` if it is not complete."""
    serializer = cls.__dict__.get("__pydantic_serializer__")
    if type(serializer) is not SchemaSerializer:
        return None
    write = _bound(cls, partial(bind_encoder, text=True), dump_by(serializer))
    keep(cls, DUMP, serializer, write)
    return write


def bind_validate(cls: type[BaseModel]) -> Callable[..., Any] | None:
    """Return what reads instances of exactly this class, and keep it at the class.

    ``None`` if the class is not complete, or has a plug-in, which wants to see every call.
    """
    validator = cls.__dict__.get("__pydantic_validator__")
    if type(validator) is not SchemaValidator:
        return None
    read = _bound(cls, bind_decoder, validate_by(validator, cls))
    keep(cls, VALIDATE, validator, read)
    return read


def bind_adapter_dump(adapter: TypeAdapter[Any]) -> Callable[..., bytes] | None:
    """Return what writes values of the adapter's type, and keep it at the adapter; ``None`` if it is not complete."""
    serializer: Any = adapter.serializer
    if type(serializer) is not SchemaSerializer:
        return None
    write = _bound(adapter, bind_encoder, adapter_dump_by(serializer, ref(adapter)))
    keep(adapter, DUMP, serializer, write)
    return write


def bind_adapter_validate(adapter: TypeAdapter[Any]) -> Callable[..., Any] | None:
    """Return what reads values of the adapter's type, and keep it at the adapter.

    ``None`` if the adapter is not complete, or has a plug-in, which wants to see every call.
    """
    validator: Any = adapter.validator
    if type(validator) is not SchemaValidator:
        return None
    read = _bound(adapter, bind_decoder, adapter_validate_by(validator, ref(adapter)))
    keep(adapter, VALIDATE, validator, read)
    return read


def _bound(
    holder: Any, bind: Callable[[ModelPlan, Callable[..., Any]], Callable[..., Any]], by_pydantic: Callable[..., Any]
) -> Callable[..., Any]:
    try:
        plan = compile_plan(holder) if isinstance(holder, type) else _plan_of_adapter(holder)
        # A class whose fields another library keeps is written through that library by us, but not by Pydantic.
        return by_pydantic if plan is None or plan.wire_schema is not plan.schema else bind(plan, by_pydantic)
    except Exception:  # noqa: BLE001  (a fault of ours must not break a call that Pydantic can do)
        _log.warning("the native core cannot be bound for %r; pydantic does its work", holder, exc_info=True)
        return by_pydantic


def _plan_of_adapter(adapter: TypeAdapter[Any]) -> ModelPlan | None:
    """Return the plan of an adapter's own schema; ``None`` where the schema alone does not say what the adapter does."""
    if not adapter.pydantic_complete or adapter._config:  # noqa: SLF001  (there is no public way to ask)
        return None
    return plan_of(adapter._type, adapter.core_schema, adapter.serializer, adapter.validator)  # noqa: SLF001
