"""Names of formats and codecs, and what is behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import zoo

from pydantic_serialization import (
    ConfigurationError,
    MissingDependencyError,
    SerializationFormat,
    UnknownCodecError,
    UnknownFormatError,
    available_codecs,
    available_formats,
    create_serialization_manager,
    decoder,
    register_format,
)
from pydantic_serialization._registry import FORMATS, Registry, did_you_mean
from pydantic_serialization.codecs import get_codec
from pydantic_serialization.formats import get_format
from pydantic_serialization.formats.json import JsonFormat


class Mine(JsonFormat):
    """A plug-in."""

    name = "mine"
    wire_id = 130


@pytest.fixture
def mine() -> Iterator[type[Mine]]:
    """A registered plug-in, gone after the test."""
    yield register_format(Mine)
    FORMATS.unregister("mine")


def test_built_in_names() -> None:
    """The formats and codecs of the specification are there, in any spelling."""
    assert set(zoo.FORMATS) <= set(available_formats())
    assert {"gzip", "zstd", "lz4", "brotli"} <= set(available_codecs())
    for name in ("JSON", "Json", SerializationFormat.JSON):
        assert get_format(name).name == "json"
    assert get_format("MessagePack").name == "msgpack"
    assert get_codec("BR") is get_codec("brotli")


@pytest.mark.parametrize("name", ["jsn", "msgpak", "pikle", "", "zzz", None, 5, b"json"])
def test_an_unknown_format_is_one_error_everywhere(name: Any) -> None:
    """Every door names the nearest known format, or all of them."""
    manager = create_serialization_manager()
    calls = [lambda: get_format(name), lambda: decoder(zoo.Cat, name)]
    if name is not None:
        calls += [
            lambda: manager.serialize_sync(zoo.Cat(), name),
            lambda: manager.deserialize_sync(b"{}", zoo.Cat, name),
        ]
    for call in calls:
        with pytest.raises(UnknownFormatError, match="orjson"):
            call()
    if name == "jsn":
        with pytest.raises(UnknownFormatError, match="did you mean 'json'"):
            get_format(name)


def test_an_unknown_codec_suggests() -> None:
    """As formats do."""
    with pytest.raises(UnknownCodecError, match="did you mean 'brotli'"):
        get_codec("brotly")


def test_suggestions_need_to_be_close() -> None:
    """Nothing is suggested for what is like nothing."""
    assert did_you_mean("jsn", ("json", "gzip")) == "; did you mean 'json'?"
    assert did_you_mean("qqqqq", ("json", "gzip")) == ""


def test_a_plug_in_is_registered_once(mine: type[Mine]) -> None:
    """A taken name is refused unless it is to be replaced; the decorator returns its class."""
    assert mine is Mine
    assert isinstance(get_format("MINE"), Mine)
    assert "mine" in available_formats()
    with pytest.raises(ConfigurationError, match="replace=True"):
        register_format(Mine)
    register_format(Mine, replace=True)
    for taken in ("json", "messagepack"):
        with pytest.raises(ConfigurationError, match="already registered"):
            register_format(Mine(), name=taken)


def test_a_built_in_that_was_replaced_comes_back() -> None:
    """Also under its alias."""

    class Other(JsonFormat):
        name = "msgpack"
        wire_id = 131

    register_format(Other, name="messagepack", replace=True)
    try:
        assert isinstance(get_format("msgpack"), Other)
        assert isinstance(get_format("messagepack"), Other)
    finally:
        FORMATS.unregister("messagepack")
    assert get_format("msgpack").wire_id == 2


def test_two_plug_ins_do_not_share_a_number(mine: type[Mine]) -> None:
    """Frames tell formats apart by number only."""

    class Other(JsonFormat):
        name = "other"
        wire_id = 130

    with pytest.raises(ConfigurationError, match="'mine'"):
        register_format(Other)


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (object(), "has no name"),
        (type("NoBind", (), {"name": "x", "wire_id": 150, "media_type": "a/b"}), "has no bind"),
        (type("Low", (JsonFormat,), {"name": "x", "wire_id": 5}), "128 to 255"),
        (type("High", (JsonFormat,), {"name": "x", "wire_id": 256}), "128 to 255"),
    ],
)
def test_what_is_no_format_is_refused(member: Any, why: str) -> None:
    """A missing member or a number of ours is told when it is registered."""
    with pytest.raises(ConfigurationError, match=why):
        register_format(member)


def test_members_are_made_on_first_use_and_once() -> None:
    """Nothing is imported before it is asked for, and each class is called once."""
    registry: Registry[Any] = Registry(
        "thing", "none.such.group", {"one": "fractions:Fraction"}, aliases={"1": "one"}, unknown=UnknownFormatError
    )
    assert registry.members() == ()
    assert registry.get("1") is registry.get("ONE")
    assert registry.names() == ("one",)


def test_a_missing_library_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lacks its library is left out, and says how to get it when asked for."""

    def missing() -> Any:
        raise MissingDependencyError('pip install "pydantic-serialization[x]"')

    registry: Registry[Any] = Registry(
        "thing", "none.such.group", {"one": "fractions:Fraction", "two": "x:y"}, aliases={}, unknown=UnknownFormatError
    )
    monkeypatch.setattr(registry, "_load", lambda name: missing if name == "two" else dict)
    assert registry.available() == ("one",)
    with pytest.raises(MissingDependencyError, match="pip install"):
        registry.get("two")
