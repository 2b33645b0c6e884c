"""The native core as its callers see it: a module, which has no type of its own in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Core(Protocol):
    """What ``_core.pyi`` declares, for the places where there may be no core."""

    def encoder(
        self, program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, text: bool, eager: bool = False
    ) -> Callable[..., Any]:
        """Return a function that writes JSON text of one type."""
        ...

    def msgpack_encoder(
        self, program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, eager: bool = False
    ) -> Callable[..., Any]:
        """Return a function that writes MessagePack of one type."""
        ...

    def tree_encoder(self, program: tuple[Any, ...], fallback: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that gives what Pydantic's ``to_python(value, mode="json")`` gives for one type."""
        ...

    def decoder(
        self, program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, views: bool
    ) -> Callable[..., Any]:
        """Return a function that reads JSON text of one type."""
        ...

    def dispatcher(self, resolve: Callable[..., Any], *, entry: str, source: str, on_class: bool) -> Callable[..., Any]:
        """Return the function behind a method of all models."""
        ...
