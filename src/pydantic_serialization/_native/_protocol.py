"""The native core as its callers see it: a module, which has no type of its own in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


CopyKind = tuple[str, bool, bool]
"""How instances of a class are copied, whether ``model_copy`` is Pydantic's, whether they are frozen."""


class Core(Protocol):
    """What ``_core.pyi`` declares, for the places where there may be no core."""

    def encoder(
        self, program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, text: bool, eager: bool = False
    ) -> Callable[..., Any]:
        """Return a function that writes JSON text of one type."""
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

    def copier(
        self,
        kind_of: Callable[[type], CopyKind],
        deepcopy: Callable[[Any, dict[int, Any]], Any],
        fallback: Callable[[Any], Any],
    ) -> Callable[[Any], Any]:
        """Return a function that copies a model as ``model_copy(deep=True)`` does."""
        ...

    def freeze_checker(self, kind_of: Callable[[type], CopyKind]) -> Callable[[Any], bool]:
        """Return a function that says whether a value is frozen all the way down."""
        ...
