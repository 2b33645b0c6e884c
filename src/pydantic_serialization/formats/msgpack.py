"""MessagePack, readable by any MessagePack library.

========================  ==========================================================================
writes                    the values of ``model_dump(mode="json")``, except ``bytes``, which become bin
reads                     one document, no trailing bytes; validated as Pydantic validates JSON
cannot represent          types that hold ``bytes`` and ask for strict mode (Pydantic's strict mode
                          reads dates, UUIDs and sets from JSON text only, and JSON has no bin)
========================  ==========================================================================

https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import ormsgpack
from pydantic_core import SchemaSerializer

from pydantic_serialization.errors import DecodeError, LimitExceededError, UnsupportedTypeError
from pydantic_serialization.formats._base import BoundFormat, FormatOptions, TreeFormat, tree_options
from pydantic_serialization.formats._depth import tree_depth_exceeds
from pydantic_serialization.formats._errors import decoding_errors
from pydantic_serialization.plan.trusted import trusting_validator
from pydantic_serialization.plan.walk import Node, transform

if TYPE_CHECKING:
    from pydantic_serialization._types import DumpOptions, LoadOptions, Payload
    from pydantic_serialization.plan import ModelPlan

_READ = ormsgpack.OPT_NON_STR_KEYS | ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT
_PAIR = b"\x92"
_END = secrets.token_bytes(16)
_PACKED_END = ormsgpack.packb(_END)
_MARK = f"\x00bin:{secrets.token_hex(16)}:"


class MsgpackFormat(TreeFormat):
    """MessagePack through ormsgpack."""

    name = "msgpack"
    wire_id = 2
    media_type = "application/vnd.msgpack"  # registered with IANA in 2024

    def pack(self, tree: Any) -> bytes:
        """Return the document for a tree of plain values and ``bytes``."""
        return ormsgpack.packb(tree)

    def unpack(self, data: Payload) -> Any:
        """Return the tree of the one document in ``data``.

        ormsgpack ignores what follows a document. Reading the document as the first half of a pair, whose second half
        nobody can guess, tells whether it ends where the data does.

        Raises:
            DecodeError: bytes follow the document.
            ValueError: the data is not a document.
        """
        pair = ormsgpack.unpackb(b"".join((_PAIR, data, _PACKED_END)), option=_READ)
        if pair[1] != _END:
            message = "bytes follow the MessagePack document"
            raise DecodeError(message, format=self.name)
        return pair[0]

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one type; see :meth:`Format.bind`."""
        if plan.traits.has_bytes:
            return self._bind_with_bytes(plan, options)
        return super().bind(plan, options)

    def _bind_with_bytes(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        if plan.traits.has_strict or options.strict:
            raise UnsupportedTypeError(_NO_STRICT_BYTES, model=plan.name, format=self.name)
        to_python = _marking_serializer(plan).to_python
        validate = (plan.validator if options.validate else trusting_validator(plan)).validate_python
        unpack, name, model, max_depth = self.unpack, self.name, plan.name, options.max_depth

        def encode(value: Any) -> bytes:
            return ormsgpack.packb(_unmarked(to_python(value, mode="json")))

        def encode_with(value: Any, dump_options: DumpOptions) -> bytes:
            return ormsgpack.packb(_unmarked(to_python(value, mode="json", **tree_options(dump_options))))

        def tree(data: Payload) -> Any:
            with decoding_errors(name, model):
                found = unpack(data)
            if tree_depth_exceeds(found, max_depth):
                message = f"the document is nested deeper than max_depth={max_depth} allows"
                raise LimitExceededError(message, limit="max_depth", model=model, format=name)
            return found

        def decode(data: Payload) -> Any:
            return validate(tree(data))

        def decode_with(data: Payload, load_options: LoadOptions) -> Any:
            if load_options.get("strict"):
                raise UnsupportedTypeError(_NO_STRICT_BYTES, model=model, format=name)
            return validate(tree(data), **load_options)

        return BoundFormat(encode, decode, encode_with, decode_with)


_NO_STRICT_BYTES = (
    "MessagePack cannot read a type that holds bytes in strict mode: Pydantic's strict mode takes dates, UUIDs and "
    "sets from JSON text only; use the JSON format, or read without strict"
)


def _marking_serializer(plan: ModelPlan) -> SchemaSerializer:
    """Return a serializer whose JSON mode gives ``bytes`` as marked text, so that they can be told from strings.

    Pydantic's JSON mode has no bytes. The mark is random and made anew in each process: no payload can hold it.
    """
    build: Any = SchemaSerializer
    schema = transform(dict(plan.schema), _with_marked_bytes, skip=frozenset({"keys_schema"}))
    try:
        serializer: SchemaSerializer = build(schema, None, _use_prebuilt=False)
    except TypeError as error:
        message = "MessagePack needs Pydantic 2.12 for types that hold bytes"
        raise UnsupportedTypeError(message, model=plan.name, format=MsgpackFormat.name) from error
    return serializer


def _with_marked_bytes(node: Node) -> Node:
    if node["type"] != "bytes" or "serialization" in node:
        return node
    return {**node, "serialization": {"type": "function-plain", "function": _mark, "return_schema": {"type": "any"}}}


def _mark(value: Any) -> Any:
    return _MARK + value.decode("latin-1") if isinstance(value, bytes) else value


def _unmarked(tree: Any) -> Any:
    """Return the tree with marked text turned back into ``bytes``."""
    if isinstance(tree, str):
        return tree.removeprefix(_MARK).encode("latin-1") if tree.startswith(_MARK) else tree
    if isinstance(tree, list):
        return [_unmarked(item) for item in tree]
    if isinstance(tree, dict):
        return {key: _unmarked(item) for key, item in tree.items()}
    return tree
