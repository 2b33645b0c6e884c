"""What was written is read back equal: values, types, order and given fields, in every format, codec and way to call."""

from __future__ import annotations

import asyncio
from datetime import date
from functools import cache
from typing import Any

import ormsgpack
import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from strategies import CODECS, dump_options, everything, holders_of_bytes, json_values, models, text_options

from pydantic_serialization import (
    OptimizedSerializationManager,
    SerializationConfig,
    create_serialization_manager,
    decoder,
    encoder,
)

ids = [entry.name for entry in zoo.ENTRIES]


@cache
def manager_for(codec: str | None, format_name: str = "orjson") -> OptimizedSerializationManager:
    """Return a manager that compresses everything it can with one codec, or nothing."""
    return create_serialization_manager(
        SerializationConfig(
            default_format=format_name,
            enable_compression=codec is not None,
            compression_codec=codec or "gzip",
            compression_threshold=0,
            pickle_secrets=True,
        )
    )


def dump_options_of(entry: zoo.Entry, format_name: str) -> dict[str, Any]:
    """Return the options that an entry needs; a pickle holds whole instances and needs none."""
    return {} if format_name == "pickle" else entry.dump


def keeps(found: Any, expected: Any) -> bool:
    """Say whether two values are equal, also in what ``==`` does not look at."""
    return bool(found == expected) and not zoo.faults(found, expected)


@pytest.mark.parametrize("format_name", zoo.FORMATS)
@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=ids)
def test_every_entry_of_the_zoo_is_kept_unless_it_says_why_not(entry: zoo.Entry, format_name: str) -> None:
    """What the zoo says of a format holds: equal values with equal types, or a loss for the reason given there."""
    manager = manager_for(None)
    for value in entry.values:
        try:
            data = manager.serialize_sync(
                value, format_name, model_class=entry.type, **dump_options_of(entry, format_name)
            )
            found = manager.deserialize_sync(data, entry.type, format_name)
        except ValueError as error:  # EncodeError, DecodeError, ValidationError
            assert not entry.keeps(format_name), error
            continue
        assert keeps(found, value) is entry.keeps(format_name), zoo.faults(found, value)


@pytest.mark.parametrize("format_name", ["json", "orjson"])
@pytest.mark.parametrize("entry", [entry for entry in zoo.ENTRIES if entry.name not in {"own-dump", "raw-bytes"}])
def test_json_is_pydantics_own(entry: zoo.Entry, format_name: str) -> None:
    """JSON and ORJSON give the bytes of Pydantic's own JSON."""
    for value in entry.values:
        expected = TypeAdapter(entry.type).dump_json(value, **entry.dump)
        assert manager_for(None).serialize_sync(value, format_name, model_class=entry.type, **entry.dump) == expected
        if not entry.dump:
            assert encoder(entry.type, format_name)(value) == expected


kept_by_trees = [entry for entry in zoo.ENTRIES if all(map(entry.keeps, zoo.TREE_FORMATS))]


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
@pytest.mark.parametrize(
    "entry", [entry for entry in kept_by_trees if entry in zoo.MODELS], ids=lambda entry: entry.name
)
def test_the_set_of_given_fields_is_what_pydantics_json_gives(entry: zoo.Entry, format_name: str) -> None:
    """``model_fields_set`` after reading is the one that ``model_validate_json`` leaves, in every tree format."""
    for value in entry.values:
        data = manager_for(None).serialize_sync(value, format_name, **entry.dump)
        expected = entry.type.model_validate_json(value.model_dump_json(**entry.dump).encode())
        assert (
            manager_for(None).deserialize_sync(data, entry.type, format_name).model_fields_set
            == expected.model_fields_set
        )


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
@pytest.mark.parametrize(
    "entry", [entry for entry in kept_by_trees if entry.name != "own-dump"], ids=lambda entry: entry.name
)
def test_strict_reading_accepts_what_pydantics_strict_json_accepts(entry: zoo.Entry, format_name: str) -> None:
    """With ``strict_validation`` a document is refused exactly where Pydantic's strict JSON reading refuses it."""
    manager = create_serialization_manager(SerializationConfig(strict_validation=True, enable_compression=False))
    adapter: TypeAdapter[Any] = TypeAdapter(entry.type)
    for value in entry.values:
        data = manager.serialize_sync(value, format_name, model_class=entry.type, **entry.dump)
        try:
            adapter.validate_json(adapter.dump_json(value, **entry.dump), strict=True)
        except ValidationError:
            with pytest.raises(ValidationError):
                manager.deserialize_sync(data, entry.type, format_name)
        else:
            assert keeps(manager.deserialize_sync(data, entry.type, format_name), value)


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=ids)
def test_reading_without_validation_gives_the_same_value(entry: zoo.Entry) -> None:
    """``enable_validation=False`` skips checks, never conversions: what is valid reads equal, with equal types."""
    manager = create_serialization_manager(SerializationConfig(enable_validation=False, enable_compression=False))
    for value in entry.values:
        for format_name in zoo.TREE_FORMATS:
            if entry.keeps(format_name):
                data = manager.serialize_sync(value, format_name, model_class=entry.type, **entry.dump)
                assert keeps(manager.deserialize_sync(data, entry.type, format_name), value)


@pytest.mark.parametrize("format_name", zoo.FORMATS)
@given(model=models)
def test_any_model_is_kept(format_name: str, model: BaseModel) -> None:
    """Reading gives back an equal model, whatever the values."""
    manager, kind = manager_for(None), type(model)
    data = manager.serialize_sync(model, format_name)
    assert keeps(manager.deserialize_sync(data, kind, format_name), model)
    assert keeps(manager.deserialize_sync(memoryview(bytearray(data)), kind, format_name), model)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("default", zoo.FORMATS)
@given(model=models, data=st.data())
def test_what_was_written_is_read_without_naming_the_format(
    codec: str | None, default: str, model: BaseModel, data: st.DataObject
) -> None:
    """With ``format=None`` whatever JSON, pickle or the default format wrote is read back, with every codec."""
    written = data.draw(st.sampled_from([*{"json", "orjson", "pickle", default}]))
    manager = manager_for(codec, default)
    payload = manager.serialize_sync(model, written)
    assert keeps(manager.deserialize_sync(payload, type(model)), model)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("format_name", zoo.FORMATS)
@given(model=everything)
def test_every_codec_keeps_every_format(codec: str | None, format_name: str, model: zoo.Everything) -> None:
    """Compression changes nothing of what is read back, and a reader with another codec reads it too."""
    payload = manager_for(codec).serialize_sync(model, format_name)
    assert keeps(manager_for(codec).deserialize_sync(payload, zoo.Everything, format_name), model)
    assert keeps(manager_for(None).deserialize_sync(payload, zoo.Everything, format_name), model)


@given(model=everything, options=dump_options, text=text_options)
def test_every_option_of_writing_gives_pydantics_bytes(
    model: zoo.Everything, options: dict[str, Any], text: dict[str, Any]
) -> None:
    """JSON and ORJSON with options are ``model_dump_json`` with these options, byte for byte."""
    expected = model.model_dump_json(**options, **text).encode()
    for format_name in ("json", "orjson"):
        assert manager_for(None).serialize_sync(model, format_name, **options, **text) == expected
        assert manager_for(None).model_serializer.serialize_model(model, format_name, **options, **text) == expected


@given(model=everything, options=dump_options)
def test_msgpack_is_what_pydantics_json_mode_gives(model: zoo.Everything, options: dict[str, Any]) -> None:
    """An independent MessagePack reader finds exactly ``model_dump(mode="json")``."""
    payload = manager_for(None).serialize_sync(model, "msgpack", **options)
    assert ormsgpack.unpackb(payload) == model.model_dump(mode="json", **options)


@given(model=holders_of_bytes)
def test_msgpack_holds_bytes_as_bin(model: zoo.BytesBesideUnions) -> None:
    """Declared ``bytes`` are bin for an independent reader, everything else is as in JSON, and both are read back."""
    payload = manager_for(None).serialize_sync(model, "msgpack")
    tree = ormsgpack.unpackb(payload)
    assert tree["raw"] == model.raw
    assert tree["either"] == model.either
    assert tree["other"] == model.other
    assert tree["when"] == model.when.isoformat()  # type: ignore[union-attr]
    assert tree["anything"] == model.anything
    assert keeps(manager_for(None).deserialize_sync(payload, zoo.BytesBesideUnions, "msgpack"), model)


@pytest.mark.parametrize("format_name", zoo.FORMATS)
@given(batch=st.lists(everything, max_size=4))
def test_a_batch_is_one_payload(format_name: str, batch: list[zoo.Everything]) -> None:
    """A batch is read back in order; an empty one too, and one with options."""
    manager = manager_for(None)
    payload = manager.serialize_models_sync(batch, format_name)
    found = manager.deserialize_models_sync(payload, zoo.Everything, format_name)
    assert keeps(found, batch)
    if format_name != "pickle":
        kept = manager.serialize_models_sync(iter(batch), format_name, include={"__all__": {"name"}})
        assert [model.name for model in manager.deserialize_models_sync(kept, zoo.Everything, format_name)] == [
            model.name for model in batch
        ]


@given(batch=st.lists(everything, max_size=4))
def test_json_lines_hold_a_batch(batch: list[zoo.Everything]) -> None:
    """JSON lines have a document on each line, and are read back in order."""
    data = encoder(list[zoo.Everything], "jsonl")(batch)
    assert data.count(b"\n") == len(batch)
    assert data == b"".join(model.model_dump_json().encode() + b"\n" for model in batch)
    assert keeps(decoder(list[zoo.Everything], "jsonl")(data), batch)


@given(models=st.lists(models, min_size=1, max_size=3))
def test_sync_and_async_give_the_same(models: list[BaseModel]) -> None:
    """The twins of each operation give the same bytes and equal models, in every format."""

    async def check() -> None:
        for manager in (manager_for(None), manager_for("gzip")):
            for format_name in (None, *zoo.FORMATS):
                for model in models:
                    data = manager.serialize_sync(model, format_name)
                    assert await manager.serialize_model(model, format_name) == data
                    assert keeps(await manager.deserialize_model(data, type(model), format_name), model)
                batch = [model for model in models if type(model) is type(models[0])]
                data = manager.serialize_models_sync(batch, format_name)
                assert await manager.serialize_models(batch, format_name) == data
                assert keeps(await manager.deserialize_models(data, type(models[0]), format_name), batch)

    asyncio.run(check())


@given(value=json_values)
def test_plain_values_are_kept(value: Any) -> None:
    """Values without a declared type are what JSON and MessagePack have, byte-identical in both JSON formats."""
    manager = manager_for(None)
    expected = TypeAdapter(Any).dump_json(value)
    for format_name in zoo.TREE_FORMATS:
        data = manager.serialize_sync(value, format_name)
        assert keeps(manager.deserialize_sync(data, Any, format_name), value)
        if format_name != "msgpack":
            assert data == expected


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
@given(items=st.lists(st.dates() | st.sampled_from(["soon", "1"]), min_size=1, max_size=4))
def test_the_order_of_a_union_belongs_to_the_type(format_name: str, items: list[date | str]) -> None:
    """``date | str`` and ``str | date`` are equal to Python and read differently: they do not share a pipeline."""
    manager = manager_for(None)
    for kind in (list[date | str], list[str | date]):
        data = manager.serialize_sync(items, format_name, model_class=kind)
        found = manager.deserialize_sync(data, kind, format_name)
        assert keeps(found, items if kind.__args__[0].__args__[0] is date else [str(item) for item in items])


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
def test_options_of_reading_are_pydantics(format_name: str) -> None:
    """``strict`` and ``context`` reach the validators; ``strict=None`` leaves it to the configuration."""
    lax, strict = manager_for(None), create_serialization_manager(SerializationConfig(strict_validation=True))
    data = lax.serialize_sync({"number": "1"}, format_name)
    assert lax.deserialize_sync(data, zoo.BigInts, format_name).number == 1
    assert lax.deserialize_sync(data, zoo.BigInts, format_name, strict=False).number == 1
    assert strict.deserialize_sync(data, zoo.BigInts, format_name, strict=False).number == 1
    for manager, options in (
        (lax, {"strict": True}),
        (strict, {}),
        (strict, {"strict": None}),
        (strict, {"context": 1}),
    ):
        with pytest.raises(ValidationError):
            manager.deserialize_sync(data, zoo.BigInts, format_name, **options)
