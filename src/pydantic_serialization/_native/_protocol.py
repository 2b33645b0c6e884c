"""The native core as its callers see it: a module, which has no type of its own in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic_serialization._types import Payload

FrameParts: TypeAlias = tuple[int, int, int, bytes, int, int | None, int | None, memoryview, bool]
"""The fields of :class:`pydantic_serialization.envelope.Frame`."""


class Sealer(Protocol):
    """Seals and opens frames of one configuration; ``None`` for what is not plainly right."""

    def seal(
        self,
        body: bytes,
        format_id: int,
        codec: int,
        flags: int,
        fingerprint: bytes,
        raw_size: int,
        cache_key: bytes,
        times: tuple[int, int] | None,
        /,
    ) -> bytes | None:
        """Return a frame."""
        ...

    def open(self, frame: bytes, cache_key: bytes, /) -> FrameParts | None:
        """Return what is in a frame whose tag is right."""
        ...


CopyKind = tuple[str, bool, bool]
"""How instances of a class are copied, whether ``model_copy`` is Pydantic's, whether they are frozen."""


class Core(Protocol):
    """What ``_core.pyi`` declares, for the places where there may be no core."""

    def encoder(
        self,
        program: tuple[Any, ...],
        fallback: Callable[..., Any],
        *,
        max_depth: int,
        text: bool,
        eager: bool = False,
        part_stack: int = 0,
        part_check: Callable[[Any], bool] | None = None,
    ) -> Callable[..., Any]:
        """Return a function that writes JSON text of one type."""
        ...

    def msgpack_encoder(
        self,
        program: tuple[Any, ...],
        fallback: Callable[..., Any],
        *,
        max_depth: int,
        eager: bool = False,
        part_stack: int = 0,
        part_check: Callable[[Any], bool] | None = None,
    ) -> Callable[..., Any]:
        """Return a function that writes MessagePack of one type."""
        ...

    def holds_many(self, value: Any, many: int) -> bool:
        """Return whether a value holds about so many values, with all that is inside it."""
        ...

    def lines_encoder(
        self,
        program: tuple[Any, ...],
        fallback: Callable[..., Any],
        *,
        max_depth: int,
        part_stack: int = 0,
        part_check: Callable[[Any], bool] | None = None,
    ) -> Callable[..., Any]:
        """Return a function that writes a list as lines of JSON, each an item of one type."""
        ...

    def tree_encoder(self, program: tuple[Any, ...], fallback: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that gives what Pydantic's ``to_python(value, mode="json")`` gives for one type."""
        ...

    def decoder(
        self,
        program: tuple[Any, ...],
        fallback: Callable[..., Any],
        *,
        max_depth: int,
        views: bool,
        part_stack: int = 0,
    ) -> Callable[..., Any]:
        """Return a function that reads JSON text of one type."""
        ...

    def msgpack_decoder(
        self,
        program: tuple[Any, ...],
        fallback: Callable[..., Any],
        *,
        max_depth: int,
        mark: str | None,
        part_stack: int = 0,
    ) -> Callable[..., Any]:
        """Return a function that reads MessagePack of one type."""
        ...

    def dispatcher(self, resolve: Callable[..., Any], *, entry: str, source: str, on_class: bool) -> Callable[..., Any]:
        """Return the function behind a method of all models."""
        ...

    def Sealer(self, keys: Sequence[tuple[int, bytes]], is_hmac: bool, accept_unsigned: bool) -> Sealer:  # noqa: N802
        """Return what seals and opens frames."""
        ...

    def copier(
        self,
        kind_of: Callable[[type], CopyKind],
        deepcopy: Callable[[Any, dict[int, Any]], Any],
        fallback: Callable[[Any], Any],
        keeps_identity: bool,
    ) -> Callable[[Any], Any]:
        """Return a function that copies a model as ``model_copy(deep=True)`` does."""
        ...

    def freeze_checker(self, kind_of: Callable[[type], CopyKind]) -> Callable[[Any], bool]:
        """Return a function that says whether a value is frozen all the way down."""
        ...

    def catching(
        self, function: Callable[..., Any], kind: type[Exception], handle: Callable[..., Any]
    ) -> Callable[..., Any]:
        """Return a function that does what ``function`` does, as an ``except`` block around it would."""
        ...

    def block_writer(
        self, kind_of: Callable[[type], CopyKind]
    ) -> Callable[[Any], tuple[bytes, tuple[type, ...]] | None]:
        """Return a function that writes the block of a compact pickle."""
        ...

    def block_reader(
        self, kind_of: Callable[[type], CopyKind], fallback: Callable[[bytes, Any], Any], refuse: Callable[[], NoReturn]
    ) -> Callable[[bytes, Any], Any]:
        """Return a function that reads the block of a compact pickle."""
        ...

    def stack_left(self) -> int | None:
        """Return the bytes that are left of the running thread's stack, or ``None`` where that is not known."""
        ...

    def guarded(self, function: Callable[..., Any], enough: int, short: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls ``function`` where so many bytes of the stack are left, else ``short``."""
        ...

    def msgpack_excess(self, data: Payload, levels: int, items: int) -> str | None:
        """Return ``"levels"`` or ``"items"``, whichever a document has more of than is allowed, else ``None``."""
        ...

    def json_items_exceed(self, data: Payload, limit: int) -> bool:
        """Say whether the arrays and objects of a text have more than ``limit`` items and members together."""
        ...

    def json_depth_exceeds(self, data: Payload, limit: int) -> bool:
        """Say whether the arrays and objects of a text are nested deeper than ``limit`` levels."""
        ...

    def json_has_longer_integer(self, data: Payload, digits: int) -> bool:
        """Say whether an integer in a text has more than ``digits`` digits."""
        ...

    def json_value_end(self, data: bytes, start: int) -> int | None:
        """Return where the array, object or string ends that begins at ``start``, ``None`` if it does not end."""
        ...

    def json_values_run(self, data: bytes, start: int) -> tuple[int, int]:
        """Return where the values end that begin at ``start`` with commas between them, and how many they are."""
        ...

    def json_lines_array(self, data: bytes) -> tuple[bytes, int] | None:
        """Return lines as one array, and how many they are; ``None`` unless each is one array or object, or blank."""
        ...

    def msgpack_documents_run(self, data: bytes, start: int, most: int) -> tuple[int, int]:
        """Return where the documents end that begin at ``start``, ``most`` at most, and how many they are."""
        ...
