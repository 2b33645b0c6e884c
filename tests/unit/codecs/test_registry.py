"""Registration of codecs, and what it refuses."""

from __future__ import annotations

import logging
import os
import signal
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from pydantic_serialization import _registry
from pydantic_serialization._types import Payload
from pydantic_serialization.codecs import (
    FIRST_BYTES,
    MagicCodec,
    available_codecs,
    bind_packing,
    detect_codec,
    get_codec,
    get_codec_by_wire_id,
    register_codec,
    unregister_codec,
)
from pydantic_serialization.codecs import registry as registry_module
from pydantic_serialization.codecs.gzip import GzipCodec
from pydantic_serialization.codecs.zstd import ZstdCodec, train_dictionary
from pydantic_serialization.config import CompressionLevel, SerializationConfig
from pydantic_serialization.errors import (
    ConfigurationError,
    DecompressionError,
    MissingDependencyError,
    UnknownCodecError,
)


class PlainCodec(MagicCodec):
    """zlib behind a magic number."""

    name = "plain"
    wire_id = 200
    magic: ClassVar[Any] = b"\xf0plain"

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        number = {CompressionLevel.FAST: 1, CompressionLevel.BALANCED: 6}.get(level, 9)
        return lambda data: self.magic + zlib.compress(data, number)

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        inflate = zlib.decompressobj()
        try:
            result = inflate.decompress(memoryview(data)[len(self.magic) :], limit + 1)
        except zlib.error as error:
            raise DecompressionError("damaged") from error
        if not inflate.eof or inflate.unused_data:
            raise DecompressionError("truncated, or something follows")
        return result


def variant(**members: object) -> PlainCodec:
    codec: PlainCodec = type("Variant", (PlainCodec,), members)()
    return codec


@pytest.fixture(autouse=True)
def _nothing_stays_registered() -> Iterator[None]:
    yield
    for name in ("plain", "other", "gzip", "zstd"):
        unregister_codec(name)
    assert set(FIRST_BYTES) == {0x1F, 0x28, 0x04, 0xC1}


def test_built_in_codecs_are_available() -> None:
    """All four are there where their libraries are, with their numbers and other spellings."""
    assert available_codecs() == ("gzip", "zstd", "lz4", "brotli")
    assert [get_codec_by_wire_id(number).name for number in (1, 2, 3, 4)] == ["zstd", "lz4", "gzip", "brotli"]
    assert get_codec("zstandard") is get_codec("zstd") is get_codec_by_wire_id(1)
    assert get_codec("BR").name == "brotli"


@pytest.mark.parametrize("number", [0, 5, 127, 128, 255, 256, -1])
def test_unknown_numbers_are_an_error(number: int) -> None:
    """A frame that names a codec nobody has is told apart from one that is damaged."""
    with pytest.raises(UnknownCodecError, match=str(number)):
        get_codec_by_wire_id(number)


def test_unknown_names_are_an_error_with_a_suggestion() -> None:
    """A misspelt name names the nearest known one."""
    with pytest.raises(UnknownCodecError, match="did you mean 'gzip'"):
        get_codec("gzipp")


def test_a_registered_codec_takes_part_everywhere() -> None:
    """A codec is found by name and by number, configurable, recognised, and used."""
    codec = PlainCodec()
    early = bind_packing(codec="gzip", level=CompressionLevel.FAST, threshold=0, limit=10_000, enabled=True)
    assert register_codec(codec) is codec
    assert get_codec("plain") is get_codec("PLAIN") is get_codec_by_wire_id(200)
    assert "plain" in available_codecs()
    assert SerializationConfig(compression_codec="Plain").compression_codec == "plain"
    assert 0xF0 in FIRST_BYTES
    packing = bind_packing(codec="plain", level=CompressionLevel.FAST, threshold=0, limit=10_000, enabled=True)
    packed, used = packing.pack_with_codec(b"abc" * 500)
    assert used is packing.codec is get_codec("plain")
    assert detect_codec(packed) == "plain"
    assert packing.unpack(packed) == early.unpack(packed) == b"abc" * 500
    assert early.unpack(early.pack_with_codec(codec.magic)[0]) == codec.magic


def test_usable_as_a_class_decorator() -> None:
    """The decorator returns the class and registers an instance."""

    @register_codec
    class Decorated(PlainCodec):
        magic = b"\xf0decorated"

    assert isinstance(Decorated, type)
    assert get_codec("plain").magic == Decorated.magic


def test_a_name_may_be_given() -> None:
    """The given name is what the codec is found and recognised by."""
    register_codec(PlainCodec, name="Other")
    assert get_codec_by_wire_id(200) is get_codec("other")
    assert detect_codec(b"\xf0plain") == "other"


def test_unregistering_frees_name_number_and_magic() -> None:
    """What was registered is gone, and may be registered anew by another."""
    register_codec(PlainCodec)
    unregister_codec("plain")
    assert detect_codec(b"\xf0plain") is None
    with pytest.raises(UnknownCodecError):
        get_codec("plain")
    with pytest.raises(UnknownCodecError):
        get_codec_by_wire_id(200)
    register_codec(PlainCodec, name="other")


def test_a_taken_name_needs_replace() -> None:
    """Nothing is replaced by accident, a built-in codec's other spellings included."""
    register_codec(PlainCodec)
    with pytest.raises(ConfigurationError, match="already registered"):
        register_codec(variant(wire_id=201, magic=None))
    for name in ("gzip", "gz"):
        with pytest.raises(ConfigurationError, match="already registered"):
            register_codec(GzipCodec(), name=name)
    successor = variant(wire_id=202, magic=b"\xf1abc")
    register_codec(successor, replace=True)
    assert get_codec_by_wire_id(202).magic == successor.magic
    assert detect_codec(b"\xf0plain") is None
    assert detect_codec(b"\xf1abc") == "plain"
    with pytest.raises(UnknownCodecError):
        get_codec_by_wire_id(200)


def test_a_replacement_without_magic_is_not_recognised() -> None:
    """The magic goes with the codec that had it."""
    register_codec(PlainCodec)
    register_codec(variant(magic=None), replace=True)
    assert detect_codec(b"\xf0plain") is None


def test_a_built_in_codec_may_be_tuned_but_not_changed() -> None:
    """In the place of a built-in codec only one that reads the same format is accepted."""
    tuned = ZstdCodec(dictionary=train_dictionary(f"sample {n} of many".encode() * 5 for n in range(500)))
    register_codec(tuned, replace=True)
    assert get_codec("zstd") is get_codec_by_wire_id(1) is tuned
    with pytest.raises(ConfigurationError, match="wire number and magic"):
        register_codec(PlainCodec(), name="gzip", replace=True)
    unregister_codec("zstd")
    assert get_codec("zstd") is not tuned
    assert detect_codec(b"\x28\xb5\x2f\xfd") == "zstd"


@pytest.mark.parametrize("number", [-1, 0, 1, 3, 4, 5, 127, 256, 1000, None, "128"])
def test_a_plug_in_needs_a_number_of_its_own(number: object) -> None:
    """Numbers of built-in codecs, reserved ones and those that no byte holds are refused."""
    with pytest.raises(ConfigurationError, match="wire number"):
        register_codec(variant(wire_id=number))


def test_two_plug_ins_need_two_numbers() -> None:
    """The number that one plug-in has is refused to another, naming the owner."""
    register_codec(PlainCodec)
    with pytest.raises(ConfigurationError, match="'plain'"):
        register_codec(variant(magic=None), name="other")
    with pytest.raises(UnknownCodecError):
        get_codec("other")


@pytest.mark.parametrize(
    "magic",
    [
        b"\x1f\x8b\x08",
        b"\x1f\x8b\x08\x00\x01",
        b"\x28\xb5\x2f",
        b"\x04\x22\x4d\x18",
        b"\xc1SF",
        b"\xc1SF1",
        b"",
        b"{",
        b"ab",
        "text",
        bytearray(b"\xf5abc"),
    ],
)
def test_a_magic_that_could_be_mistaken_is_refused(magic: object) -> None:
    """A magic that is another's, its beginning or its continuation, or too short, is refused."""
    with pytest.raises(ConfigurationError, match="magic"):
        register_codec(variant(magic=magic))


@pytest.mark.parametrize("thing", [object(), "gzip", dict])
def test_what_is_no_codec_is_refused(thing: Any) -> None:
    """A class or an object without the members of a codec is refused by name."""
    with pytest.raises(ConfigurationError, match="is not a codec: it has no "):
        register_codec(thing)


class TestOfAnnouncedCodecs:
    """Codecs of installed packages, announced by entry point."""

    @pytest.fixture
    def announce(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], Any]], None]]:
        def announce(load: Callable[[], Any]) -> None:
            class Point:
                pass

            point = Point()
            point.load = load  # type: ignore[attr-defined]
            monkeypatch.setattr(_registry, "_announced", lambda _group: {"plain": point})
            registry_module.load_announced.cache_clear()

        yield announce
        registry_module.load_announced.cache_clear()

    def test_recognised_once_a_pipeline_is_bound(self, announce: Callable[[Callable[[], Any]], None]) -> None:
        """Data of an installed codec is recognised without naming it."""
        announce(lambda: PlainCodec)
        packing = bind_packing(codec="gzip", level=CompressionLevel.FAST, threshold=0, limit=10_000, enabled=True)
        assert packing.unpack(b"\xf0plain" + zlib.compress(b"abc")) == b"abc"
        assert get_codec_by_wire_id(200).name == "plain"

    def test_found_by_number_alone(self, announce: Callable[[Callable[[], Any]], None]) -> None:
        """A sealed frame that names it finds it."""
        announce(lambda: PlainCodec)
        assert get_codec_by_wire_id(200) is get_codec("plain")

    def test_a_clash_is_an_error_when_it_is_used(
        self, announce: Callable[[Callable[[], Any]], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A codec that clashes is logged and left out; asking for it is an error."""
        announce(lambda: type(variant(wire_id=3)))
        with caplog.at_level(logging.WARNING):
            bind_packing(codec="gzip", level=CompressionLevel.FAST, threshold=0, limit=10_000, enabled=True)
        assert "'plain'" in caplog.text
        with pytest.raises(ConfigurationError, match="wire number"):
            get_codec("plain")

    def test_a_broken_one_stops_nobody(
        self, announce: Callable[[Callable[[], Any]], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A package that cannot be loaded is logged with its reason and left out."""

        def fail() -> None:
            raise RuntimeError("broken on import")

        announce(fail)
        with caplog.at_level(logging.WARNING):
            bind_packing(codec="gzip", level=CompressionLevel.FAST, threshold=0, limit=10_000, enabled=True)
        assert "broken on import" in caplog.text

    def test_one_without_its_library_is_left_out(
        self, announce: Callable[[Callable[[], Any]], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A codec whose library is missing is no cause for a warning."""

        def fail() -> None:
            raise MissingDependencyError("needs 'plain'")

        announce(lambda: fail)
        bind_packing(codec="gzip", level=CompressionLevel.FAST, threshold=0, limit=10_000, enabled=True)
        assert not caplog.text
        assert available_codecs() == ("gzip", "zstd", "lz4", "brotli")


def test_registration_from_many_threads_admits_one() -> None:
    """Of codecs that want the same number at once, exactly one gets it."""
    barrier = threading.Barrier(8)
    outcomes: list[str] = []

    def register(number: int) -> None:
        barrier.wait()
        try:
            register_codec(variant(magic=None), name=f"plain{number}")
            outcomes.append(f"plain{number}")
        except ConfigurationError:
            pass

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len(outcomes) == 1
        assert get_codec_by_wire_id(200) is get_codec(outcomes[0])
        assert available_codecs() == ("gzip", "zstd", "lz4", "brotli", outcomes[0])
    finally:
        for number in range(8):
            unregister_codec(f"plain{number}")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_can_register() -> None:
    """A lock that another thread holds at the time of a fork does not stop the child."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with registry_module._admissions._lock:
            held.set()
            release.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        try:
            register_codec(PlainCodec)
            os._exit(0)
        finally:
            os._exit(1)
    release.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
