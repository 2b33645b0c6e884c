"""Encoders of the native core for tests, of JSON and MessagePack: with Pydantic behind them, and with nothing."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pydantic
import pytest

from pydantic_serialization._native import core
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.formats._base import TreeFormat, tree_options
from pydantic_serialization.formats._binary import plan_with_marks
from pydantic_serialization.formats.msgpack import MsgpackFormat, _Marking
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.rebuild import CAN_REBUILD

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.plan import ModelPlan


UNDECLARED_MODELS = not pydantic.VERSION.startswith("2.12.")
"""A model in the place of an undeclared value is a part that its own serializer writes; in 2.12 it gives no warnings."""


REPEATED_WARNINGS = pydantic.VERSION.startswith("2.13.")
"""There each call of a wrap serializer's handler gives all the warnings so far once more; the core gives each once."""


class Declined(Exception):
    """The core gave the call to what stands behind it."""


def _decline(*_: Any, **__: Any) -> Any:
    raise Declined


def plan_of(declared: Any) -> ModelPlan:
    """Return the plan of a type."""
    return plan_for(declared)


def native(declared: Any, *, text: bool = False, max_depth: int = 200) -> Callable[..., Any]:
    """Return the core's encoder of a type; it raises :class:`Declined` where it would ask Pydantic for the whole call."""
    assert core is not None
    program = plan_of(declared).encoding.program
    assert program is not None, plan_of(declared).encoding.declined
    encode: Callable[..., Any] = core.encoder(program, _decline, max_depth=max_depth, text=text, eager=True)
    return encode


def complete(declared: Any, *, text: bool = False, max_depth: int = 200, eager: bool = True) -> Callable[..., Any]:
    """Return the core's encoder of a type with Pydantic behind it; ``eager=False`` is what users have."""
    assert core is not None
    plan = plan_of(declared)
    behind: Any = plan.serializer.to_json
    if text:

        def behind(value: Any, **options: Any) -> str:
            return plan.serializer.to_json(value, **options).decode()

    if plan.encoding.program is None:
        return behind
    encode: Callable[..., Any] = core.encoder(
        plan.encoding.program, behind, max_depth=max_depth, text=text, eager=eager
    )
    return encode


def native_packer(declared: Any, *, max_depth: int = 200) -> Callable[..., Any]:
    """Return the core's MessagePack encoder of a type; it raises :class:`Declined` where it would decline."""
    assert core is not None
    program = plan_of(declared).packing.program
    assert program is not None, plan_of(declared).packing.declined
    encode: Callable[..., Any] = core.msgpack_encoder(program, _decline, max_depth=max_depth, eager=True)
    return encode


def packer_of(plan: ModelPlan, *, max_depth: int = 200) -> Callable[..., Any]:
    """Return the MessagePack encoder of a plan that works without the core: what it gives is right."""
    options = FormatOptions(max_depth=max_depth)
    if plan.traits.has_bytes:
        bound = _Marking().bind(plan_with_marks(plan, "msgpack"), options)
    else:
        bound = TreeFormat.bind(MsgpackFormat(), plan, options)

    def encode(value: Any, **options: Any) -> bytes:
        return bound.encode_with(value, options) if options else bound.encode(value)  # type: ignore[arg-type]

    return encode


@cache
def python_packer(declared: Any, *, max_depth: int = 200) -> Callable[..., Any]:
    """Return the MessagePack encoder of a type that works without the core."""
    return packer_of(plan_of(declared), max_depth=max_depth)


def complete_packer(declared: Any, *, max_depth: int = 200, eager: bool = True) -> Callable[..., Any]:
    """Return the core's MessagePack encoder of a type with ormsgpack behind it; ``eager=False`` is what users have."""
    assert core is not None
    program, behind = plan_of(declared).packing.program, python_packer(declared, max_depth=max_depth)
    if program is None:
        return behind
    encode: Callable[..., Any] = core.msgpack_encoder(program, behind, max_depth=max_depth, eager=eager)
    return encode


def pydantics(declared: Any) -> Callable[..., Any]:
    """Return Pydantic's own function."""
    return plan_of(declared).serializer.to_json


class Form(NamedTuple):
    """A form of output: what makes encoders of a type.

    Attributes:
        native: With nothing behind it.
        complete: With what stands behind it.
        reference: What stands behind it, alone.
    """

    native: Callable[..., Any]
    complete: Callable[..., Any]
    reference: Callable[..., Any]


FORMS = {
    "json": Form(native, complete, pydantics),
    "msgpack": Form(native_packer, complete_packer, python_packer),
}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@cache
def both(declared: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the encoder with Pydantic behind it, and Pydantic's own function."""
    return complete(declared), pydantics(declared)


def outcome(function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, ...]:
    """Return what a call does: its result, or the type and text of its exception; and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **options)
        except Exception as error:
            result = (type(error), str(error))
    given = [(item.category, str(item.message)) for item in caught]
    return (result, list(dict.fromkeys(given)) if REPEATED_WARNINGS else given)


def assert_same(declared: Any, value: Any, **options: Any) -> None:
    """Check that the encoders do what Pydantic does: bytes, exception, warnings; MessagePack what ormsgpack makes of it.

    A new one each time: an encoder that has declined often does not try.
    """
    expected = outcome(pydantics(declared), value, **options)
    assert outcome(complete(declared), value, **options) == expected
    assert outcome(complete(declared, eager=False), value, **options) == expected
    assert_same_packed(declared, value, **options)


def assert_same_packed(declared: Any, value: Any, **options: Any) -> None:
    """Check that MessagePack is what it is without the core."""
    if not CAN_REBUILD and plan_of(declared).traits.has_bytes:
        return
    options = dict(tree_options(options))  # type: ignore[arg-type]
    expected = outcome(python_packer(declared), value, **options)
    assert outcome(complete_packer(declared), value, **options) == expected
    assert outcome(complete_packer(declared, eager=False), value, **options) == expected
