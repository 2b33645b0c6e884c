"""Do the same with Pydantic and with what is bound in its place, and keep every difference."""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel, TypeAdapter
from pydantic_core import SchemaSerializer, SchemaValidator

from conformance import documents, instances
from conformance.outcomes import Outcome, mark, outcome
from conformance.sides import Bind, Side, side_of
from pydantic_serialization.plan.compiler import compile_plan, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_serialization.plan import ModelPlan

SECONDS_TO_BIND = 3.0
FUZZED_INSTANCES = 2
"""Of one class; the others are compared as they are."""
_STRICTLY = 5
"""One document of so many is read strictly too; coprime with the number of values, so that it is not the same ones."""
_SHOWN = 600

_WRITING: tuple[dict[str, Any], ...] = (
    {},
    {"indent": 2},
    {"by_alias": True},
    {"by_alias": False},
    {"exclude_none": True},
    {"exclude_unset": True},
    {"exclude_defaults": True},
    {"by_alias": True, "exclude_none": True, "exclude_unset": True},
    {"round_trip": True},
    {"exclude_computed_fields": True},
    {"serialize_as_any": True},
    {"warnings": False},
    {"warnings": "error"},
    {"ensure_ascii": True},
    {"context": {"mode": "x-only", "multiplier": 3}},
    {"fallback": lambda _value: "fell back"},
    {"polymorphic_serialization": True},
)
_READING: tuple[dict[str, Any], ...] = (
    {"strict": True},
    {"by_name": True},
    {"by_alias": False, "by_name": True},
    {"extra": "allow"},
    {"extra": "forbid"},
    {"extra": "ignore"},
    {"context": {"mode": "x-only", "multiplier": 3}},
)


def _known(options: tuple[dict[str, Any], ...], core: Any) -> tuple[dict[str, Any], ...]:
    """Return the sets of options that this version of Pydantic has."""
    text = core.__text_signature__ or ""
    return tuple(chosen for chosen in options if all(f"{name}=" in text for name in chosen))


WRITING = _known(_WRITING, SchemaSerializer.to_json)
READING = _known(_READING, SchemaValidator.validate_json)


class TooLong(BaseException):
    """Binding a type takes longer than anyone waits."""


def _too_long(_signal: int, _frame: Any) -> None:
    raise TooLong


@dataclass
class Mismatch:
    """A call that does not do what Pydantic does: enough to repeat it by hand."""

    test: str
    subject: str
    call: str
    input: str
    pydantic: str
    ours: str


@dataclass
class Comparison:
    """Compares types in both directions, and counts.

    Attributes:
        bind_encoder: What is compared with Pydantic's serializer.
        bind_decoder: What is compared with Pydantic's validator.
        skip_declined: Do not compare Pydantic with itself.
        seconds: How long to go on with what one test has made.
    """

    bind_encoder: Bind
    bind_decoder: Bind
    skip_declined: bool = True
    seconds: float = 30.0
    test: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    mismatches: list[Mismatch] = field(default_factory=list)
    _fuzzed: WeakKeyDictionary[Any, int] = field(default_factory=WeakKeyDictionary)
    _sides: WeakKeyDictionary[Any, tuple[Any, Side | None, Side | None]] = field(default_factory=WeakKeyDictionary)
    _ends: float = 0.0

    def run(self, test: str, models: list[BaseModel], uses: list[tuple[TypeAdapter[Any], Any]]) -> None:
        """Compare what one test has made."""
        self.test, self._ends = test, time.monotonic() + self.seconds
        for model in models:
            if type(model).__dict__.get("__pydantic_complete__"):
                self.counts["instances"] += 1
                self._model(model)
        for adapter, value in uses:
            if adapter.pydantic_complete and not adapter._config:  # noqa: SLF001
                self.counts["adapter uses"] += 1
                self._adapted(adapter, value)

    def _is_fuzzed(self, holder: Any) -> bool:
        done: int = self._fuzzed.get(holder, 0)
        self._fuzzed[holder] = done + 1
        return done < FUZZED_INSTANCES

    def _model(self, model: BaseModel) -> None:
        cls = type(model)
        writing, reading = self._sides_of(cls, lambda: compile_plan(cls), cls.__pydantic_serializer__)
        is_fuzzed = self._is_fuzzed(cls)
        texts = [text for text in (_written(cls, model), _written(cls, model, by_alias=True)) if text is not None]
        if writing is not None:
            for options in (*WRITING, *_chosen_fields(cls)):
                self._compare(writing, "to_json", model, options, is_right=not options)
            for other in _steadily(lambda: instances.around(model)) if is_fuzzed else ():
                self._compare(writing, "to_json", other, {})
        if reading is not None:
            for text in texts:
                for options in ({}, *READING):
                    self._compare(reading, "validate_json", text, options, is_right=not options)
                self._compare(reading, "validate_json", text.decode(errors="replace"), {})
            for number, document in enumerate(self._documents(texts, _input_names(cls)) if is_fuzzed else ()):
                self._compare(reading, "validate_json", document, {})
                if number % _STRICTLY == 0:
                    self._compare(reading, "validate_json", document, {"strict": True})

    def _documents(self, texts: list[bytes], names: dict[str, str]) -> Iterator[bytes]:
        for text in texts:
            pairs = documents.members(text)
            if pairs is None:
                yield from documents.whole()
                return
            yield from documents.around(pairs)
            renamed = [(names.get(key, key), value) for key, value in pairs]
            if renamed != pairs:
                yield from documents.around(renamed)

    def _adapted(self, adapter: TypeAdapter[Any], value: Any) -> None:
        def plan() -> ModelPlan:
            return plan_of(adapter._type, adapter.core_schema, adapter.serializer, adapter.validator)  # noqa: SLF001

        writing, reading = self._sides_of(adapter, plan, adapter.serializer)
        is_fuzzed = self._is_fuzzed(adapter)
        if writing is not None:
            for options in WRITING:
                self._compare(writing, "to_json", value, options, is_right=not options)
            for other in instances.VALUES if is_fuzzed else ():
                self._compare(writing, "to_json", other, {})
        if reading is not None:
            text = _written(adapter, value)
            for document in [] if text is None else [text]:
                for options in ({}, *READING):
                    self._compare(reading, "validate_json", document, options, is_right=not options)
            for document in documents.whole() if is_fuzzed else ():
                self._compare(reading, "validate_json", document, {})

    def _sides_of(self, holder: Any, plan_for: Callable[[], ModelPlan], source: Any) -> tuple[Side | None, Side | None]:
        known = self._sides.get(holder)
        if known is not None and known[0] is source:
            return known[1:]
        signal.signal(signal.SIGALRM, _too_long)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_BIND)
        try:
            sides = self._bound(plan_for())
        except TooLong:
            self._found(Mismatch(self.test, repr(holder)[:_SHOWN], "bind", "", f"{SECONDS_TO_BIND} s", "takes longer"))
            sides = [None, None]
        except Exception as error:  # noqa: BLE001  (what cannot be bound has to be declined)
            self._found(Mismatch(self.test, repr(holder)[:_SHOWN], "bind", "", "works", f"raises {error!r}"))
            sides = [None, None]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._sides[holder] = (source, sides[0], sides[1])
        return sides[0], sides[1]

    def _bound(self, plan: ModelPlan) -> list[Side | None]:
        sides: list[Side | None] = []
        for core, bind, function, compiled in (
            (SchemaSerializer, self.bind_encoder, "to_json", plan.encoding),
            (SchemaValidator, self.bind_decoder, "validate_json", plan.decoding),
        ):
            pydantics = plan.serializer if function == "to_json" else plan.validator
            side = None
            if type(pydantics) is core and plan.wire_schema is plan.schema:
                side = side_of(getattr(pydantics, function), plan, bind, compiled)
                self.counts[f"{function}: types"] += 1
                self.counts[f"{function}: declined types"] += side.is_declined
                if side.is_declined:
                    self.reasons[f"{function}: {side.reason}"] += 1
            sides.append(None if side is None or (side.is_declined and self.skip_declined) else side)
        return sides

    def _found(self, mismatch: Mismatch) -> None:
        self.counts["mismatches"] += 1
        self.mismatches.append(mismatch)

    def _compare(self, side: Side, call: str, value: Any, options: dict[str, Any], *, is_right: bool = False) -> None:
        if time.monotonic() > self._ends:
            self.counts["calls left out, out of time"] += 1
            return
        expected = outcome(lambda: side.pydantic(value, **options))
        side.fallbacks[0] = 0
        found = outcome(lambda: side.ours(value, **options))
        kind = "right values" if is_right else "any values"
        self.counts[f"{call}: compared, {kind}"] += 1
        self.counts[f"{call}: native, {kind}"] += not side.fallbacks[0]
        if found == expected:
            return
        if outcome(lambda: side.pydantic(value, **options)) != expected:
            self.counts["calls left out, pydantic disagrees with itself"] += 1
            return
        self._found(self._described(side, call, value, options, expected, found))

    def _described(
        self, side: Side, call: str, value: Any, options: dict[str, Any], expected: Outcome, found: Outcome
    ) -> Mismatch:
        shown = repr(value) if isinstance(value, (bytes, str)) else repr(mark(value))
        text = f"{call}({', '.join(f'{name}={option!r}' for name, option in options.items())})"
        return Mismatch(
            self.test, side.reason, text, shown[:_SHOWN], *(repr(item)[:_SHOWN] for item in _apart(expected, found))
        )


def _apart(left: Any, right: Any) -> tuple[Any, Any]:
    """Return the innermost place at which two outcomes differ."""
    while type(left) is type(right) is tuple and len(left) == len(right):
        differing = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
        if len(differing) != 1:
            break
        left, right = differing[0]
    return left, right


def _written(holder: Any, value: Any, **options: Any) -> bytes | None:
    serializer = holder.serializer if isinstance(holder, TypeAdapter) else holder.__pydantic_serializer__
    result = outcome(lambda: _Bytes(serializer.to_json(value, warnings=False, **options)))
    return _Bytes.last if result[0][0] == "gives" else None


class _Bytes:
    """Carries a result past the comparison of outcomes."""

    last: bytes = b""

    def __init__(self, data: bytes) -> None:
        _Bytes.last = data


def _chosen_fields(cls: type[BaseModel]) -> Iterator[dict[str, Any]]:
    names = list(cls.__pydantic_fields__)[:1]
    if names:
        yield {"include": set(names)}
        yield {"exclude": set(names)}


def _input_names(cls: type[BaseModel]) -> dict[str, str]:
    """Return by which key a field is read, where that is not its name."""
    names = {}
    for name, info in cls.__pydantic_fields__.items():
        alias = info.validation_alias
        choices = getattr(alias, "choices", [alias])
        first = next((choice for choice in choices if isinstance(choice, str)), None)
        if first is not None:
            names[name] = names[info.serialization_alias or name] = first
    return names


def _steadily(make: Callable[[], Iterator[BaseModel]]) -> Iterator[BaseModel]:
    """Yield instances until one cannot be made: a user's ``__new__`` may want arguments."""
    try:
        yield from make()
    except Exception:  # noqa: BLE001
        return
