"""MessagePack, readable by any MessagePack library.

========================  ==========================================================================
writes                    the values of ``model_dump(mode="json")``, except ``bytes``, which become bin,
                          and :class:`Extension`
reads                     one document, no trailing bytes; validated as Pydantic validates JSON,
                          bin into ``bytes``, timestamps (extension -1) as the text of their moment,
                          other extensions, and moments outside the years 1 to 9999, into
                          :class:`Extension`
cannot represent          nothing by type; integers beyond 64 bits and lone surrogates are an
                          ``EncodeError``
========================  ==========================================================================

In a type that declares ``bytes`` or :class:`Extension` somewhere, bin is ``bytes`` and nothing else. In a type that does
not, bin is the text that it is in UTF-8, as older writers meant it.

https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import secrets
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import ormsgpack
from pydantic import ValidationError

from pydantic_serialization._native.stack import stack_left
from pydantic_serialization.errors import DecodeError
from pydantic_serialization.formats._base import BoundFormat, FormatOptions, TreeFormat
from pydantic_serialization.formats._binary import plan_with_marks
from pydantic_serialization.formats._binary_writing import unmarked
from pydantic_serialization.formats._items import check_msgpack_items
from pydantic_serialization.formats._json import JsonReader
from pydantic_serialization.formats._msgpack_faults import fault_of
from pydantic_serialization.formats._msgpack_headers import excess
from pydantic_serialization.formats._msgpack_writing import write_natively
from pydantic_serialization.formats._native_reading import read_natively
from pydantic_serialization.formats._stack import too_deep_for_stack
from pydantic_serialization.plan.extension import TIMESTAMP, Extension
from pydantic_serialization.plan.marks import BINARY, marked, without_marks
from pydantic_serialization.plan.native import bind_msgpack_decoder
from pydantic_serialization.plan.rebuild import CAN_REBUILD
from pydantic_serialization.plan.stack import StackNeed
from pydantic_serialization.plan.walk import root_config

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic_serialization._types import LoadOptions, Payload
    from pydantic_serialization.plan import ModelPlan

__all__ = ["Extension", "MsgpackFormat"]

_READ = ormsgpack.OPT_NON_STR_KEYS | ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT
_UNPACKED = StackNeed.of_levels(640, deepest=1_024)
"""What ormsgpack takes of the stack, and the levels at which it stops."""
_LONGEST_TIMESTAMP = 12
"""Bytes of nanoseconds and seconds; see the specification, section Timestamp extension type."""
_PAIR = b"\x92"
_END = secrets.token_bytes(16)
_PACKED_END = ormsgpack.packb(_END)


class MsgpackFormat(TreeFormat):
    """MessagePack by the native core, or through ormsgpack."""

    name = "msgpack"
    wire_id = 2
    media_type = "application/vnd.msgpack"  # registered with IANA in 2024
    check_items = staticmethod(check_msgpack_items)
    fault = staticmethod(fault_of)

    def pack(self, tree: Any) -> bytes:
        """Return the document for a tree of plain values and ``bytes``."""
        return ormsgpack.packb(tree)

    def unpack(self, data: Payload) -> Any:
        """Return the tree of the one document in ``data``.

        Raises:
            DecodeError: bytes follow the document, or it holds extension values.
            LimitExceededError: it is nested too deep for what is left of the stack.
            ValueError: the data is not a document.
        """
        found: list[Extension] = []
        tree = self._unpack(data, found)
        if found:
            message = f"the document holds a MessagePack extension of type {found[0].code}, which has no form in JSON"
            raise _ExtensionFoundError(message, format=self.name)
        return tree

    def unpack_extensions(self, data: Payload) -> Any:
        """Do what :meth:`unpack` does, with an :class:`Extension` where there is one."""
        return self._unpack(data, [])

    def _unpack(self, data: Payload, found: list[Extension]) -> Any:
        """Return the tree, and append its extensions.

        ormsgpack ignores what follows a document. Reading the document as the first half of a pair, whose second half
        nobody can guess, tells whether it ends where the data does.
        """
        left = stack_left()
        if left is not None and left < _UNPACKED.most:
            levels = _UNPACKED.levels(left)
            if levels < 0 or excess(data, levels, len(data)) == "levels":
                raise too_deep_for_stack(levels, None, self.name)
        paired = b"".join((_PAIR, data, _PACKED_END))
        try:
            pair = ormsgpack.unpackb(paired, option=_READ)
        except ValueError:

            def extension(code: int, content: bytes) -> Any:
                moment = _moment(content) if code == TIMESTAMP else None
                if moment is not None:
                    return moment
                found.append(Extension(code=code, data=content))
                return found[-1]

            pair = ormsgpack.unpackb(paired, ext_hook=extension, option=ormsgpack.OPT_NON_STR_KEYS)
        if pair[1] != _END:
            # A document that ends too early goes on in the other half.
            what, position = fault_of(data) or ("bytes follow it", None)
            raise DecodeError(f"not a msgpack document: {what}", format=self.name, position=position)
        return pair[0]

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one type; see :meth:`Format.bind`."""
        if not plan.traits.has_bytes:
            behind = _read_extensions(super().bind(plan, options), plan, options)
            return write_natively(_native_reader(plan, options, behind, None), plan, options)
        marking = plan_with_marks(plan, self.name)
        return write_natively(
            _native_reader(marking, options, _Marking().bind(marking, options), BINARY), plan, options
        )


def _native_reader(plan: ModelPlan, options: FormatOptions, behind: BoundFormat, mark: str | None) -> BoundFormat:
    """Return the functions with a reader by the native core; what the core is not certain of goes to ``behind``."""
    reader = read_natively(
        plan,
        options,
        JsonReader(behind.decode, behind.decode_with),
        partial(bind_msgpack_decoder, plan, max_depth=options.max_depth, mark=mark),
    )
    return behind._replace(decode=reader.decode, decode_with=reader.decode_with)


class _Marking(MsgpackFormat):
    """MessagePack of types whose plan has marks for what JSON has no form for.

    Args:
        keeps_bytes: ``bytes`` are marked; else they are read as the text that they are.
    """

    def __init__(self, *, keeps_bytes: bool = True) -> None:
        self._keeps_bytes = keeps_bytes

    def pack(self, tree: Any) -> bytes:
        return super().pack(unmarked(tree))

    def unpack(self, data: Payload) -> Any:
        return marked(self.unpack_extensions(data), keeps_bytes=self._keeps_bytes)

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        bound = TreeFormat.bind(self, plan, options)
        hide_input = bool((root_config(dict(plan.schema)) or {}).get("hide_input_in_errors"))

        def decode_with(data: Payload, load_options: LoadOptions) -> Any:
            try:
                return bound.decode_with(data, load_options)
            except ValidationError as error:
                refused = without_marks(error, hide_input=hide_input)
            try:
                raise refused
            finally:
                del refused  # this frame is part of its traceback: a cycle that would keep the document alive

        return bound._replace(decode=lambda data: decode_with(data, {}), decode_with=decode_with)


def _read_extensions(bound: BoundFormat, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
    """Return the functions of a type that declares no ``bytes`` with a reader for documents that hold extensions."""
    if not CAN_REBUILD:
        return bound

    @cache
    def marking() -> BoundFormat:
        return _Marking(keeps_bytes=False).bind(plan_with_marks(plan, MsgpackFormat.name), options)

    def decode(data: Payload) -> Any:
        try:
            return bound.decode(data)
        except _ExtensionFoundError:
            pass
        return marking().decode(data)

    def decode_with(data: Payload, load_options: LoadOptions) -> Any:
        try:
            return bound.decode_with(data, load_options)
        except _ExtensionFoundError:
            pass
        return marking().decode_with(data, load_options)

    return bound._replace(decode=decode, decode_with=decode_with)


def _moment(content: bytes) -> datetime | None:
    """Return the moment of a timestamp, ``None`` if there is no ``datetime`` of it.

    Raises:
        ValueError: it is no timestamp.
    """
    try:
        moment: datetime = ormsgpack.unpackb(b"\xc7%c\xff%b" % (len(content), content), option=_READ)
    except ValueError:
        # Of 32 bits there is always one; longer ones begin with nanoseconds, of which a second has so many.
        if len(content) != _LONGEST_TIMESTAMP or int.from_bytes(content[:4], "big") >= 10**9:
            raise
        return None
    return moment


class _ExtensionFoundError(DecodeError):
    """Extension values are in a document of a type that is read without marks."""
