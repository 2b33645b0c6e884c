"""The codec and the format of the example keep what plug-ins promise."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pydantic_serialization import (
    DecodeError,
    EncodeError,
    LimitExceededError,
    SerializationConfig,
    SerializationUtils,
    create_serialization_manager,
    register_codec,
    register_format,
)
from pydantic_serialization._registry import FORMATS
from pydantic_serialization.codecs import unregister_codec
from pydantic_serialization.testing import CodecContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "custom_format.py"


def load_without_registering() -> ModuleType:
    """Return the example as a module. Importing it registers both plug-ins, which other tests must not see."""
    spec = importlib.util.spec_from_file_location("custom_format_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    unregister()
    return module


def unregister() -> None:
    FORMATS.unregister("checked-json")
    unregister_codec("xz")


example: Any = load_without_registering()


class TestXz(CodecContract):
    codec = example.XzCodec()
    extra_memory = 5 << 20  # the window of preset 4


@pytest.fixture
def manager() -> Iterator[Any]:
    """Return a manager that writes with both plug-ins."""
    register_format(example.CheckedJsonFormat)
    register_codec(example.XzCodec)
    config = SerializationConfig(default_format="checked-json", compression_codec="xz", compression_threshold=200)
    yield create_serialization_manager(config)
    unregister()


EVENT = example.Event(order=7, kind="päid\n", note='"')


def test_the_format_round_trips(manager: Any) -> None:
    """What is written is one checksum and JSON, and is read back equal."""
    data = manager.serialize_sync(EVENT)
    assert data[8:] == b" " + EVENT.model_dump_json().encode()
    assert manager.deserialize_sync(data, example.Event) == EVENT
    assert manager.deserialize_sync(memoryview(data), example.Event, "checked-json") == EVENT


def test_dump_options_reach_the_format(manager: Any) -> None:
    """``exclude`` and its like work in a format of one's own as in the built-in ones."""
    data = manager.serialize_sync(EVENT, "checked-json", exclude={"note"})
    assert b"note" not in data
    assert manager.deserialize_sync(data, example.Event) == EVENT.model_copy(update={"note": ""})


def test_every_changed_bit_is_noticed(manager: Any) -> None:
    """A document with one flipped bit is an error, never other data."""
    data = manager.serialize_sync(EVENT)
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DecodeError):
            manager.deserialize_sync(damaged, example.Event, "checked-json")


def test_every_truncation_is_noticed(manager: Any) -> None:
    """A document that was cut, at any place, is an error."""
    data = manager.serialize_sync(EVENT)
    for end in range(len(data)):
        with pytest.raises(DecodeError):
            manager.deserialize_sync(data[:end], example.Event, "checked-json")


def test_large_payloads_are_compressed_by_the_codec(manager: Any) -> None:
    """The codec is used for writing, and recognised by its magic number for reading, also by another manager."""
    events = [EVENT] * 500
    packed = manager.serialize_models_sync(events)
    assert SerializationUtils.detect_compression(packed) == "xz"
    assert manager.deserialize_models_sync(packed, example.Event) == events
    assert create_serialization_manager().deserialize_models_sync(packed, example.Event, "checked-json") == events


def test_a_bomb_is_refused_by_the_manager(manager: Any) -> None:
    """The manager's limit bounds what the codec unpacks."""
    bomb = example.XzCodec().compressor(example.CompressionLevel.FAST)(bytes(5_000_000))
    manager.config.max_payload_bytes = 1_000_000
    with pytest.raises(LimitExceededError, match="max_payload_bytes"):
        manager.deserialize_sync(bomb, example.Event)


def test_an_unwritable_value_is_an_encode_error(manager: Any) -> None:
    """A lone surrogate has no UTF-8: the format's own exception arrives as an ``EncodeError``."""
    with pytest.raises(EncodeError, match="surrogate"):
        manager.serialize_sync(example.Event(order=1, kind="paid").model_copy(update={"note": "\ud800"}))
