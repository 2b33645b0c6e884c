"""NaN and infinities, which Pydantic writes as ``null`` unless a model says otherwise, and which then do not come back.

Pydantic's serializer is asked to write a constant in place of that ``null``: text without a constant is what it would have
written, and has lost nothing. Only what is written by the serializer of a class that is not declared (a model in a field
of type ``Any``) has to be looked for in the value.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from pydantic_serialization.errors import EncodeError
from pydantic_serialization.formats._stack import writing_within_stack
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.overrides import has_own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.formats._base import FormatOptions
    from pydantic_serialization.plan import ModelPlan

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(rb"[^][{}:,]+")
_N, _I = b"NI"
"""Looking for one byte takes a tenth of the time that looking for a word does, and most text has neither."""
_NIL = 0xC0
_PLAIN = frozenset({str, int, bool, bytes, type(None)})
_PARTIAL = frozenset({"include", "exclude"})
_ITEMS = (list, tuple, set, frozenset, deque)
_RUNTIME = frozenset({"serialize_as_any", "polymorphic_serialization"})


def finite_checked(
    write: Callable[..., bytes], plan: ModelPlan, options: FormatOptions, format_name: str
) -> Callable[..., bytes]:
    """Return ``write``, Pydantic's function for the plan's type, refusing what it would write as ``null`` unasked.

    A ``model_dump_json`` of the user's own is taken at its word.
    """
    if part_check(plan, options) is None:
        return write
    telling = plan.telling_serializer
    is_open = telling is None or plan.traits.has_undeclared
    tell = write if telling is None else writing_within_stack(telling.to_json, plan, format_name)

    def refuse(path: tuple[str | int, ...]) -> EncodeError:
        return _refusal(path, plan, format_name)

    def checked(value: Any, **dump_options: Any) -> bytes:
        if dump_options:
            text = tell(value, **dump_options)
        else:
            text = tell(value)
            if _N not in text and _I not in text and not is_open:
                return text
        if ((_N in text and b"NaN" in text) or (_I in text and b"Infinity" in text)) and _has_constant(text):
            found = text
            text = write(value, **{**dump_options, "warnings": False})
            # An iterator that can be read once has nothing left, and is found out by that.
            if _nulls(text) > _nulls(found) or _shape(text) != _shape(found):
                raise refuse(non_finite_path(value) or ())
        if not is_open and not dump_options:
            return text
        may_hide = is_open or not _RUNTIME.isdisjoint(dump_options)
        if may_hide and b"null" in text and _PARTIAL.isdisjoint(dump_options) and _may_hold(value):
            path = non_finite_path(value)
            if path is not None:
                raise refuse(path)
        return text

    return checked


def packed_check(
    plan: ModelPlan, options: FormatOptions, format_name: str
) -> Callable[[bytes, Any, DumpOptions], None] | None:
    """Return what raises for a MessagePack document with nil in place of NaN or an infinity; ``None`` if none has.

    Declared floats are written as such. In JSON mode Pydantic gives ``None`` where nothing says how a value is written.
    """
    if options.allow_non_finite or plan.traits.is_closed or plan.telling_serializer is None:
        return None

    def check(document: bytes, value: Any, dump_options: DumpOptions) -> None:
        if _NIL in document and _may_hold(value) and _loses(plan, value, dump_options):
            raise _refusal(non_finite_path(value) or (), plan, format_name)

    return check


def _loses(plan: ModelPlan, value: Any, dump_options: DumpOptions) -> bool:
    """Say whether ``None`` stands in what is written of ``value`` for NaN or an infinity."""
    if _loses_itself(plan, value, dump_options):
        return True
    # A model where nothing is declared is written by its own serializer.
    parts = [] if not _PARTIAL.isdisjoint(dump_options) else [part for _, part in _parts(value)]
    while parts:
        part = parts.pop()
        if isinstance(part, BaseModel) and _loses_itself(plan_for(type(part)), part, {}):
            return True
        parts += [inner for _, inner in _parts(part)]
    return False


def _loses_itself(plan: ModelPlan, value: Any, dump_options: DumpOptions) -> bool:
    if plan.traits.is_closed:
        return False
    options: Any = {**dump_options, "mode": "json", "warnings": False}
    told: Any = plan.telling_serializer
    return _is_none_for_number(plan.serializer.to_python(value, **options), told.to_python(value, **options))


def _is_none_for_number(written: Any, told: Any) -> bool:
    if isinstance(told, float):
        return written is None
    if isinstance(told, dict) and isinstance(written, dict):
        return any(name in written and _is_none_for_number(written[name], part) for name, part in told.items())
    return isinstance(told, list) and isinstance(written, list) and any(map(_is_none_for_number, written, told))


def _refusal(path: tuple[str | int, ...], plan: ModelPlan, format_name: str) -> EncodeError:
    message = (
        "NaN or an infinity would be written as null and not be read back; set ser_json_inf_nan in the model's "
        "configuration, or allow_non_finite=True in SerializationConfig"
    )
    return EncodeError(message, model=plan.name, format=format_name, path=path)


def part_check(plan: ModelPlan, options: FormatOptions) -> Callable[[Any], bool] | None:
    """Return what says whether a value holds NaN or infinities; ``None`` if they may be written, or none can be there."""
    may_write = options.allow_non_finite or not plan.traits.has_floats
    return None if may_write or has_own(plan.model, "model_dump_json") else holds_non_finite


def holds_non_finite(value: Any) -> bool:
    """Say whether a value holds NaN or an infinity of which nothing says how it is written."""
    return _may_hold(value) and non_finite_path(value) is not None


def _may_hold(value: Any) -> bool:
    """Say whether there is any NaN or infinity in a value, whatever becomes of it: quickly, since most hold none."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        part = pending.pop()
        kind = part.__class__
        if kind in _PLAIN:
            continue
        if isinstance(part, float):
            if not math.isfinite(part):
                return True
        elif id(part) not in seen:
            seen.add(id(part))
            if isinstance(part, BaseModel):
                pending += part.__dict__.values()
                pending += (part.__pydantic_extra__ or {}).values()
            elif kind is dict:
                pending += part.values()
            elif kind is list:
                pending += part
            else:
                pending += [inner for _, inner in _parts(part)]
    return False


def non_finite_path(value: Any) -> tuple[str | int, ...] | None:
    """Return where the first NaN or infinity is of which nothing says how it is written; ``None`` if there is none."""
    pending = [_Place(value, None, "", False)]
    seen: dict[int, Any] = {}  # they live on, or another could get the same number
    while pending:
        place = pending.pop()
        part = place.value
        if isinstance(part, float):
            if not math.isfinite(part) and not place.is_told:
                return place.path()
            continue
        if part is None or isinstance(part, (str, bytes, int)) or id(part) in seen:
            continue
        seen[id(part)] = part
        is_told = _tells(part, place.is_told)
        pending += reversed([_Place(inner, place, name, is_told) for name, inner in _parts(part)])
    return None


class _Place(NamedTuple):
    """A part of a value, the place that it is in, its name there, and whether a model says how its floats are written."""

    value: Any
    around: _Place | None
    name: str | int
    is_told: bool

    def path(self) -> tuple[str | int, ...]:
        place, names = self, []
        while place.around is not None:
            names.append(place.name)
            place = place.around
        return tuple(reversed(names))


def _tells(value: Any, around: bool) -> bool:
    config = getattr(type(value), "model_config", None) if isinstance(value, BaseModel) else None
    if config is None:
        config = getattr(type(value), "__pydantic_config__", None)
    return around if config is None else config.get("ser_json_inf_nan") is not None


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    """Yield what is written of a value. Of a key of a dict, which is payload, only the place is told."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        for name, part in value.__dict__.items():
            if name not in fields or not fields[name].exclude:
                yield name, part
        yield from (value.__pydantic_extra__ or {}).items()
    elif isinstance(value, dict):
        for index, part in enumerate(value.values()):
            yield f"<key {index}>", part
    elif isinstance(value, _ITEMS):
        yield from enumerate(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield field.name, getattr(value, field.name, None)
    elif not isinstance(value, type):
        yield from getattr(value, "__dict__", {}).items()


def _has_constant(text: bytes) -> bool:
    outside = _STRING.sub(b"", text)
    return b"NaN" in outside or b"Infinity" in outside


def _shape(text: bytes) -> bytes:
    return _SCALAR.sub(b"0", _STRING.sub(b"0", text))


def _nulls(text: bytes) -> int:
    return _STRING.sub(b"", text).count(b"null")
