"""The plans of a process: made on first use, found again by type.

The store is bounded, so that classes made at run time do not pile up: past the bound it starts anew, which costs one
compilation per type that is still in use.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic_serialization.plan.compiler import compile_plan

if TYPE_CHECKING:
    from pydantic_serialization.plan.spec import ModelPlan

_LIMIT = 4096
_plans: dict[Any, ModelPlan] = {}
_lock = threading.RLock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603  (in a forked child, a thread that is not there any more may hold the old one)
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def plan_for(declared: Any) -> ModelPlan:
    """Return the plan of a type, compiling it on first use and again after ``model_rebuild``.

    Raises:
        UnsupportedTypeError: Pydantic has no schema for the type.
    """
    key = type_key(declared)
    plan = _plans.get(key)
    if plan is not None and plan.is_current():
        return plan
    with _lock:
        plan = compile_plan(declared)
        if len(_plans) >= _LIMIT:
            _plans.clear()
        _plans[key] = plan
        return plan


def type_key(declared: Any) -> Any:
    """Return a key under which only the very same type is found.

    ``int | str`` equals ``str | int`` in Python, and ``Annotated`` compares its metadata with ``==``, but Pydantic
    reads them differently: the order of unions and the identity of metadata are part of the key.
    """
    if isinstance(declared, type) and not hasattr(declared, "__origin__"):
        return declared
    arguments = get_args(declared)
    if not arguments:
        return _Identity(declared)
    if get_origin(declared) is Annotated:
        return (Annotated, type_key(arguments[0]), *(_Identity(item) for item in arguments[1:]))
    return (get_origin(declared), *(_argument_key(item) for item in arguments))


def _argument_key(argument: Any) -> Any:
    if isinstance(argument, (str, bytes, int)):  # Literal: 1 and True are different
        return (type(argument), argument)
    if isinstance(argument, list):  # Callable[[...], ...]
        return tuple(_argument_key(item) for item in argument)
    return type_key(argument)


class _Identity:
    """A key that equals itself only, and keeps its object alive so that the identity is not reused."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def list_of(models: Any) -> Any:
    """Return the type of a batch: ``list[Model]`` where all are of one class, else ``list[Any]``."""
    classes = {type(model) for model in models}
    return list[classes.pop()] if len(classes) == 1 else list[Any]  # type: ignore[misc]
