"""MessagePack, readable by any MessagePack library.

========================  ==========================================================================
writes                    the values of ``model_dump(mode="json")``, except ``bytes``, which become bin
reads                     one document, no trailing bytes; validated as Pydantic validates JSON,
                          bin into ``bytes``, timestamps (extension -1) as the text of their moment
refuses to read           other extension types, whose meaning only their writer knows, and moments
                          outside the years 1 to 9999
cannot represent          nothing by type; integers beyond 64 bits and lone surrogates are an
                          ``EncodeError``
========================  ==========================================================================

https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

import ormsgpack

from pydantic_serialization._native.stack import stack_left
from pydantic_serialization.errors import DecodeError
from pydantic_serialization.formats._base import BoundFormat, FormatOptions, TreeFormat
from pydantic_serialization.formats._binary import MARK, marked, plan_with_marks, unmarked
from pydantic_serialization.formats._items import check_msgpack_items
from pydantic_serialization.formats._json import JsonReader
from pydantic_serialization.formats._msgpack_faults import fault_of
from pydantic_serialization.formats._msgpack_headers import excess
from pydantic_serialization.formats._msgpack_writing import write_natively
from pydantic_serialization.formats._native_reading import read_natively
from pydantic_serialization.formats._stack import too_deep_for_stack
from pydantic_serialization.plan.native import bind_msgpack_decoder
from pydantic_serialization.plan.stack import StackNeed

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload
    from pydantic_serialization.plan import ModelPlan

_READ = ormsgpack.OPT_NON_STR_KEYS | ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT
_UNPACKED = StackNeed.of_levels(640, deepest=1_024)
"""What ormsgpack takes of the stack, and the levels at which it stops."""
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

        ormsgpack ignores what follows a document. Reading the document as the first half of a pair, whose second half
        nobody can guess, tells whether it ends where the data does.

        Raises:
            DecodeError: bytes follow the document.
            LimitExceededError: it is nested too deep for what is left of the stack.
            ValueError: the data is not a document.
        """
        left = stack_left()
        if left is not None and left < _UNPACKED.most:
            levels = _UNPACKED.levels(left)
            if levels < 0 or excess(data, levels, len(data)) == "levels":
                raise too_deep_for_stack(levels, None, self.name)
        pair = ormsgpack.unpackb(b"".join((_PAIR, data, _PACKED_END)), option=_READ)
        if pair[1] != _END:
            # A document that ends too early goes on in the other half.
            what, position = fault_of(data) or ("bytes follow it", None)
            raise DecodeError(f"not a msgpack document: {what}", format=self.name, position=position)
        return pair[0]

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one type; see :meth:`Format.bind`."""
        read_plan, mark = plan, None
        if plan.traits.has_bytes:
            read_plan, mark = plan_with_marks(plan, self.name), MARK
            behind = _WithBytes().bind(read_plan, options)
        else:
            behind = super().bind(plan, options)
        bound = _native_reader(read_plan, options, behind, mark)
        return write_natively(bound, plan, options)


def _native_reader(plan: ModelPlan, options: FormatOptions, behind: BoundFormat, mark: str | None) -> BoundFormat:
    """Return the functions with a reader by the native core; what the core is not certain of goes to ``behind``."""
    reader = read_natively(
        plan,
        options,
        JsonReader(behind.decode, behind.decode_with),
        partial(bind_msgpack_decoder, plan, max_depth=options.max_depth, mark=mark),
    )
    return behind._replace(decode=reader.decode, decode_with=reader.decode_with)


class _WithBytes(MsgpackFormat):
    """MessagePack of types that hold ``bytes``: bin on the wire, marked values in Pydantic's JSON mode."""

    def pack(self, tree: Any) -> bytes:
        return super().pack(unmarked(tree))

    def unpack(self, data: Payload) -> Any:
        return marked(super().unpack(data))

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        return TreeFormat.bind(self, plan, options)
