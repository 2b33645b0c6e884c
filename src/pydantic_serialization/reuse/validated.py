"""Validated models by the very bytes that they were read from.

Only where reading is a function of the bytes alone (``plan.purity``), and only in this process. What is kept never
reaches two readers in a form that one of them could change: an instance that is frozen all the way down is shared, of
any other each reader gets a private copy. A document is kept when it is read for the second time, so what is read once
costs a lookup; and where lookups do not pay, they are switched off (:mod:`~pydantic_serialization.reuse.payoff`).
"""

from __future__ import annotations

from sys import getsizeof
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict

from pydantic_serialization.cache.s3fifo import MOST_VISITS
from pydantic_serialization.frame import is_frame
from pydantic_serialization.plan.copying import bind_copy
from pydantic_serialization.plan.frozen import frozen_models, why_not_frozen
from pydantic_serialization.plan.purity import why_reading_is_impure
from pydantic_serialization.reuse.footprint import footprint
from pydantic_serialization.reuse.payoff import Payoff
from pydantic_serialization.reuse.store import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from collections.abc import Set as AbstractSet

    from pydantic import BaseModel

    from pydantic_serialization._types import Input, LoadOptions
    from pydantic_serialization.plan import ModelPlan
    from pydantic_serialization.reuse.store import InstanceStore

Mode = Literal["share", "clone", "off"]
"""Readers get the same frozen instance; each gets a copy; every document is validated."""

Key: TypeAlias = "tuple[object, Hashable]"

_LOOKED_UP: Final = frozenset({"strict", "context"})


class ValidationStats(TypedDict):
    """Numbers of one type and format."""

    mode: Mode
    reason: str
    """Why it is not the mode before it in the list of modes; empty for ``share``."""
    hits: int
    misses: int
    hit_rate: float
    bypassed: int
    """Reads that were not looked up because of their options: a validation context."""
    hit_time: float
    """Seconds that a hit takes, a copy included; 0.0 where none was measured."""
    validation_time: float
    """Seconds that decompressing and validating take; 0.0 where none was measured."""
    saved_time: float
    """Seconds that hits have saved, estimated from the two times before."""


class ValidationCacheStats(TypedDict):
    """Numbers of the validation cache."""

    hits: int
    misses: int
    hit_rate: float
    models: dict[str, ValidationStats]
    """By type, and format where the caller named one: ``"User"``, ``"User:msgpack"``."""


class ValidationCache:
    """The validation caches of all pipelines of one serializer.

    Args:
        store: Where models are kept.
    """

    def __init__(self, store: InstanceStore) -> None:
        self._store = store
        self._reads: dict[str, RememberedReads] = {}
        self._impure: dict[str, str] = {}

    def reads(self, plan: ModelPlan, label: str) -> RememberedReads | None:
        """Return what remembers the reads of one pipeline, or ``None`` where reading depends on more than the bytes.

        Args:
            plan: The type.
            label: What the statistics call it.
        """
        former = self.forget(label)
        reason = why_reading_is_impure(plan)
        if reason is not None:
            self._impure[label] = reason
            return None
        self._reads[label] = RememberedReads(plan, self._store, former)
        return self._reads[label]

    def forget(self, label: str) -> RememberedReads | None:
        """Give up what is kept for one pipeline, and return what remembered it."""
        former = self._reads.pop(label, None)
        self._impure.pop(label, None)
        if former is not None:
            former.forget()
        return former

    def stats(self) -> ValidationCacheStats:
        """Return the numbers since the serializer was made."""
        models = {label: reads.stats() for label, reads in tuple(self._reads.items())}
        for label, reason in tuple(self._impure.items()):
            models[label] = _off(reason)
        hits, misses = (sum(item[name] for item in models.values()) for name in ("hits", "misses"))
        return ValidationCacheStats(hits=hits, misses=misses, hit_rate=_share(hits, hits + misses), models=models)


class RememberedReads:
    """Remembers the reads of one pipeline.

    Attributes:
        payoff: Whether looking up pays; the pipeline looks at :attr:`Payoff.active`.

    Args:
        plan: The type, reading which is pure.
        store: Where models are kept.
        former: What remembered the same type under other settings; its counts go on.
    """

    def __init__(self, plan: ModelPlan, store: InstanceStore, former: RememberedReads | None = None) -> None:
        self.payoff = Payoff()
        self._store = store
        self._copy = bind_copy(plan)
        self._not_shared = why_not_frozen(plan)
        self._mode: Mode = "share" if self._not_shared is None else "clone"
        self._owner = object()
        self._bypassed = 0
        self._former = None if former is None else former.stats()

    def bind(self, load: Callable[[Input], Any], foreign: AbstractSet[int]) -> Callable[[bytes], Any]:
        """Return ``load`` for exact ``bytes``, with what was read before looked up first.

        Args:
            load: Bytes to a validated value.
            foreign: First bytes of input that may be of another format, which is not kept.
        """
        owner, find, payoff, copy = self._owner, self._store.find, self.payoff, self._copy

        def remembered(data: bytes) -> Any:
            key = (owner, data)
            payoff.countdown -= 1
            if payoff.countdown <= 0:
                return self._timed(key, load, data, foreign)
            # The lines of _found() once more: a call costs as much as all the rest of a hit.
            node = find(key)
            if node is None:
                return self._missed(key, load, data, foreign)
            kept, guards = node.value
            if guards is None:
                value = copy(kept)
            elif _is_untouched(guards):
                value = kept
            else:
                return self._missed(key, load, data, foreign)
            payoff.hits += 1
            if node.visits < MOST_VISITS:
                node.visits += 1
            return value

        return remembered

    def bind_with(
        self, load_with: Callable[[Input, LoadOptions], Any], foreign: AbstractSet[int]
    ) -> Callable[[bytes, LoadOptions], Any]:
        """Return ``load_with`` for exact ``bytes``, with what was read under the same options looked up first.

        Args:
            load_with: Bytes to a validated value, with Pydantic's options.
            foreign: First bytes of input that may be of another format, which is not kept.
        """

        def remembered_with(data: bytes, options: LoadOptions) -> Any:
            strict = options.get("strict")
            is_plain = strict is None or strict is True or strict is False
            if not is_plain or not options.keys() <= _LOOKED_UP or options.get("context") is not None:
                self._bypassed += 1
                return load_with(data, options)

            def load(given: Input) -> Any:
                return load_with(given, options)

            # Another validation under the same bytes; without "strict" it is the one of plain reads.
            key = (self._owner, data if strict is None else (strict, data))
            self.payoff.countdown -= 1
            return self._timed(key, load, data, foreign)

        return remembered_with

    def forget(self) -> None:
        """Give up everything that is kept, for good."""
        self._store.drop_owned(self._owner)
        self._owner = object()

    def stats(self) -> ValidationStats:
        """Return the numbers."""
        payoff, former = self.payoff, self._former
        hits, misses, bypassed = payoff.hits, max(payoff.lookups - payoff.hits, 0), self._bypassed
        saved = hits * (payoff.made_ns - payoff.hit_ns)
        if former is not None:
            hits, misses, bypassed = hits + former["hits"], misses + former["misses"], bypassed + former["bypassed"]
        return ValidationStats(
            mode=self._mode if payoff.active else "off",
            reason=payoff.reason or self._not_shared or "",
            hits=hits,
            misses=misses,
            hit_rate=_share(hits, hits + misses),
            bypassed=bypassed,
            hit_time=payoff.hit_ns / 1e9,
            validation_time=(payoff.made_ns or payoff.work_ns) / 1e9,
            saved_time=saved / 1e9 + (0.0 if former is None else former["saved_time"]),
        )

    def _found(self, key: Key) -> tuple[Stored, Any] | None:
        """Return an entry and the value for the reader, or ``None`` where there is none that may be given out."""
        node = self._store.find(key)
        if node is None:
            return None
        kept, guards = node.value
        if guards is None:
            return node, self._copy(kept)
        return (node, kept) if _is_untouched(guards) else None

    def _timed(self, key: Key, load: Callable[[Input], Any], data: bytes, foreign: AbstractSet[int]) -> Any:
        """Look up, load what is not found, and tell the account what both took."""
        payoff = self.payoff
        began = perf_counter_ns()
        found = self._found(key)
        if found is not None:
            elapsed = perf_counter_ns() - began
            node, value = found
            payoff.hits += 1
            node.visits = min(node.visits + 1, MOST_VISITS)
            if payoff.wants_comparison:
                began = perf_counter_ns()
                value = load(data)
                payoff.compared(elapsed, perf_counter_ns() - began)
            self._end_block()
            return value
        is_second = self._store.is_second_sighting(key)
        elapsed = perf_counter_ns() - began
        began = perf_counter_ns()
        value = load(data)
        made_ns = perf_counter_ns() - began
        payoff.missed(elapsed, made_ns)
        if is_second:
            self._keep(key, data, value, made_ns, foreign)
        self._end_block()
        return value

    def _end_block(self) -> None:
        self.payoff.end_block()
        if not self.payoff.active:
            self._store.drop_owned(self._owner)

    def _missed(self, key: Key, load: Callable[[Input], Any], data: bytes, foreign: AbstractSet[int]) -> Any:
        """Load what was not found, and keep it if it is not the first time."""
        if not self._store.is_second_sighting(key):
            return load(data)
        began = perf_counter_ns()
        value = load(data)
        self._keep(key, data, value, perf_counter_ns() - began, foreign)
        return value

    def _keep(self, key: Key, data: bytes, value: Any, made_ns: int, foreign: AbstractSet[int]) -> None:
        """Store a value that its reader is about to get, where it may be stored."""
        # A frame may expire, and a document of another format may not be pure.
        if data[0] in foreign or is_frame(data) or not self.payoff.active:
            return
        began = perf_counter_ns()
        models = frozen_models(value) if self._not_shared is None else None
        guards = None if models is None else tuple([(item, frozenset(item.model_fields_set)) for item in models])
        kept = value
        if guards is None:
            try:
                kept = self._copy(value)
            except Exception as error:  # noqa: BLE001  (whatever code of the value's classes raises)
                self.payoff.stop(f"a value cannot be copied ({type(error).__name__})")
                return
            self.payoff.compared(perf_counter_ns() - began, made_ns)
        self._mode = "clone" if guards is None else "share"
        size = getsizeof(data) + footprint(kept) + footprint(guards and [names for _, names in guards])
        self._store.put(Stored(key, (kept, guards), size))
        self.payoff.stored(perf_counter_ns() - began)


def _is_untouched(guards: tuple[tuple[BaseModel, frozenset[str]], ...]) -> bool:
    """Say whether the sets of fields, which frozen models hand out as they are, hold what they held."""
    for model, names in guards:  # noqa: SIM110  (a generator costs four times the loop)
        if model.__pydantic_fields_set__ != names:
            return False
    return True


def _off(reason: str) -> ValidationStats:
    return ValidationStats(
        mode="off",
        reason=reason,
        hits=0,
        misses=0,
        hit_rate=0.0,
        bypassed=0,
        hit_time=0.0,
        validation_time=0.0,
        saved_time=0.0,
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
