"""Bind what stands under a public method, for the class or the adapter that it is called on."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

from pydantic import BaseModel
from pydantic_core import SchemaSerializer, SchemaValidator

from pydantic_serialization.acceleration import _behind
from pydantic_serialization.acceleration._entries import DUMP, VALIDATE, keep
from pydantic_serialization.plan.compiler import compile_plan, plan_of
from pydantic_serialization.plan.native import bind_decoder, bind_encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import TypeAdapter

    from pydantic_serialization.plan import ModelPlan

_log = logging.getLogger("pydantic_serialization")
_SERIALIZER, _VALIDATOR = "__pydantic_serializer__", "__pydantic_validator__"


def bind_dump(cls: type[BaseModel]) -> Callable[..., str]:
    """Return what writes instances of exactly this class, and keep it at the class."""
    serializer = cls.__dict__.get(_SERIALIZER)
    if type(serializer) is not SchemaSerializer:  # not complete yet: Pydantic completes it and writes
        return _behind.dump
    write = _bound(cls, partial(bind_encoder, text=True), _behind.dump)
    keep(cls, DUMP, serializer, write)
    return write


def bind_validate(cls: type[BaseModel]) -> Callable[..., Any]:
    """Return what reads instances of exactly this class, and keep it at the class."""
    by_pydantic = partial(_behind.validate, cls)
    validator = cls.__dict__.get(_VALIDATOR)
    if type(validator) is not SchemaValidator:  # not complete yet, or a plug-in, which wants to see every call
        return by_pydantic
    read = _bound(cls, bind_decoder, by_pydantic)
    keep(cls, VALIDATE, validator, read)
    return read


def bind_adapter_dump(adapter: TypeAdapter[Any]) -> Callable[..., bytes]:
    """Return what writes values of the adapter's type, and keep it at the adapter."""
    this = ref(adapter)

    def by_pydantic(instance: Any, /, **options: Any) -> Any:
        return _behind.dump_adapted(this(), instance, **options)

    serializer: Any = adapter.serializer  # a stand-in of Pydantic's, while the adapter is not complete
    write = _bound(adapter, bind_encoder, by_pydantic) if type(serializer) is SchemaSerializer else by_pydantic
    keep(adapter, DUMP, serializer, write)
    return write


def bind_adapter_validate(adapter: TypeAdapter[Any]) -> Callable[..., Any]:
    """Return what reads values of the adapter's type, and keep it at the adapter."""
    this = ref(adapter)

    def by_pydantic(data: Any, /, **options: Any) -> Any:
        return _behind.validate_adapted(this(), data, **options)

    validator: Any = adapter.validator
    read = _bound(adapter, bind_decoder, by_pydantic) if type(validator) is SchemaValidator else by_pydantic
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
    declared: Any = adapter._type  # noqa: SLF001  (made anew from outside, an adapter might resolve names differently)
    is_model = isinstance(declared, type) and issubclass(declared, BaseModel)
    if not adapter.pydantic_complete or (not is_model and adapter._model_config):  # noqa: SLF001
        return None
    return plan_of(declared, adapter.core_schema, adapter.serializer, adapter.validator)
