"""The format contract, held by every built-in format and by a format as a plug-in author writes one."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest
import zoo

from pydantic_serialization import create_serialization_manager, register_format
from pydantic_serialization._registry import FORMATS
from pydantic_serialization._types import Payload
from pydantic_serialization.formats import TreeFormat
from pydantic_serialization.formats.json import JsonFormat
from pydantic_serialization.formats.msgpack import MsgpackFormat
from pydantic_serialization.formats.orjson import OrjsonFormat
from pydantic_serialization.formats.pickle import PickleFormat
from pydantic_serialization.testing import FormatContract


class HexFormat(TreeFormat):
    """A format of the kind that applications bring: JSON of the standard library, as hexadecimal digits."""

    name = "hex"
    wire_id = 200
    media_type = "application/x-hex"

    def pack(self, tree: Any) -> bytes:
        return json.dumps(tree).encode().hex().encode()

    def unpack(self, data: Payload) -> Any:
        return json.loads(bytes.fromhex(bytes(data).decode("ascii")))


class TestJson(FormatContract):
    format = JsonFormat()


class TestOrjson(FormatContract):
    format = OrjsonFormat()


class TestMsgpack(FormatContract):
    format = MsgpackFormat()


class TestPickle(FormatContract):
    format = PickleFormat()
    takes_options: ClassVar[bool] = False
    runs_serializers: ClassVar[bool] = False


class TestPlugin(FormatContract):
    format = HexFormat()


@pytest.fixture
def hex_format() -> Any:
    """The plug-in, registered for one test."""
    yield register_format(HexFormat)
    FORMATS.unregister("hex")


def test_a_plug_in_works_wherever_a_format_does(hex_format: type[HexFormat]) -> None:
    """A registered format is written and read by name, as default, and in a frame without naming it."""
    manager = create_serialization_manager()
    manager.config.default_format = "hex"
    manager.config.compression_codec = "brotli"
    model = zoo.Everything(name="long " * 500)
    data = manager.serialize_sync(model)
    assert data.startswith(b"\xc1SF")
    assert manager.deserialize_sync(data, zoo.Everything) == model
    manager.config.default_format = "orjson"
    assert manager.deserialize_sync(data, zoo.Everything) == model
    assert manager.deserialize_sync(data, zoo.Everything, "hex") == model
