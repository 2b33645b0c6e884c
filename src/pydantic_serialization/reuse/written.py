"""Bytes by the very instance that they were written from, where it is frozen all the way down.

An instance that cannot change always gives the same bytes, as long as no code of the user's takes part in writing that
was not declared pure. It is found by its identity: the entry refers to it weakly, is gone when it is, and is never
taken for that of a later object at the same address. Nothing that can change anywhere below is remembered. What is
written for the first time costs a lookup; what is written again is kept.
"""

from __future__ import annotations

import weakref
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.cache.s3fifo import MOST_VISITS
from pydantic_serialization.frame import is_frame
from pydantic_serialization.plan.purity import why_writing_is_impure
from pydantic_serialization.plan.sharing import frozen_models, why_not_frozen
from pydantic_serialization.reuse._base import Catalog, Remembering
from pydantic_serialization.reuse.store import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.plan import ModelPlan
    from pydantic_serialization.reuse._base import Key
    from pydantic_serialization.reuse.store import InstanceStore

_SWITCHES: Final = frozenset({"by_alias", "exclude_none", "exclude_computed_fields", "round_trip", "ensure_ascii"})
_SIGHTINGS: Final = 1024
_REFERENCE_BYTES: Final = 400
"""Bytes of a weak reference with its callback. Measured with ``tracemalloc`` on CPython 3.11, rounded up."""


class RememberedWrites(Remembering):
    """Remembers the writes of one pipeline.

    Args:
        store: Where bytes are kept.
        encode_with: The format's function that writes with options: it tells values that Pydantic warns about.
        former: What remembered the same type under other settings; its counts go on.
    """

    def __init__(
        self,
        store: InstanceStore,
        encode_with: Callable[[Any, DumpOptions], bytes],
        former: RememberedWrites | None = None,
    ) -> None:
        super().__init__(store, "share", "", former)
        self._encode_with = encode_with
        self._seen: dict[Hashable, weakref.ref[Any]] = {}
        self._seen_before: dict[Hashable, weakref.ref[Any]] = {}

    def bind(self, dump: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
        """Return ``dump`` with what was written before looked up first.

        Args:
            dump: Value to bytes.
        """
        owner, find, payoff = self._owner, self._store.find, self.payoff

        def remembered(value: Any) -> bytes:
            key = (owner, id(value))
            payoff.countdown -= 1
            if payoff.countdown <= 0:
                timed: bytes = self._timed(key, dump, value)
                return timed
            node = find(key)
            if node is None or node.value[0]() is not value:
                made: bytes = self._missed(key, dump, value)
                return made
            payoff.hits += 1
            if node.visits < MOST_VISITS:
                node.visits += 1
            found: bytes = node.value[1]
            return found

        return remembered

    def bind_with(self, dump_with: Callable[[Any, DumpOptions], Any]) -> Callable[[Any, DumpOptions], Any]:
        """Return ``dump_with`` with what was written under the same options looked up first.

        Args:
            dump_with: Value to bytes, with Pydantic's options. What gives something else than bytes is not kept.
        """

        def remembered_with(value: Any, options: DumpOptions) -> Any:
            settings = _settings_of(options)
            if settings is None:
                self._bypassed += 1
                return dump_with(value, options)
            key = (self._owner, (id(value), *settings) if settings else id(value))
            return self._looked_up(key, lambda given: dump_with(given, options), value)

        return remembered_with

    def watched(self, value: Any, calls: int, work_ns: int) -> None:
        """Take in a write for which nothing was looked up."""
        self._watched((self._owner, id(value)), value, calls, work_ns)

    def watched_with(self, value: Any, options: DumpOptions, calls: int, work_ns: int) -> None:
        """Take in a write with options for which nothing was looked up."""
        settings = _settings_of(options)
        if settings is not None:
            self._watched((self._owner, (id(value), *settings) if settings else id(value)), value, calls, work_ns)

    def _given_out(self, node: Stored, subject: Any) -> Any:
        return node.value[1] if node.value[0]() is subject else None

    def _is_second_sighting(self, key: Key, subject: Any) -> bool:
        # Not by the address alone: in a busy program nearly every new instance stands where another has stood.
        _, mark = key
        seen = self._seen.get(mark) or self._seen_before.get(mark)
        if seen is not None and seen() is subject:
            return True
        try:
            self._seen[mark] = weakref.ref(subject)
        except TypeError:
            return False
        if len(self._seen) >= _SIGHTINGS:
            self._seen_before, self._seen = self._seen, {}
        return False

    def _keep(self, key: Key, subject: Any, result: Any, made_ns: int) -> None:  # noqa: ARG002  (nothing is copied)
        # A sealed result says when it was made.
        if not isinstance(result, bytes) or is_frame(result):
            return
        began = perf_counter_ns()
        reference = self._reference(key, subject)
        if reference is not None:
            self._store.put(Stored(key, (reference, result), _REFERENCE_BYTES + len(result)))
        self.payoff.stored(perf_counter_ns() - began)

    def _reference(self, key: Key, subject: Any) -> weakref.ref[Any] | None:
        """Return a weak reference to a value that always gives the same bytes, or ``None`` if it may not."""
        if frozen_models(subject) is None:
            return None
        drop = self._store.drop
        try:
            # A value that does not fit its type is warned about each time it is written, so it is written each time.
            self._encode_with(subject, {"warnings": "error"})
            return weakref.ref(subject, lambda _: drop(key))
        except Exception:  # noqa: BLE001  (Pydantic's error; or the class has no weak references)
            return None


class IdentityMemo(Catalog[RememberedWrites]):
    """The memos of all pipelines of one serializer. Types that can change are not in it."""

    def writes(
        self, plan: ModelPlan, label: str, encode_with: Callable[[Any, DumpOptions], bytes]
    ) -> RememberedWrites | None:
        """Return what remembers the writes of one pipeline, or ``None`` where its values can change.

        Args:
            plan: The type.
            label: What the statistics call it.
            encode_with: The format's function that writes with options.
        """
        former = self.forget(label)
        if why_not_frozen(plan) is not None:
            return None
        reason = why_writing_is_impure(plan)
        if reason is not None:
            self._declined[label] = reason
            return None
        self._members[label] = RememberedWrites(self._store, encode_with, former)
        return self._members[label]


def _settings_of(options: DumpOptions) -> tuple[Hashable, ...] | None:
    """Return options as part of a key, or ``None`` where the bytes depend on more than them and the value."""
    settings: list[Hashable] = []
    for name, value in options.items():
        is_switch = name in _SWITCHES and (value is None or value is True or value is False)
        if not is_switch and not (name == "indent" and type(value) is int):
            return None
        settings.append((name, value))
    return tuple(settings)
