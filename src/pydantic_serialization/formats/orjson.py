"""The fastest JSON: for models the bytes of the JSON format, for plain data orjson's.

========================  ==========================================================================
writes                    models: the same bytes as :mod:`~pydantic_serialization.formats.json`;
                          ``dict``, ``list`` and scalars without a declared type: orjson
reads                     what ``model_validate_json()`` accepts
cannot represent          nothing by type; a value without JSON form is an ``EncodeError``
========================  ==========================================================================
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from pydantic_serialization.formats._base import BoundFormat, FormatOptions
from pydantic_serialization.formats._finite import finite_checked, part_check
from pydantic_serialization.formats._items import check_json_items
from pydantic_serialization.formats._json import bind_json_reader, encode_function
from pydantic_serialization.formats._native_reading import read_natively
from pydantic_serialization.formats.json import depth_checked, digits_checked
from pydantic_serialization.plan.native import bind_decoder, bind_encoder
from pydantic_serialization.plan.overrides import has_own

if TYPE_CHECKING:
    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.plan import ModelPlan

_PLAIN = (dict, list, str, int, float, bool, type(None))
# What orjson would write differently from Pydantic, or by a runtime type, goes back to Pydantic.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


class OrjsonFormat:
    """JSON by the fastest writer that gives Pydantic's bytes."""

    name = "orjson"
    wire_id = 1  # the same documents as JSON, so the same number in frames
    media_type = "application/json"

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one type; see :meth:`Format.bind`."""
        reader = read_natively(
            plan,
            options,
            bind_json_reader(plan, options, self.name),
            partial(bind_decoder, plan, max_depth=options.max_depth, views=True),
        )
        by_pydantic = finite_checked(encode_function(plan, self.name), plan, options, self.name)
        check = part_check(plan, options)

        def by_orjson(value: Any, **dump_options: Any) -> bytes:
            if not dump_options:
                try:
                    text = orjson.dumps(value, option=_OPTIONS)
                    if check is None or b"null" not in text:  # which may stand for NaN
                        return text
                except TypeError:  # a value inside that is not plain
                    pass
            return by_pydantic(value, **dump_options)

        checked = depth_checked(
            by_orjson if any(plan.type is plain for plain in _PLAIN) else by_pydantic, plan, options, self.name
        )
        own = has_own(plan.model, "model_dump_json")
        write = checked if own else bind_encoder(plan, checked, max_depth=options.max_depth, part_check=check)

        def encode_with(value: Any, dump_options: DumpOptions) -> bytes:
            return write(value, **dump_options)

        return BoundFormat(
            write,
            reader.decode,
            encode_with,
            reader.decode_with,
            pauses=write is not checked,
            check_items=check_json_items,
            check_written=digits_checked(plan, self.name),
        )
