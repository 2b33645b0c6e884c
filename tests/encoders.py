"""Encoders of the native core for tests: with Pydantic behind them, and with nothing behind them."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import pydantic

from pydantic_serialization._native import core
from pydantic_serialization.plan import plan_for

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


@cache
def both(declared: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the encoder with Pydantic behind it, and Pydantic's own function."""
    return complete(declared), plan_of(declared).serializer.to_json


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
    """Check that the encoder does what Pydantic does: bytes, exception, warnings.

    A new one each time: an encoder that has declined often does not try.
    """
    expected = outcome(plan_of(declared).serializer.to_json, value, **options)
    assert outcome(complete(declared), value, **options) == expected
    assert outcome(complete(declared, eager=False), value, **options) == expected
