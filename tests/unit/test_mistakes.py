"""Mistakes that everybody makes once: the error says what to write instead."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
import zoo

from pydantic_serialization import (
    ConfigurationError,
    DecodeError,
    MissingDependencyError,
    SchemaMismatchError,
    UnknownFormatError,
    UnsupportedTypeError,
    copy_model,
    create_serialization_config,
    create_serialization_manager,
    decoder,
    deserialized,
    encoder,
    explain,
    serialized,
)
from pydantic_serialization._registry import CODECS
from pydantic_serialization.bulk import RecordWriter, read_records, write_records

if TYPE_CHECKING:
    from pathlib import Path

MANAGER = create_serialization_manager()
CAT = zoo.Cat()


async def make() -> zoo.Cat:
    """Return a model, to those who wait."""
    return CAT


def test_a_forgotten_await_is_named() -> None:
    """In place of a model as in place of bytes."""
    coroutine: Any = make()
    with pytest.raises(UnsupportedTypeError, match="a coroutine where a value is expected: await it"):
        MANAGER.serialize_sync(coroutine)
    with pytest.raises(TypeError, match="got coroutine: await it"):
        MANAGER.deserialize_sync(coroutine, zoo.Cat)
    coroutine.close()


@pytest.mark.parametrize("call", [encoder, decoder, explain, lambda cat: MANAGER.deserialize_sync(b"{}", cat)])
def test_an_instance_in_place_of_its_class_is_named(call: Any) -> None:
    """The class is what to pass."""
    with pytest.raises(UnsupportedTypeError, match="got an instance of Cat: pass the class itself"):
        call(CAT)


def test_data_and_type_in_the_wrong_order_are_named() -> None:
    """For bytes as for text, and nothing of the data is shown."""
    for data in (b'{"canary":1}', '{"canary":1}'):
        with pytest.raises(UnsupportedTypeError, match="the data comes first, the type after it") as caught:
            MANAGER.deserialize_sync(zoo.Cat, data)  # type: ignore[call-overload]
        assert "canary" not in str(caught.value)


def test_the_name_of_a_type_is_no_type() -> None:
    """The message does not ask for a module to look it up in."""
    with pytest.raises(UnsupportedTypeError, match="got text: pass the type itself, not its name"):
        MANAGER.deserialize_sync(b"{}", "Cat")


def test_bytes_that_do_not_tell_their_format_ask_for_it() -> None:
    """MessagePack read without a format is the default format's error, with the way out; cut off JSON is only that."""
    packed = MANAGER.serialize_sync(CAT, "msgpack")
    with pytest.raises(
        DecodeError, match="no format was named, so the default one was tried: pass format= if it is another"
    ):
        MANAGER.deserialize_sync(packed, zoo.Cat)
    with pytest.raises(DecodeError, match="pass format="):
        MANAGER.deserialize_sync(packed, zoo.Cat, strict=True)
    for data in (packed, b'{"lives":'):
        with pytest.raises(DecodeError) as caught:
            MANAGER.deserialize_sync(data, zoo.Cat, "json" if data is packed else None)
        assert "pass format=" not in str(caught.value)


def test_a_pickle_of_another_model_is_not_called_another_version_only() -> None:
    """Nobody knows which of the two it is; no format is named that was not asked for."""
    with pytest.raises(SchemaMismatchError, match="another model, or") as caught:
        MANAGER.deserialize_sync(MANAGER.serialize_sync(CAT, "pickle"), zoo.Address)
    assert (caught.value.model, caught.value.format) == ("Address", None)


def test_a_library_that_is_missing_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the manager is made, not by the first request; not where nothing is compressed."""
    monkeypatch.delitem(CODECS._members, "lz4", raising=False)
    for module in ("lz4", "lz4.frame"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r'pip install "pydantic-serialization\[lz4\]"'):
        create_serialization_manager(create_serialization_config(compression_codec="lz4"))
    for off in ({"enable_compression": False}, {"compression_level": "none"}):
        config = create_serialization_config(compression_codec="lz4", **off)  # type: ignore[arg-type]
        assert create_serialization_manager(config).serialize_sync([1] * 9000)


def test_json_lines_are_not_a_format_of_managers() -> None:
    """The error says whose they are, and suggests no JSON."""
    with pytest.raises(UnknownFormatError, match=re.escape("encoder() and decoder()")) as caught:
        MANAGER.serialize_sync([CAT], "jsonl")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"ttl": 5}, {"tags": ["cats"]}])
def test_a_time_or_tags_without_a_key_would_cache_nothing(settings: Any) -> None:
    """Told when decorating, and by every way of writing."""
    with pytest.raises(ConfigurationError, match="give key= too"):
        serialized("json", **settings)
    for write in (MANAGER.serialize_sync, MANAGER.serialize_models_sync):
        with pytest.raises(ConfigurationError, match="give cache_key= too"):
            write([CAT], **settings)
    for write_later in (MANAGER.serialize_model, MANAGER.serialize_models):
        with pytest.raises(ConfigurationError, match="give cache_key= too"):
            asyncio.run(write_later([CAT], **settings))
    off = create_serialization_manager(create_serialization_config(enable_caching=False))
    assert off.serialize_sync(CAT, cache_key="cat", **settings) == MANAGER.serialize_sync(CAT)


@pytest.mark.parametrize("ttl", [0, -1, "60"])
def test_a_time_to_live_is_positive(ttl: Any) -> None:
    """Told when decorating, not when the first result is to be kept."""
    with pytest.raises(ConfigurationError, match="ttl must be a positive number"):
        serialized("json", key="cats", ttl=ttl)


@pytest.mark.parametrize("model", ["json", make, CAT])
def test_deserialized_takes_the_model_first(model: Any) -> None:
    """A format, the function itself or an instance in its place are told when decorating."""
    with pytest.raises(ConfigurationError, match=re.escape("write @deserialized(Model)")):
        deserialized(model)


@pytest.mark.parametrize("value", [zoo.Cat, {"lives": 9}, None])
def test_only_models_are_copied(value: Any) -> None:
    """Everything else is ``copy.deepcopy``'s."""
    with pytest.raises(TypeError, match=r"copy_model takes an instance of a model, not .*; copy\.deepcopy"):
        copy_model(value)


def test_one_model_is_no_file_of_records(tmp_path: Path) -> None:
    """A model gives its fields when it is iterated over: they are no records."""
    path = tmp_path / "cats.jsonl"
    with pytest.raises(TypeError, match=r"got one Cat: pass a list"):
        write_records(path, CAT)
    assert not path.exists()
    with RecordWriter(path) as writer, pytest.raises(TypeError, match=r"got one Cat: .* write\(\)"):
        writer.write_many(CAT)  # type: ignore[arg-type]


def test_an_open_file_is_no_path(tmp_path: Path) -> None:
    """Its description is not looked for in the file system."""
    with (tmp_path / "cats.jsonl").open("wb+") as file:
        with pytest.raises(TypeError, match="BufferedRandom"):
            read_records(file)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="BufferedRandom"):
            write_records(file, [CAT], format="jsonl")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["cats.jsonl"]
