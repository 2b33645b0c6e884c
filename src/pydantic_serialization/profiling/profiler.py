"""The profiler: it hands out slots, times what it is asked to, and reports."""

from __future__ import annotations

from dataclasses import replace
from threading import RLock
from time import perf_counter_ns
from typing import TYPE_CHECKING, ParamSpec, Self, TypedDict, TypeVar

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.profiling.histogram import NANOSECONDS
from pydantic_serialization.profiling.profile import operation_name
from pydantic_serialization.profiling.slot import OperationSlot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from types import TracebackType

    from pydantic_serialization.profiling.evidence import Evidence
    from pydantic_serialization.profiling.profile import OperationProfile, OperationStats
    from pydantic_serialization.profiling.report import PerformanceReport

Params = ParamSpec("Params")
ResultT = TypeVar("ResultT")

OTHER = "__other__"
"""Label of what came after the limits below: an application with 10,000 generic models must not fill the memory."""
MOST_MODELS = 200
MOST_NAMES = 1000
"""Of operations that the application named."""


class ProfilerStats(TypedDict):
    """What ``get_stats()`` returns. Times are in seconds."""

    enabled: bool
    threshold: float
    total_operations: int
    total_time: float
    errors: int
    slow_operations: int
    operations: dict[str, OperationStats]


class SerializationProfiler:
    """Times operations and says what they tell.

    Pipelines take a slot each and feed it; an application times its own code by name::

        profiler = SerializationProfiler(threshold=0.05)
        with profiler.measure("render"):
            ...
        rows = profiler.profile_operation("load", load_rows, 100)
        print(profiler.get_profile("load").p95)

    Operations over the threshold are logged to ``pydantic_serialization`` at WARNING, with names, sizes and times and
    never with a value. Safe from many threads, and in a child after ``fork`` (which starts from its parent's figures).

    Attributes:
        enabled: ``False`` runs what it is given without timing it. Slots are not affected: whoever binds a pipeline
            leaves the slot out.

    Args:
        threshold: Seconds; an operation that takes as long or longer is logged.
        enabled: Initial value of the attribute.
        clock: Nanoseconds, monotonic.

    Raises:
        ConfigurationError: ``threshold`` is not over 0.
    """

    def __init__(
        self,
        threshold: float = 0.1,
        *,
        enabled: bool = True,
        clock: Callable[[], int] = perf_counter_ns,
    ) -> None:
        self.enabled = enabled
        self._clock = clock
        self._since = clock()
        self._slots: dict[str, OperationSlot] = {}
        self._models: dict[str, str] = {}
        self._names = 0
        self._lock = RLock()
        self.threshold = threshold
        renew_after_fork(self)

    @property
    def threshold(self) -> float:
        """Seconds from which on an operation is logged; can be set at any time."""
        return self._threshold

    @threshold.setter
    def threshold(self, seconds: float) -> None:
        if not seconds > 0:
            message = f"the threshold of a profiler is a number of seconds over 0, not {seconds!r}"
            raise ConfigurationError(message)
        with self._lock:
            self._threshold = seconds
            for slot in self._slots.values():
                slot.threshold_ns = int(seconds * NANOSECONDS)

    def slot(
        self,
        operation: str,
        model: str,
        format: str,  # noqa: A002  (the label is called format)
        *,
        import_path: str = "",
    ) -> OperationSlot:
        """Return the slot of one operation on one model in one format, made on first use. For pipelines, when bound.

        Args:
            operation: ``"serialize"``, ``"deserialize"``, ``"compress"`` or ``"decompress"``.
            model: Label of the model; from the 201st on it is ``"__other__"``. Of models with one label the first one
                keeps it, and the others are called by their import paths, such as ``"app.models.User"``.
            format: Name of the format, or of the codec.
            import_path: ``"module:Class"`` of the model, for the commands that recommendations name.
        """
        with self._lock:
            if import_path and self._models.get(model, import_path) != import_path:
                model = import_path.replace(":", ".")
            if model not in self._models:
                if len(self._models) >= MOST_MODELS:
                    model, import_path = OTHER, ""
                else:
                    self._models[model] = import_path
            return self._slot(operation, model, format, import_path=import_path, sampling=True)

    def profile_operation(
        self, name: str, fn: Callable[Params, ResultT], /, *args: Params.args, **kwargs: Params.kwargs
    ) -> ResultT:
        """Return ``fn(*args, **kwargs)``, timed as ``name``. What it raises is counted and raised again."""
        with self.measure(name):
            return fn(*args, **kwargs)

    async def profile_async_operation(
        self, name: str, fn: Callable[Params, Awaitable[ResultT]], /, *args: Params.args, **kwargs: Params.kwargs
    ) -> ResultT:
        """Return ``await fn(*args, **kwargs)``, timed as ``name``, waiting included.

        What it raises, a cancellation too, is counted and raised again.
        """
        with self.measure(name):
            return await fn(*args, **kwargs)

    def measure(self, name: str) -> Measurement:
        """Return a context manager that times its block as ``name``; blocks may contain ``await``."""
        return Measurement(self._named_slot(name) if self.enabled else None, self._clock)

    def get_profile(self, name: str) -> OperationProfile | None:
        """Return what is known of the operation ``name`` now, or ``None`` if it never ran.

        Args:
            name: The application's own name, or ``"serialize:User:orjson"`` for a pipeline's.
        """
        slot = self._slots.get(name)
        profile = None if slot is None else slot.snapshot()
        return profile if profile is not None and profile.count else None

    def get_profiles(self) -> dict[str, OperationProfile]:
        """Return what is known of every operation that ran, by name."""
        with self._lock:
            slots = tuple(self._slots.values())
        profiles = (slot.snapshot() for slot in slots)
        return {profile.name: profile for profile in profiles if profile.count}

    def clear_profiles(self) -> None:
        """Start again from zero. Slots are emptied in place: pipelines that hold one go on counting."""
        with self._lock:
            self._since = self._clock()
            for slot in self._slots.values():
                slot.clear()

    def get_stats(self) -> ProfilerStats:
        """Return the figures of all operations as plain values."""
        profiles = self.get_profiles()
        return ProfilerStats(
            enabled=self.enabled,
            threshold=self.threshold,
            total_operations=sum(profile.count for profile in profiles.values()),
            total_time=sum(profile.total_time for profile in profiles.values()),
            errors=sum(profile.errors for profile in profiles.values()),
            slow_operations=sum(profile.slow for profile in profiles.values()),
            operations={name: profile.stats() for name, profile in profiles.items()},
        )

    def performance_report(self, context: Evidence | None = None, *, ignore: Collection[str] = ()) -> PerformanceReport:
        """Return what was measured, and what to do about it.

        Args:
            context: What the profiler cannot know: caches, compression, settings, engines. Its ``operations`` and
                ``window`` are replaced by the profiler's own.
            ignore: Codes of rules that are not to run, such as ``{"CO102"}``.

        Raises:
            ConfigurationError: a code in ``ignore`` belongs to no rule.
        """
        # Reports and rules are a tenth of the package's import time, and most processes never ask for one.
        from pydantic_serialization.profiling.evidence import Evidence  # noqa: PLC0415  (only a report needs it)
        from pydantic_serialization.profiling.report import build_report  # noqa: PLC0415  (it imports every rule)

        window = (self._clock() - self._since) / NANOSECONDS
        operations = tuple(self.get_profiles().values())
        return build_report(replace(context or Evidence(), operations=operations, window=window), ignore=ignore)

    def after_fork(self) -> None:
        """Replace every lock: called in the child after a fork, where no other thread exists."""
        self._lock = RLock()
        for slot in self._slots.values():
            slot.renew_lock()

    def _named_slot(self, name: str) -> OperationSlot:
        slot = self._slots.get(name)
        if slot is not None:
            return slot
        with self._lock:
            if name not in self._slots:
                if self._names >= MOST_NAMES:
                    name = OTHER
                else:
                    self._names += 1
            return self._slot(name, "", "", import_path="", sampling=False)

    def _slot(self, operation: str, model: str, format_: str, *, import_path: str, sampling: bool) -> OperationSlot:
        name = operation_name(operation, model, format_)
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = OperationSlot(
                operation,
                model,
                format_,
                import_path=import_path,
                threshold_ns=int(self._threshold * NANOSECONDS),
                sampling=sampling,
                clock=self._clock,
            )
        return slot


class Measurement:
    """The context manager behind :meth:`SerializationProfiler.measure`; for one use.

    Args:
        slot: Where to record; ``None`` records nowhere.
        clock: Nanoseconds, monotonic.
    """

    __slots__ = ("_clock", "_slot", "_start")

    def __init__(self, slot: OperationSlot | None, clock: Callable[[], int]) -> None:
        self._slot = slot
        self._clock = clock

    def __enter__(self) -> Self:
        """Start the clock."""
        self._start = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the clock, and record the time, or count the error."""
        elapsed = self._clock() - self._start
        slot = self._slot
        if slot is None:
            return
        slot.countdown -= 1
        if kind is None:
            slot.record(elapsed, 0)
        else:
            slot.failed()
