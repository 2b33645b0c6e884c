"""Every limit holds in every format and in both directions, and its error says which setting moves it."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from strategies import json_values

from pydantic_serialization import (
    EncodeError,
    LimitExceededError,
    SerializationConfig,
    create_serialization_manager,
)
from pydantic_serialization.bulk import read_records
from pydantic_serialization.codecs import get_codec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.envelope import Sealer
from pydantic_serialization.formats._depth import json_items_exceed
from pydantic_serialization.formats._msgpack_headers import excess
from pydantic_serialization.frame import FormatId

FORMATS = ("json", "orjson", "msgpack", "pickle")
MIB = 1 << 20


def items_of(value: Any) -> int:
    """Return the items of all lists and dicts; an empty one counts as one."""
    if isinstance(value, dict):
        return max(1, len(value)) + sum(map(items_of, value.values()))
    if isinstance(value, list):
        return max(1, len(value)) + sum(map(items_of, value))
    return 0


def manager(**settings: Any) -> Any:
    """Return a manager with these limits."""
    return create_serialization_manager(SerializationConfig(**settings))


@given(value=json_values, indent=st.sampled_from([None, 1]))
def test_items_are_counted_alike_in_texts_and_in_messagepack(value: Any, indent: int | None) -> None:
    """Commas and brackets in strings do not count; both counts are that of the value."""
    count = items_of(value)
    text = json.dumps(value, indent=indent, allow_nan=True).encode()
    assert not json_items_exceed(text, count)
    assert count == 0 or json_items_exceed(text, count - 1)
    try:
        data = ormsgpack.packb(value)
    except (ormsgpack.MsgpackEncodeError, TypeError):  # an integer of more than 64 bits
        return
    assert excess(data, 1000, count) is None
    assert count == 0 or excess(data, 1000, count - 1) == "items"


@given(data=st.binary(max_size=60), items=st.integers(0, 20), levels=st.integers(0, 5))
def test_what_is_no_messagepack_has_some_answer(data: bytes, items: int, levels: int) -> None:
    """Anything is answered without an error, and nothing has more levels than bytes."""
    found = excess(data, levels, items)
    assert found in {None, "levels", "items"}
    if found == "levels":
        assert len(data) > levels


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_document_of_too_many_items_is_not_read(format_name: str) -> None:
    """As many items as are allowed are read; one more is refused, by whichever door, and the error names the setting."""
    value: list[Any] = [[] for _ in range(1_000)]
    data = manager().serialize_sync(value, format_name)
    assert manager(max_items=2_000).deserialize_sync(data, list[Any], format_name) == value
    for asked in {format_name, None} - ({None} if format_name == "msgpack" else set()):
        with pytest.raises(LimitExceededError) as caught:
            manager(max_items=900).deserialize_sync(data, list[Any], asked)
        assert caught.value.limit == "max_items"
        assert "max_items=900" in str(caught.value)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_value_of_too_many_items_is_not_written(format_name: str) -> None:
    """What could not be read back under the same settings is refused when it is written."""
    value: list[Any] = [[] for _ in range(1_000)]
    with pytest.raises(EncodeError) as caught:
        manager(max_items=900).serialize_sync(value, format_name)
    assert "max_items=900" in str(caught.value)
    assert isinstance(manager(max_items=2_000).serialize_sync(value, format_name), bytes)


def test_few_items_in_long_strings_are_no_matter() -> None:
    """Strings full of commas and brackets are looked into, and count nothing."""
    value = ["[,{" * 1_000] * 3
    for format_name in FORMATS:
        data = manager(max_items=100).serialize_sync(value, format_name)
        assert manager(max_items=100).deserialize_sync(data, list[str], format_name) == value


def test_a_flood_of_small_containers_is_refused_before_it_takes_memory() -> None:
    """Twenty million empty lists would take two gigabytes as objects: they are refused for the size of the input."""
    flood = b"[" + b"[]," * 5_000_000 + b"[]]"
    packed = b"\xdd" + (9_000_000).to_bytes(4, "big") + b"\x90" * 9_000_000
    for data, format_name in ((flood, "json"), (flood, "orjson"), (packed, "msgpack")):
        tracemalloc.start()
        try:
            with pytest.raises(LimitExceededError):
                manager().deserialize_sync(data, list[Any], format_name)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 5 * len(data)


@pytest.mark.parametrize("codec", ["gzip", "zstd", "brotli", "lz4"])
def test_a_ratio_over_the_limit_is_refused(codec: str) -> None:
    """A small input that becomes many times as large is refused, however large payloads may be, and the error says why."""
    member = get_codec(codec)
    body = member.compressor(CompressionLevel.MAX)(b'"' + b"a" * 8 * MIB + b'"')
    ratio = 8 * MIB // len(body)
    low, high = manager(max_compression_ratio=max(2, ratio // 2)), manager(max_compression_ratio=2 * ratio)
    if member.magic is None:  # only in a frame
        body = Sealer().seal(body, format=FormatId.JSON, codec=member.wire_id, raw_size=8 * MIB + 2)
    with pytest.raises(LimitExceededError) as caught:
        low.deserialize_sync(body, str, "json")
    assert caught.value.limit == "max_compression_ratio"
    assert len(high.deserialize_sync(body, str, "json")) == 8 * MIB


@pytest.mark.parametrize("codec", ["gzip", "zstd", "brotli", "lz4"])
def test_what_compresses_too_well_is_written_raw(codec: str) -> None:
    """The same settings read what they have written; a small payload may have any ratio."""
    for size in (MIB // 2, 4 * MIB):
        value = "a" * size
        narrow = manager(max_compression_ratio=20, compression_codec=codec)
        data = narrow.serialize_sync(value, "json")
        assert narrow.deserialize_sync(data, str, "json") == value
        assert (len(data) > size) == (size > MIB)


def test_trusted_data_has_limits_that_only_mistakes_reach() -> None:
    """One call lifts all limits but the depth; single settings win over it."""
    config = SerializationConfig.for_trusted_data(compression_codec="zstd", max_items=7)
    assert (config.max_payload_bytes, config.max_items, config.compression_codec) == (1 << 31, 7, "zstd")
    assert config.max_compression_ratio == 1 << 31
    assert config.max_depth == 200
    value = [None] * 5_000_000
    data = create_serialization_manager(SerializationConfig.for_trusted_data()).serialize_sync(value, "msgpack")
    with pytest.raises(LimitExceededError):
        manager().deserialize_sync(data, list[Any], "msgpack")
    trusting = create_serialization_manager(SerializationConfig.for_trusted_data())
    assert len(trusting.deserialize_sync(data, list[Any], "msgpack")) == 5_000_000


class Number(BaseModel):
    """An integer of any size."""

    value: int = 0


@pytest.mark.parametrize("format_name", ["json", "orjson"])
@pytest.mark.parametrize("declared", [Number, list[Any], float])
@pytest.mark.parametrize("sign", [b"", b"-"])
def test_longer_integers_are_over_a_limit_that_is_named(format_name: str, declared: Any, sign: bytes) -> None:
    """What Python would take a long time to read is refused by name, with the way out and the place."""
    text = {Number: b'{"value":%s}', float: b"%s"}.get(declared, b"[%s]") % (sign + b"7" * 4301)
    with pytest.raises(
        LimitExceededError, match=r"4300 digits.*int_max_str_digits.*as a string at line 1 column"
    ) as caught:
        manager().deserialize_sync(text, declared, format_name)
    assert caught.value.limit == "int_max_str_digits"
    assert "777" not in str(caught.value)


def test_longer_integers_in_files_are_over_a_limit_that_is_named(tmp_path: Path) -> None:
    """With a model and without."""
    path = tmp_path / "numbers.jsonl"
    path.write_bytes(b'{"value":' + b"7" * 4301 + b"}\n")
    for model in (None, Number):
        with (
            pytest.raises(LimitExceededError, match=r"int_max_str_digits.*as a string"),
            read_records(path, model) as records,
        ):
            list(records)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("digits", [4_299, 4_300, 4_301, 20_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_integers_that_are_written_are_read(format_name: str, digits: int, sign: int) -> None:
    """Integers of any length come back, or are refused when they are written."""
    for value in (Number(value=sign * 10 ** (digits - 1)), Number.model_construct(value=sign * (10**digits - 1))):
        try:
            data = manager().serialize_sync(value, format_name)
        except EncodeError as error:
            assert format_name == "msgpack" or digits >= 4_300
            assert format_name == "msgpack" or "4300 digits" in str(error)
            continue
        assert manager().deserialize_sync(data, Number, format_name).value == value.value
