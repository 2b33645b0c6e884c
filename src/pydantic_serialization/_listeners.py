"""Tell objects about a change for as long as they live."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Listeners:
    """Bound methods to call after a change, held weakly. They belong to one object: its copies begin without."""

    def __init__(self) -> None:
        self._references: list[weakref.WeakMethod[Callable[[], None]]] = []

    def add(self, listener: Callable[[], None]) -> None:
        """Call the bound method ``listener`` after each change, for as long as its object lives."""
        self._references = [reference for reference in self._references if reference() is not None]
        self._references.append(weakref.WeakMethod(listener))

    def call(self) -> None:
        """Call the methods whose objects live."""
        for reference in tuple(self._references):
            listener = reference()
            if listener is not None:
                listener()

    def __copy__(self) -> Listeners:
        return Listeners()

    def __deepcopy__(self, memo: dict[int, Any]) -> Listeners:
        return Listeners()

    def __reduce__(self) -> tuple[type[Listeners], tuple[()]]:
        return Listeners, ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listeners)

    __hash__ = None  # type: ignore[assignment]
