"""The module that ``native/`` is compiled to."""

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from pydantic_serialization._types import Payload

def encoder(
    program: tuple[Any, ...],
    fallback: Callable[..., Any],
    *,
    max_depth: int,
    text: bool,
    eager: bool = False,
    part_stack: int = 0,
    part_check: Callable[[Any], bool] | None = None,
) -> Callable[..., Any]:
    """Return a function that writes JSON text of one type.

    Args:
        program: What the compiler made of the type.
        fallback: Does the calls that the program is not certain of, with the same arguments.
        max_depth: Levels of arrays and objects.
        text: Give ``str`` rather than ``bytes``.
        eager: Write natively even where the parts that Pydantic has to write make that slower.
        part_stack: Bytes of the stack that have to be left for Pydantic to be asked for a part.
        part_check: Is given the value of a part that Pydantic has written with a ``null``; unless it returns ``False``,
            ``fallback`` does the whole.
    """

def msgpack_encoder(
    program: tuple[Any, ...],
    fallback: Callable[..., Any],
    *,
    max_depth: int,
    eager: bool = False,
    part_stack: int = 0,
    part_check: Callable[[Any], bool] | None = None,
) -> Callable[..., Any]:
    """Return a function that writes MessagePack of one type.

    Args:
        program: What the compiler made of the type.
        fallback: Does the calls that the program is not certain of, with the same arguments.
        max_depth: Levels of arrays and maps.
        eager: Write natively even where the parts that Pydantic has to give make that slower.
        part_stack: Bytes of the stack that have to be left for Pydantic to be asked for a part.
        part_check: Is given the value of a part that Pydantic may have written with a nil; unless it returns ``False``,
            ``fallback`` does the whole.
    """

def lines_encoder(
    program: tuple[Any, ...],
    fallback: Callable[..., Any],
    *,
    max_depth: int,
    part_stack: int = 0,
    part_check: Callable[[Any], bool] | None = None,
) -> Callable[..., Any]:
    """Return a function that writes a list as lines of JSON.

    Args:
        program: What the compiler made of the type of an item.
        fallback: Writes what the program is not certain of, with the same arguments.
        max_depth: Levels of arrays and objects of an item.
        part_stack: Bytes of the stack that have to be left for Pydantic to be asked for a part.
        part_check: As for :func:`encoder`.
    """

def tree_encoder(program: tuple[Any, ...], fallback: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives what Pydantic's ``to_python(value, mode="json")`` gives for one type.

    Args:
        program: What the compiler made of the type.
        fallback: Does what the program is not certain of, with the same arguments.
    """

def decoder(
    program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, views: bool, part_stack: int = 0
) -> Callable[..., Any]:
    """Return a function that reads JSON text of one type.

    Args:
        program: What the compiler made of the type.
        fallback: Reads what the program is not certain of, with the same arguments.
        max_depth: Levels of arrays and objects.
        views: Read a ``memoryview`` too.
        part_stack: Bytes of the stack that have to be left for Pydantic to be asked for a part.
    """

def msgpack_decoder(
    program: tuple[Any, ...], fallback: Callable[..., Any], *, max_depth: int, mark: str | None, part_stack: int = 0
) -> Callable[..., Any]:
    """Return a function that reads MessagePack of one type, from ``bytes``, ``bytearray`` or ``memoryview``.

    Args:
        program: What the compiler made of the type.
        fallback: Reads what the program is not certain of, with the same arguments.
        max_depth: Levels of arrays and maps.
        mark: The beginning of a text that stands for bytes in parts which Pydantic reads; base64 follows it. Without a
            mark, bytes are their text in UTF-8.
        part_stack: Bytes of the stack that have to be left for Pydantic to be asked for a part.
    """

def dispatcher(resolve: Callable[..., Any], *, entry: str, source: str, on_class: bool) -> Callable[..., Any]:
    """Return the function behind a method of all models.

    Args:
        resolve: Takes the method's arguments where the class has no current entry.
        entry: The attribute of a class that holds what was compiled at the time of binding, and the bound function.
        source: The attribute that holds what is compiled now.
        on_class: The method's first argument is the class rather than an instance.
    """

class Sealer:
    """Seals payloads into frames and opens them again; ``None`` for what is not plainly right.

    Args:
        keys: Key ids (1 to 255) and subkeys, the signing one first.
        is_hmac: Sign with HMAC-SHA256 rather than with keyed BLAKE2b.
        accept_unsigned: Frames with a checksum are read too, although there are keys.
    """

    def __new__(cls, keys: Sequence[tuple[int, bytes]], is_hmac: bool, accept_unsigned: bool) -> Sealer: ...
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

    def open(
        self, frame: bytes, cache_key: bytes, /
    ) -> tuple[int, int, int, bytes, int, int | None, int | None, memoryview, bool] | None:
        """Return format, codec, flags, fingerprint, size, time of writing, time to live, body, and whether it is signed."""

def copier(
    kind_of: Callable[[type], tuple[str, bool, bool]],
    deepcopy: Callable[[Any, dict[int, Any]], Any],
    fallback: Callable[[Any], Any],
    keeps_identity: bool,
) -> Callable[[Any], Any]:
    """Return a function that copies a model as ``model_copy(deep=True)`` does.

    Args:
        kind_of: Says how instances of a class are copied; asked once for each class, and again when it is changed.
        deepcopy: Copies a value, with a memo, where the core is not certain.
        fallback: Copies a model that the core does not copy at all.
        keeps_identity: What is met in fields, extra and private attributes is one object in the copy.
    """

def freeze_checker(kind_of: Callable[[type], tuple[str, bool, bool]]) -> Callable[[Any], bool]:
    """Return a function that says whether a value is frozen all the way down.

    Args:
        kind_of: As for ``copier``.
    """

def holds_many(value: Any, many: int) -> bool:
    """Return whether a value holds about so many values, with all that is inside it; long texts count as several."""

def catching(function: Callable[..., Any], kind: type[Exception], handle: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does what ``function`` does, as an ``except`` block around it would.

    Args:
        function: Is called with all arguments.
        kind: The exceptions of it that are caught.
        handle: Takes the exception and the same arguments; gives the result, or raises.
    """

def block_writer(
    kind_of: Callable[[type], tuple[str, bool, bool]],
) -> Callable[[Any], tuple[bytes, tuple[type, ...]] | None]:
    """Return a function that writes the block of a compact pickle; it gives the block and the classes that it refers to.

    It gives ``None`` where a value is not certain to be pickled by Python's and Pydantic's own methods.

    Args:
        kind_of: Says how instances of a class are written; asked once for each class, and again when it is changed.
    """

def block_reader(
    kind_of: Callable[[type], tuple[str, bool, bool]],
    fallback: Callable[[bytes, Any], Any],
    refuse: Callable[[], NoReturn],
) -> Callable[[bytes, Any], Any]:
    """Return a function that reads the block of a compact pickle, given the block and a tuple of classes.

    Args:
        kind_of: Says how instances of a class are made.
        fallback: Reads blocks with classes that have a say in how their instances are made.
        refuse: Raises the error for what is no block.
    """

def stack_left() -> int | None:
    """Return the bytes that are left of the running thread's stack, or ``None`` where that is not known."""

def guarded(function: Callable[..., Any], enough: int, short: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls ``function`` where at least ``enough`` bytes of the stack are left, else ``short``."""

def msgpack_excess(data: Payload, levels: int, items: int) -> str | None:
    """Return ``"levels"`` or ``"items"``, whichever a MessagePack document has more of than is allowed, else ``None``."""

def json_items_exceed(data: Payload, limit: int) -> bool:
    """Say whether the arrays and objects of a JSON text have more than ``limit`` items and members together."""

def json_depth_exceeds(data: Payload, limit: int) -> bool:
    """Say whether the arrays and objects of a JSON text are nested deeper than ``limit`` levels."""

def json_has_longer_integer(data: Payload, digits: int) -> bool:
    """Say whether an integer in a JSON text has more than ``digits`` digits."""

def json_value_end(data: bytes, start: int) -> int | None:
    """Return where the JSON array, object or string ends that begins at ``start``, ``None`` if it does not end.

    Only brackets and quotes are looked at.
    """

def json_values_run(data: bytes, start: int) -> tuple[int, int]:
    """Return where the arrays and objects end that begin at ``start`` with commas between them, and how many they are.

    Each is followed by something in ``data``. Only brackets and quotes are looked at.
    """

def json_lines_array(data: bytes) -> tuple[bytes, int] | None:
    """Return JSON lines as one array, and how many; ``None`` unless each is one array or object, or blank."""

def msgpack_documents_run(data: bytes, start: int, most: int) -> tuple[int, int]:
    """Return where the MessagePack documents end that begin at ``start``, ``most`` at most, and how many they are."""
