"""The serializer: binding, fallback, frames, changes of configuration and of models."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import zoo
from pydantic import BaseModel, create_model

from pydantic_serialization import (
    DecodeError,
    FrameError,
    IntegrityError,
    PydanticModelSerializer,
    SchemaMismatchError,
    SerializationConfig,
    SerializationError,
    UnsupportedTypeError,
    register_format,
)
from pydantic_serialization._registry import FORMATS
from pydantic_serialization.formats import BoundFormat, FormatOptions
from pydantic_serialization.formats.json import JsonFormat
from pydantic_serialization.plan import ModelPlan

KEYS = ("k" * 32, "o" * 32)
LONG = zoo.Address(street="long " * 1000)


class Picky(JsonFormat):
    """A format that cannot represent cats."""

    name = "picky"
    wire_id = 140

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        if plan.type is zoo.Cat:
            raise UnsupportedTypeError("no cats", model=plan.name, format=self.name)
        return super().bind(plan, options)


class AlsoPicky(Picky):
    """Another one."""

    name = "alsopicky"
    wire_id = 141


@pytest.fixture(autouse=True)
def picky() -> Iterator[None]:
    """Both formats, for each test."""
    register_format(Picky)
    register_format(AlsoPicky)
    yield
    FORMATS.unregister("picky")
    FORMATS.unregister("alsopicky")


def make(**settings: Any) -> PydanticModelSerializer:
    """Return a serializer with these settings."""
    return PydanticModelSerializer(SerializationConfig(**settings))


# -- fallback -----------------------------------------------------------------------------------------------------------


def test_a_fallback_is_framed_flagged_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The result says that it is one, and any reader knows its format."""
    serializer = make()
    with caplog.at_level(logging.WARNING, "pydantic_serialization"):
        for _ in range(3):
            data = serializer.serialize_model(zoo.Cat(), "picky")
    assert data[:3] == b"\xc1SF"
    assert (data[4], data[6]) == (1, 1)
    assert [record.getMessage() for record in caplog.records] == [
        "picky cannot represent Cat; using json, in a sealed frame"
    ]
    assert serializer.get_stats()["fallbacks"] >= 1
    for format_name in ("picky", None, "json", "orjson"):
        assert serializer.deserialize_model(data, zoo.Cat, format_name) == zoo.Cat()
    assert make(default_format="msgpack").deserialize_model(data, zoo.Cat) == zoo.Cat()


def test_the_values_do_not_decide_on_a_fallback() -> None:
    """A value that cannot be written is an error, not a reason to write something else."""
    with pytest.raises(SerializationError, match="surrogate"):
        make().serialize_model(zoo.Address(street="\ud800"), "picky")


def test_reading_never_falls_back() -> None:
    """A document of the fallback's format without a frame is not what was asked for."""
    serializer = make(fallback_format="msgpack")
    with pytest.raises(DecodeError):
        serializer.deserialize_model(zoo.Cat().model_dump_json().encode(), zoo.Cat, "picky")
    with pytest.raises(DecodeError):
        serializer.deserialize_model(b'{"street":1', zoo.Address, "picky")


def test_without_a_fallback_the_error_is_the_formats() -> None:
    """``fallback_format=None``, or the format itself, makes an UnsupportedTypeError of it."""
    for fallback in (None, "picky"):
        with pytest.raises(UnsupportedTypeError, match="no cats"):
            make(fallback_format=fallback).serialize_model(zoo.Cat(), "picky")


def test_if_both_cannot_both_causes_are_told() -> None:
    """The error carries both."""
    with pytest.raises(SerializationError, match="neither picky nor the fallback alsopicky") as caught:
        make(fallback_format="alsopicky").serialize_model(zoo.Cat(), "picky")
    causes = caught.value.__cause__
    assert isinstance(causes, ExceptionGroup)
    assert [type(cause) for cause in causes.exceptions] == [UnsupportedTypeError, UnsupportedTypeError]


# -- configuration ------------------------------------------------------------------------------------------------------


def test_changes_take_effect_on_the_next_call() -> None:
    """Format, codec, threshold, strictness, limits and keys: each is used from the next call on."""
    serializer = make()
    config = serializer.config
    assert serializer.serialize_model(zoo.Cat())[:1] == b"{"
    config.default_format = "msgpack"
    assert serializer.serialize_model(zoo.Cat())[:1] == b"\x82"
    config.default_format = "orjson"
    assert gzip.decompress(serializer.serialize_model(LONG)) == LONG.model_dump_json().encode()
    config.compression_codec = "zstd"
    assert serializer.serialize_model(LONG)[:4] == b"\x28\xb5\x2f\xfd"
    config.compression_threshold = 100_000
    assert serializer.serialize_model(LONG)[:1] == b"{"
    config.compression_threshold = 0
    config.enable_compression = False
    assert serializer.serialize_model(LONG)[:1] == b"{"
    config.max_payload_bytes = 100
    with pytest.raises(SerializationError, match="max_payload_bytes"):
        serializer.serialize_model(LONG)
    config.max_payload_bytes = 10_000
    assert serializer.deserialize_model(b'{"number":"1"}', zoo.BigInts).number == 1
    config.strict_validation = True
    with pytest.raises(ValueError, match="valid integer"):
        serializer.deserialize_model(b'{"number":"1"}', zoo.BigInts)
    config.signing_keys = KEYS[:1]  # type: ignore[assignment]
    assert serializer.serialize_model(zoo.Cat(), "pickle")[7] != 0


def test_two_serializers_of_one_configuration_both_hear() -> None:
    """A configuration can be shared."""
    config = SerializationConfig()
    one, other = PydanticModelSerializer(config), PydanticModelSerializer(config)
    for serializer in (one, other):
        serializer.serialize_model(zoo.Cat())
    config.default_format = "msgpack"
    assert one.serialize_model(zoo.Cat()) == other.serialize_model(zoo.Cat()) == b"\x82\xa4kind\xa3cat\xa5lives\x09"


def test_something_else_than_a_configuration_is_refused() -> None:
    """A dict of settings is a mistake that is told at once."""
    wrong: Any = {"default_format": "json"}
    with pytest.raises(TypeError, match="SerializationConfig"):
        PydanticModelSerializer(wrong)


# -- models -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
def test_a_rebuilt_model_is_used_as_it_is_now(format_name: str) -> None:
    """After ``model_rebuild`` the next call uses the new schema."""
    serializer = make()

    class Later(BaseModel):
        part: Part | None = None  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(UnsupportedTypeError, match="Part"):
        serializer.deserialize_model(b"{}", Later, format_name)
    Later.model_rebuild(_types_namespace={"Part": zoo.Cat})
    value = Later(part=zoo.Cat())
    assert serializer.deserialize_model(serializer.serialize_model(value, format_name), Later, format_name) == value
    Later.model_fields["part"].annotation = int  # type: ignore[assignment]
    Later.model_rebuild(force=True, _types_namespace={"Part": zoo.Cat})
    assert (
        serializer.deserialize_model(serializer.serialize_model({"part": 5}, format_name), Later, format_name).part == 5
    )


def test_the_declared_type_decides_what_is_written() -> None:
    """``model_class`` narrows a subclass, with every format and batch."""
    serializer = make(enable_compression=False)
    for format_name in zoo.TREE_FORMATS:
        assert b"hunter2" in serializer.serialize_model(zoo.Derived(), format_name)
        assert b"hunter2" not in serializer.serialize_model(zoo.Derived(), format_name, model_class=zoo.Base)
        assert b"hunter2" not in serializer.serialize_model([zoo.Derived()], format_name, model_class=list[zoo.Base])
        assert b"hunter2" not in serializer.serialize_model(zoo.HoldsBase(one=zoo.Derived()), format_name)


def test_pipelines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Types made at run time do not pile up."""
    from pydantic_serialization import serializer as module

    monkeypatch.setattr(module, "_LIMIT", 5)
    serializer = make()
    for number in range(20):
        serializer.serialize_model(create_model(f"Made{number}", a=(int, 1))())
        serializer.deserialize_model(b"[]", list[create_model(f"Other{number}", a=(int, 1))])  # type: ignore[misc]
        assert serializer.get_stats()["bound_pipelines"] <= 10


# -- frames -------------------------------------------------------------------------------------------------------------


def test_pickles_are_sealed_and_pinned_to_the_model() -> None:
    """A pickle of another version of the model is a SchemaMismatchError, named or not."""
    serializer = make()
    one = create_model("Versioned", __module__=__name__, a=(int, 1))
    two = create_model("Versioned", __module__=__name__, a=(int, 2))
    globals()["Versioned"] = one
    data = serializer.serialize_model(one(), "pickle")
    assert data[:3] == b"\xc1SF"
    assert serializer.deserialize_model(data, one) == one()
    globals()["Versioned"] = two
    for format_name in (None, "pickle"):
        with pytest.raises(SchemaMismatchError):
            serializer.deserialize_model(data, two, format_name)


def test_keys_rotate() -> None:
    """The first key signs, all verify; without the key nothing is opened."""
    old, both, new = make(signing_keys=KEYS[:1]), make(signing_keys=KEYS[::-1]), make(signing_keys=KEYS[1:])
    data = old.serialize_model(zoo.Cat(), "pickle")
    assert both.deserialize_model(data, zoo.Cat) == zoo.Cat()
    assert new.deserialize_model(both.serialize_model(zoo.Cat(), "pickle"), zoo.Cat) == zoo.Cat()
    for reader in (new, make()):
        with pytest.raises(IntegrityError):
            reader.deserialize_model(data, zoo.Cat)


def test_only_what_was_verified_is_read_as_authenticated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format that is not always sealed is never told that its input was authenticated."""
    seen: list[tuple[str, bool]] = []

    class Watching(JsonFormat):
        name = "watching"
        wire_id = 142
        sealed = False

        def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
            seen.append((self.name, options.authenticated))
            return super().bind(plan, options)

    class Sealed(Watching):
        name = "sealedone"
        wire_id = 143
        sealed = True

    for format_class in (Watching, Sealed):
        register_format(format_class)
    try:
        for name in ("watching", "sealedone"):
            make(signing_keys=KEYS).serialize_model(zoo.Cat(), name)
            make().serialize_model(zoo.Cat(), name)
    finally:
        FORMATS.unregister("watching")
        FORMATS.unregister("sealedone")
    assert seen == [("watching", False), ("watching", False), ("sealedone", True), ("sealedone", False)]


def test_a_frame_of_another_format_is_refused_where_one_is_named() -> None:
    """A named format is what is read: a frame of another one is a FrameError."""
    serializer = make(compression_codec="brotli", compression_threshold=0)
    data = serializer.serialize_model(LONG, "json")
    assert data[:3] == b"\xc1SF"
    assert serializer.deserialize_model(data, zoo.Address, "orjson") == LONG
    for format_name in ("msgpack", "pickle"):
        with pytest.raises(FrameError):
            serializer.deserialize_model(data, zoo.Address, format_name)


# -- detection ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("default", zoo.FORMATS)
@pytest.mark.parametrize("written", ["json", "pickle"])
@pytest.mark.parametrize("keys", [(), KEYS])
def test_what_is_certain_is_read_under_any_default(default: str, written: str, keys: tuple[str, ...]) -> None:
    """JSON and pickles are recognised whatever the default; with keys a pickle only in its frame."""
    serializer = make(default_format=default, signing_keys=keys)
    data = serializer.serialize_model(zoo.Cat(), written)
    if default == "pickle" and keys and written == "json":
        with pytest.raises(IntegrityError):  # the strictest reading: a default of sealed data reads sealed data only
            serializer.deserialize_model(data, zoo.Cat)
        return
    for buffer in (data, bytearray(data), memoryview(data), gzip.compress(data) if written == "json" else data):
        assert serializer.deserialize_model(buffer, zoo.Cat) == zoo.Cat()
        assert serializer.deserialize_model(buffer, zoo.Cat, context={}) == zoo.Cat()


def test_messagepack_is_read_where_it_is_the_default_and_never_guessed() -> None:
    """Elsewhere it has to be named."""
    data = make().serialize_model(zoo.Cat(), "msgpack")
    assert make(default_format="msgpack").deserialize_model(data, zoo.Cat) == zoo.Cat()
    for default in ("json", "orjson", "pickle"):
        with pytest.raises(DecodeError):
            make(default_format=default).deserialize_model(data, zoo.Cat)


def test_text_is_read_as_utf_8() -> None:
    """``str`` is accepted where bytes are."""
    text = zoo.Address(street="é").model_dump_json()
    assert make().deserialize_model(text, zoo.Address).street == "é"
    assert make(default_format="msgpack").deserialize_model(text, zoo.Address, "json").street == "é"


def test_statistics_have_their_shape() -> None:
    """Counts of what happened, times in seconds."""
    serializer = make()
    for _ in range(6):
        serializer.deserialize_model(serializer.serialize_model(zoo.Cat()), zoo.Cat)
    stats = serializer.get_stats()
    assert (stats["serializations"], stats["deserializations"], stats["errors"], stats["fallbacks"]) == (6, 6, 0, 0)
    assert stats["avg_time"] == pytest.approx(stats["total_time"] / 12)
    assert stats["bound_pipelines"] == 1
    # Three reads were watched, one was the first lookup.
    assert stats["validation_cache_hit_rate"] == stats["validation_cache"]["hit_rate"] == pytest.approx(2 / 3)
