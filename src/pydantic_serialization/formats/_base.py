"""What a format is: a class that binds itself to a type once and is called many times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pydantic_core import PydanticSerializationError, to_json

from pydantic_serialization._native.stack import guarded, stack_left
from pydantic_serialization.formats._depth import tree_depth_exceeds
from pydantic_serialization.formats._errors import decoding_errors, no_text, too_deep_to_read
from pydantic_serialization.formats._json import bind_json_reader
from pydantic_serialization.formats._stack import TREE, too_deep_for_stack, writing_within_stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import DumpOptions, LoadOptions, Payload
    from pydantic_serialization.plan import ModelPlan


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """What a pipeline asks of a format, besides the type.

    Attributes:
        strict: Read in Pydantic's strict mode.
        validate: ``False`` trusts the data: constraints are left out, ``after`` validators cannot refuse.
        max_depth: Levels of arrays and objects that may be read.
        allow_non_finite: NaN and infinities may be written as JSON's ``null`` where a model does not say how, as Pydantic
            does. ``False`` refuses what could not be read back.
        max_items: Items that may be read, for readers that count them by themselves.
        pickle_secrets: Pickles may hold secrets and excluded fields.
        authenticated: What is read carries a valid MAC of this application. Only pickle makes a difference: it then
            accepts every class, and writes every class.
    """

    strict: bool = False
    validate: bool = True
    max_depth: int = 200
    max_items: int = 4_000_000
    allow_non_finite: bool = True
    pickle_secrets: bool = False
    authenticated: bool = False


class BoundFormat(NamedTuple):
    """The functions of one format for one type.

    ``encode`` may raise whatever its library raises: the pipeline turns it into an ``EncodeError``. The readers raise
    ``DecodeError`` and its kin, and let Pydantic's ``ValidationError`` through.
    """

    encode: Callable[[Any], bytes]
    """Value to bytes."""
    decode: Callable[[Payload], Any]
    """Bytes to a validated value."""
    encode_with: Callable[[Any, DumpOptions], bytes]
    """Value to bytes, with Pydantic's options."""
    decode_with: Callable[[Payload, LoadOptions], Any]
    """Bytes to a validated value, with Pydantic's options."""
    pauses: bool = False
    """Long lists are written and read with turns for other threads: such work may be done beside an event loop."""
    check_items: Callable[[Payload, int], None] | None = None
    """Raises ``LimitExceededError`` for a document of more items than are allowed; ``None`` where readers do themselves."""
    check_written: Callable[[bytes, Any], None] | None = None
    """Raises ``EncodeError`` for what was written of a value and could not be read back. Nothing that is shorter than
    :data:`~pydantic_serialization.formats._digits.MOST_DIGITS` is."""


class Format(Protocol):
    """A format. Built-in formats and plug-ins implement the same four names.

    Attributes:
        name: What users write.
        wire_id: The number that sealed frames carry: 1 to 127 are this package's, plug-ins take 128 to 255.
        media_type: For HTTP (RFC 9110), such as ``"application/json"``.

    A format with a further attribute ``sealed`` that is true is only ever written inside a sealed frame by managers, and
    with ``signing_keys`` only read from one.
    """

    name: str
    wire_id: int
    media_type: str

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one type.

        Raises:
            UnsupportedTypeError: the format cannot represent the type, whatever its values.
        """
        ...


class TreeFormat(ABC):
    """Base for formats whose library turns plain values into bytes and back.

    A subclass sets ``name``, ``wire_id`` and ``media_type`` and writes :meth:`pack` and :meth:`unpack`. Values are what
    Pydantic's ``mode="json"`` gives: ``None``, ``bool``, ``int``, ``float``, ``str``, lists, and dicts with string
    keys. Aliases, serializers and computed fields are honoured, and what is read is validated as Pydantic validates
    JSON.
    """

    name: str
    wire_id: int
    media_type: str

    @abstractmethod
    def pack(self, tree: Any) -> bytes:
        """Return the document for a tree of plain values."""

    @abstractmethod
    def unpack(self, data: Payload) -> Any:
        """Return the tree of plain values in a document.

        Raises:
            Exception: whatever the library raises; it becomes a ``DecodeError``.
        """

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one type; see :meth:`Format.bind`."""
        unpack, to_python = self.unpack, writing_within_stack(plan.serializer.to_python, plan, self.name)
        pack, check = self.pack, _depth_check(plan, options, self.name)
        as_text = guarded(_as_text, TREE.most, partial(_as_text_if_it_fits, plan.name, self.name))
        read = bind_json_reader(plan, options, self.name)
        name, model, fault = self.name, plan.name, self.fault

        def encode(value: Any) -> bytes:
            return encode_with(value, {})

        def encode_with(value: Any, dump_options: DumpOptions) -> bytes:
            tree = to_python(value, mode="json", **tree_options(dump_options))
            data = pack(tree)
            if check is not None:
                check(value, tree, data)
            return data

        def as_json(data: Payload) -> bytes:
            if isinstance(data, memoryview) and not data.contiguous:  # few libraries take such
                data = data.tobytes()
            with decoding_errors(name, model, None if fault is None else partial(fault, data)):
                tree = unpack(data)
                try:
                    text: bytes = as_text(tree)
                except PydanticSerializationError as error:
                    raise no_text(error, tree, name) from None
                return text

        def decode(data: Payload) -> Any:
            return read.decode(as_json(data))

        def decode_with(data: Payload, load_options: LoadOptions) -> Any:
            return read.decode_with(as_json(data), load_options)

        return BoundFormat(encode, decode, encode_with, decode_with, check_items=self.check_items)

    check_items: Callable[[Payload, int], None] | None = None
    """See :class:`BoundFormat`."""
    fault: Callable[[Payload], tuple[str, int] | None] | None = None
    """Returns what is wrong with data that :meth:`unpack` refused, and where in it, in bytes; ``None`` if nothing is."""


def _as_text(tree: Any) -> bytes:
    # Infinities and NaN survive as JSON constants, which Pydantic's reader takes.
    return to_json(tree, inf_nan_mode="constants")


def _as_text_if_it_fits(model: str, format_name: str, tree: Any) -> bytes:
    levels = TREE.levels(stack_left() or 0)
    if levels < 0 or tree_depth_exceeds(tree, levels):
        raise too_deep_for_stack(levels, model, format_name)
    return _as_text(tree)


def _depth_check(plan: ModelPlan, options: FormatOptions, format_name: str) -> Callable[[Any, Any, bytes], None] | None:
    """Return the check that what is written can be read, where the schema alone does not bound the depth."""
    limit, model = options.max_depth, plan.name
    if plan.traits.depth is not None and plan.traits.depth <= limit:
        return None

    def check(value: Any, tree: Any, data: bytes) -> None:
        # A level takes a byte at least, so a small document needs no walk.
        if len(data) > limit and tree_depth_exceeds(tree, limit):
            raise too_deep_to_read(value, limit, model, format_name)

    return check


def tree_options(options: DumpOptions) -> Any:
    """Return dump options without those that only make sense for JSON text."""
    return {name: value for name, value in options.items() if name not in {"indent", "ensure_ascii"}}
