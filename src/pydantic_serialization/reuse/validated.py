"""Validated models by the very bytes that they were read from.

Only where reading is a function of the bytes alone (``plan.purity``), and only in this process. What is kept never
reaches two readers in a form that one of them could change: an instance that is frozen all the way down is shared, of
any other each reader gets a private copy. A document is kept when it is read for the second time, so what is read once
costs a lookup; and where lookups do not pay, they are switched off (:mod:`~pydantic_serialization.reuse.payoff`).
"""

from __future__ import annotations

from operator import attrgetter
from sys import getsizeof
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.cache.s3fifo import MOST_VISITS
from pydantic_serialization.frame import is_frame
from pydantic_serialization.plan.copying import bind_copy
from pydantic_serialization.plan.purity import why_reading_is_impure
from pydantic_serialization.plan.sharing import frozen_models, why_not_frozen
from pydantic_serialization.reuse._base import Catalog, Remembering
from pydantic_serialization.reuse.footprint import FootprintEstimate
from pydantic_serialization.reuse.store import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from collections.abc import Set as AbstractSet

    from pydantic_serialization._types import Input, LoadOptions
    from pydantic_serialization.plan import ModelPlan
    from pydantic_serialization.reuse._base import Key
    from pydantic_serialization.reuse.store import InstanceStore

_SWITCHES: Final = ("strict", "by_alias", "by_name")
_names_of: Final = attrgetter("__pydantic_fields_set__")


class RememberedReads(Remembering):
    """Remembers the reads of one pipeline.

    Args:
        plan: The type, reading which is pure.
        store: Where models are kept.
        foreign: First bytes of input that may be of another format, which is not kept.
        former: What remembered the same type under other settings; its counts go on.
    """

    def __init__(
        self, plan: ModelPlan, store: InstanceStore, foreign: AbstractSet[int], former: RememberedReads | None = None
    ) -> None:
        not_frozen = why_not_frozen(plan)
        super().__init__(store, "share" if not_frozen is None else "clone", not_frozen or "", former)
        self._may_be_frozen = not_frozen is None
        self._foreign = foreign
        self._copy = bind_copy(plan)
        self._footprint = FootprintEstimate()

    def bind(self, load: Callable[[Input], Any]) -> Callable[[Input], Any]:
        """Return ``load`` with what was read before looked up first; input that is not exactly ``bytes`` is read anew.

        Args:
            load: Bytes to a validated value.
        """
        owner, find, payoff, copy = self._owner, self._store.find, self.payoff, self._copy

        def remembered(data: Input) -> Any:
            if type(data) is not bytes:
                return load(data)
            key = (owner, data)
            payoff.countdown -= 1
            if payoff.countdown <= 0:
                return self._timed(key, load, data)
            # The lines of _given_out() once more: a call costs as much as all the rest of a hit.
            node = find(key)
            if node is None:
                return self._missed(key, load, data)
            kept, names, parts, names_of_parts = node.value
            if names is None:
                value = copy(kept)
            elif kept.__pydantic_fields_set__ == names and (not parts or [*map(_names_of, parts)] == names_of_parts):
                value = kept
            else:
                return self._missed(key, load, data)
            payoff.hits += 1
            if node.visits < MOST_VISITS:
                node.visits += 1
            return value

        return remembered

    def bind_with(self, load_with: Callable[[Input, LoadOptions], Any]) -> Callable[[Input, LoadOptions], Any]:
        """Return ``load_with`` with what was read under the same options looked up first, likewise.

        Args:
            load_with: Bytes to a validated value, with Pydantic's options.
        """

        def remembered_with(data: Input, options: LoadOptions) -> Any:
            if type(data) is not bytes:
                return load_with(data, options)
            settings = _settings_of(options)
            if settings is None:
                self._bypassed += 1
                return load_with(data, options)

            def load(given: Input) -> Any:
                return load_with(given, options)

            # Another validation of the same bytes; without settings it is the one of plain reads.
            key = (self._owner, (data, *settings) if settings else data)
            return self._looked_up(key, load, data)

        return remembered_with

    def watched(self, data: Input, calls: int, work_ns: int) -> None:
        """Take in a read for which nothing was looked up."""
        if type(data) is bytes:
            self._watched((self._owner, data), data, calls, work_ns)

    def watched_with(self, data: Input, options: LoadOptions, calls: int, work_ns: int) -> None:
        """Take in a read with options for which nothing was looked up."""
        settings = _settings_of(options)
        if type(data) is bytes and settings is not None:
            self._watched((self._owner, (data, *settings) if settings else data), data, calls, work_ns)

    def _given_out(self, node: Stored, subject: Any) -> Any:  # noqa: ARG002  (the key says it all)
        kept, names, parts, names_of_parts = node.value
        if names is None:
            return self._copy(kept)
        return kept if _names_of(kept) == names and [*map(_names_of, parts)] == names_of_parts else None

    def _keep(self, key: Key, subject: bytes, result: Any, made_ns: int) -> None:
        # A frame may expire, and a document of another format may not be pure.
        if result is None or subject[0] in self._foreign or is_frame(subject):
            return
        began = perf_counter_ns()
        models = frozen_models(result) if self._may_be_frozen else None
        # Frozen models hand out their sets of fields as they are: a hit makes sure that nobody has changed one.
        names, *names_of_parts = (None,) if models is None else [set(item.model_fields_set) for item in models]
        parts = [] if models is None else models[1:]
        kept = result
        if names is None:
            try:
                kept = self._copy(result)
            except Exception as error:  # noqa: BLE001  (whatever code of the value's classes raises)
                self.payoff.stop(f"a value cannot be copied ({type(error).__name__})")
                return
            self.payoff.compared(perf_counter_ns() - began, made_ns)
        self._mode = "clone" if names is None else "share"
        stored = (kept, names, parts, names_of_parts)
        self._store.put(Stored(key, stored, getsizeof(subject) + self._footprint.of(stored, len(subject))))
        self.payoff.stored(perf_counter_ns() - began)


class ValidationCache(Catalog[RememberedReads]):
    """The validation caches of all pipelines of one serializer."""

    def reads(self, plan: ModelPlan, label: str, foreign: AbstractSet[int]) -> RememberedReads | None:
        """Return what remembers the reads of one pipeline, or ``None`` where reading depends on more than the bytes.

        Args:
            plan: The type.
            label: What the statistics call it.
            foreign: First bytes of input that may be of another format.
        """
        former = self.forget(label)
        reason = why_reading_is_impure(plan)
        if reason is not None:
            self._declined[label] = reason
            return None
        self._members[label] = RememberedReads(plan, self._store, foreign, former)
        return self._members[label]


def _settings_of(options: LoadOptions) -> tuple[Hashable, ...] | None:
    """Return options as part of a key, or ``None`` where the value depends on more than them and the bytes."""
    settings: list[Hashable] = []
    for name, value in options.items():
        if value is None:
            continue
        if name not in _SWITCHES or (value is not True and value is not False):
            return None
        settings.append((name, value))
    return tuple(settings)
