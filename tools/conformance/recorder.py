"""Keep every model instance, and every use of a ``TypeAdapter``, that a test makes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST = 60
"""Instances of one class in one test; the rest are like them."""

recorded: list[Any] = []
"""Instances, and pairs of an adapter and a value, since :func:`take` was called."""


def start() -> None:
    """Record from now on, by wrapping the methods that make instances."""
    original: Any = BaseModel.__init__

    @functools.wraps(original)
    def __init__(self: Any, /, **data: Any) -> None:  # noqa: N807
        __tracebackhide__ = True
        original(self, **data)
        recorded.append(self)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # Pydantic tells users' own from its own by it
    BaseModel.__init__ = __init__  # type: ignore[method-assign]
    for name in ("model_validate", "model_validate_json", "model_validate_strings", "model_construct"):
        _wrap_class_method(name)
    for name in ("validate_python", "validate_json", "validate_strings"):
        _wrap_adapter(name, lambda result, _arguments: result)
    for name in ("dump_python", "dump_json"):
        _wrap_adapter(name, lambda _result, arguments: arguments[0] if arguments else None)


def _wrap_class_method(name: str) -> None:
    original = BaseModel.__dict__[name].__func__

    @functools.wraps(original)
    def method(cls: Any, *arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        result = original(cls, *arguments, **options)
        recorded.append(result)
        return result

    setattr(BaseModel, name, classmethod(method))


def _wrap_adapter(name: str, choose: Callable[[Any, tuple[Any, ...]], Any]) -> None:
    original = TypeAdapter.__dict__[name]

    @functools.wraps(original)
    def method(self: Any, /, *arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        result = original(self, *arguments, **options)
        recorded.append((self, choose(result, arguments)))
        return result

    setattr(TypeAdapter, name, method)


def take() -> tuple[list[BaseModel], list[tuple[TypeAdapter[Any], Any]]]:
    """Return what was recorded: every instance once, those inside others too, and the uses of adapters; start anew."""
    found = recorded[:]
    recorded.clear()
    models: dict[int, BaseModel] = {}
    counts: dict[type, int] = {}
    uses = []
    for item in found:
        if isinstance(item, tuple) and not _is_iterator(item[1]):
            uses.append(item)
        for model in _models(item[1] if isinstance(item, tuple) else item, 0):
            if id(model) not in models and not _holds_iterator(model) and counts.get(type(model), 0) < _MOST:
                counts[type(model)] = counts.get(type(model), 0) + 1
                models[id(model)] = model
    return list(models.values()), uses[:_MOST]


def _is_iterator(value: Any) -> bool:
    """Say whether a value is used up by being read, which may have no end."""
    return hasattr(type(value), "__next__")


def _holds_iterator(model: BaseModel) -> bool:
    try:
        held = object.__getattribute__(model, "__dict__")
    except AttributeError:  # not initialised
        return True
    return any(map(_is_iterator, held.values()))


def _models(value: Any, depth: int) -> Iterator[BaseModel]:
    if depth > 6:
        return
    if isinstance(value, BaseModel):
        yield value
        try:
            value = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        for item in list(value)[:50]:
            yield from _models(item, depth + 1)
