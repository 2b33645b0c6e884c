"""Invalidation by generations: an entry remembers what it was made under, and is gone when that has ended.

Ending a generation costs the same whether one entry or a million was made under it, and it reaches values that are
still being loaded. A name has a generation only for as long as an entry or a load holds it, so the number of names is
bounded by what is cached.
"""

from __future__ import annotations

from weakref import WeakValueDictionary


class Generation:
    """The time between two invalidations of one name.

    Attributes:
        ended: Whether the name has been invalidated since.
    """

    __slots__ = ("__weakref__", "ended")

    def __init__(self) -> None:
        self.ended = False


class Generations:
    """The running generation of each name that somebody depends on. The owner's lock guards every call."""

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: WeakValueDictionary[str, Generation] = WeakValueDictionary()

    def current(self, name: str) -> Generation:
        """Return the generation that runs now."""
        generation = self._running.get(name)
        if generation is None:
            generation = self._running[name] = Generation()
        return generation

    def end(self, name: str) -> None:
        """Invalidate what was made under ``name`` until now."""
        generation = self._running.pop(name, None)
        if generation is not None:
            generation.ended = True

    def end_all(self) -> None:
        """Invalidate what was made under any name until now."""
        for generation in list(self._running.values()):
            generation.ended = True
        self._running.clear()
