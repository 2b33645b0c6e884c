"""What remembering reads and remembering writes have in common: look up, make, keep, and account for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypedDict, TypeVar

from pydantic_serialization.cache.s3fifo import MOST_VISITS
from pydantic_serialization.reuse.payoff import Payoff
from pydantic_serialization.reuse.watch import FIRST_LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from pydantic_serialization.reuse.store import InstanceStore, Stored

Key: TypeAlias = "tuple[object, Hashable]"

Mode = Literal["share", "clone", "off"]
"""Everybody gets the same object, which cannot change; everybody gets a copy; everything is made anew."""


class ReuseStats(TypedDict):
    """Numbers of one type and format."""

    mode: Mode
    reason: str
    """Why it is no better mode; empty for ``share``."""
    hits: int
    misses: int
    hit_rate: float
    bypassed: int
    """Calls that were not looked up because of their options."""
    hit_time: float
    """Seconds that a hit takes, a copy included; 0.0 where none was measured."""
    make_time: float
    """Seconds that making the result takes; 0.0 where none was measured."""
    saved_time: float
    """Seconds that hits have saved, estimated from the two times before."""


class CatalogStats(TypedDict):
    """Numbers of all types."""

    hits: int
    misses: int
    hit_rate: float
    models: dict[str, ReuseStats]
    """By type, and format where the caller named one: ``"User"``, ``"User:msgpack"``."""


class Remembering(ABC):
    """Remembers the results of one function of a pipeline.

    Attributes:
        payoff: Whether looking up pays; the pipeline looks at :attr:`Payoff.active`, and tells of calls without a lookup.

    Args:
        store: Where results are kept.
        mode: How results are given out while looking up pays.
        reason: Why that is no better mode.
        former: What remembered the same under other settings; its counts go on.
    """

    def __init__(self, store: InstanceStore, mode: Mode, reason: str, former: Remembering | None) -> None:
        self.payoff = new_payoff()
        self._store = store
        self._mode: Mode = mode
        self._reason = reason
        self._owner = object()
        self._bypassed = 0
        self._former = None if former is None else former.stats()

    def forget(self) -> None:
        """Give up everything that is kept, for good."""
        self._store.drop_owned(self._owner)
        self._owner = object()

    def stats(self) -> ReuseStats:
        """Return the numbers."""
        payoff, former = self.payoff, self._former
        hits, misses, bypassed = payoff.hits, max(payoff.lookups - payoff.hits, 0), self._bypassed
        saved = hits * (payoff.made_ns - payoff.hit_ns) / 1e9
        if former is not None:
            hits, misses, bypassed = hits + former["hits"], misses + former["misses"], bypassed + former["bypassed"]
            saved += former["saved_time"]
        mode: Mode = self._mode if payoff.active else "off"
        return ReuseStats(
            mode=mode,
            reason=payoff.reason or self._reason,
            hits=hits,
            misses=misses,
            hit_rate=_share(hits, hits + misses),
            bypassed=bypassed,
            hit_time=payoff.hit_ns / 1e9,
            make_time=(payoff.made_ns or payoff.work_ns) / 1e9,
            saved_time=saved,
        )

    @abstractmethod
    def _given_out(self, node: Stored, subject: Any) -> Any:
        """Return what an entry holds for ``subject``, ready for the caller, or ``None`` if it does not hold any more."""

    @abstractmethod
    def _keep(self, key: Key, subject: Any, result: Any, made_ns: int) -> None:
        """Store a result that the caller is about to get, where it may be stored."""

    def _looked_up(self, key: Key, make: Callable[[Any], Any], subject: Any) -> Any:
        """Look up, and make what is not found. What the hottest functions do in lines of their own."""
        payoff = self.payoff
        payoff.countdown -= 1
        if payoff.countdown <= 0:
            return self._timed(key, make, subject)
        node = self._store.find(key)
        result = None if node is None else self._given_out(node, subject)
        if node is None or result is None:
            return self._missed(key, make, subject)
        payoff.hits += 1
        node.visits = min(node.visits + 1, MOST_VISITS)
        return result

    def _watched(self, key: Key, subject: Any, calls: int, work_ns: int) -> None:
        """Take in one of the calls for which nothing was looked up.

        Args:
            key: What would have been looked up.
            subject: What the call was for.
            calls: Calls so far, on any counter that goes up.
            work_ns: What making the result took.
        """
        payoff = self.payoff
        if not payoff.watching:
            payoff.passed(calls)
        elif calls <= FIRST_LOOKS:
            payoff.glanced(calls, work_ns, repeated=self._is_second_sighting(key, subject))
        elif payoff.is_due(calls):
            began = perf_counter_ns()
            repeated = self._is_second_sighting(key, subject)
            payoff.looked(calls, perf_counter_ns() - began, work_ns, repeated=repeated)

    def _is_second_sighting(self, key: Key, subject: Any) -> bool:  # noqa: ARG002  (here the key says it all)
        """Say whether a subject was seen lately, and remember that it was."""
        return self._store.is_second_sighting(key)

    def _timed(self, key: Key, make: Callable[[Any], Any], subject: Any) -> Any:
        """Look up, make what is not found, and tell the account what both took."""
        payoff = self.payoff
        began = perf_counter_ns()
        node = self._store.find(key)
        result = None if node is None else self._given_out(node, subject)
        if node is not None and result is not None:
            elapsed = perf_counter_ns() - began
            payoff.hits += 1
            node.visits = min(node.visits + 1, MOST_VISITS)
            if payoff.wants_comparison:
                began = perf_counter_ns()
                result = make(subject)
                payoff.compared(elapsed, perf_counter_ns() - began)
            self._end_block()
            return result
        is_second = self._is_second_sighting(key, subject)
        elapsed = perf_counter_ns() - began
        began = perf_counter_ns()
        result = make(subject)
        made_ns = perf_counter_ns() - began
        payoff.missed(elapsed, made_ns)
        if is_second:
            self._keep(key, subject, result, made_ns)
        self._end_block()
        return result

    def _missed(self, key: Key, make: Callable[[Any], Any], subject: Any) -> Any:
        """Make what was not found, and keep it if it is not the first time."""
        if not self._is_second_sighting(key, subject):
            return make(subject)
        began = perf_counter_ns()
        result = make(subject)
        if self.payoff.active:
            self._keep(key, subject, result, perf_counter_ns() - began)
        return result

    def _end_block(self) -> None:
        self.payoff.end_block()
        if not self.payoff.active:
            self._store.drop_owned(self._owner)


RememberingT = TypeVar("RememberingT", bound=Remembering)


class Catalog(Generic[RememberingT]):
    """What remembers the results of the pipelines of one serializer, and why others are not remembered.

    Args:
        store: Where results are kept.
    """

    def __init__(self, store: InstanceStore) -> None:
        self._store = store
        self._members: dict[str, RememberingT] = {}
        self._declined: dict[str, str] = {}

    def forget(self, label: str) -> RememberingT | None:
        """Give up what is kept for one pipeline, and return what remembered it.

        Args:
            label: What the statistics call the pipeline.
        """
        former = self._members.pop(label, None)
        self._declined.pop(label, None)
        if former is not None:
            former.forget()
        return former

    def stats(self) -> CatalogStats:
        """Return the numbers since the serializer was made."""
        models = {label: member.stats() for label, member in tuple(self._members.items())}
        for label, reason in tuple(self._declined.items()):
            models[label] = ReuseStats(
                mode="off",
                reason=reason,
                hits=0,
                misses=0,
                hit_rate=0.0,
                bypassed=0,
                hit_time=0.0,
                make_time=0.0,
                saved_time=0.0,
            )
        hits, misses = (sum(item[name] for item in models.values()) for name in ("hits", "misses"))
        return CatalogStats(hits=hits, misses=misses, hit_rate=_share(hits, hits + misses), models=models)


new_payoff: Callable[[], Payoff] = Payoff
"""Makes accounts."""


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
