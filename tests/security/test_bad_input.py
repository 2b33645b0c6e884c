"""Whatever comes in, at every public door: the error that is promised, no value in it, and everything works afterwards."""

from __future__ import annotations

import asyncio
import gzip
import pickle
import random
import subprocess
import sys
import textwrap
import traceback
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import ormsgpack
import pytest
import zoo
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from strategies import CODECS, json_values

from pydantic_serialization import (
    DecodeError,
    DecompressionError,
    EncodeError,
    FrameError,
    IntegrityError,
    LimitExceededError,
    OptimizedSerializationManager,
    PydanticModelSerializer,
    SerializationConfig,
    SerializationError,
    SerializationUtils,
    UntrustedDataError,
    create_serialization_manager,
    decoder,
    deserialized,
    encoder,
)
from pydantic_serialization._native import core
from pydantic_serialization.codecs import get_codec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.envelope import FormatId, Sealer

CANARY = "-".join(("canary", "7f3a"))
"""In every payload; no error of ours may show it. Put together here, so that no line of source holds it."""

READ_ERRORS = (ValidationError, DecodeError)
KEYS = ("k" * 32,)
LIMIT = 1 << 20


class Note(BaseModel):
    text: str
    number: int = 0
    tags: dict[str, list[Any]] = {}


class Tree(BaseModel):
    below: list[Tree] = []


class Loose(BaseModel):
    value: Any = None
    values: list[Any] = []


class Ratio(BaseModel):
    ratio: float


NOTE = Note(text=CANARY * 3, number=5, tags={CANARY: [CANARY, 1]})

MANAGER = create_serialization_manager(SerializationConfig(max_payload_bytes=LIMIT))
"""One for all tests of this file: none may leave it in a state in which the next fails."""

Door = Callable[[Any, Any, str | None], Any]


def through_a_decorator(data: Any, kind: Any, format_name: str | None) -> Any:
    """Read by a decorated function."""

    @deserialized(kind, format_name, manager=MANAGER)
    def same(value: Any) -> Any:
        return value

    return same(data)


DOORS: dict[str, Door] = {
    "sync": lambda data, kind, name: MANAGER.deserialize_sync(data, kind, name),
    "async": lambda data, kind, name: asyncio.run(MANAGER.deserialize_model(data, kind, name)),
    "options": lambda data, kind, name: MANAGER.deserialize_sync(data, kind, name, context={}),
    "serializer": lambda data, kind, name: PydanticModelSerializer().deserialize_model(data, kind, name),
    "signed": lambda data, kind, name: create_serialization_manager(
        SerializationConfig(signing_keys=KEYS)
    ).deserialize_sync(data, kind, name),
    "trusting": lambda data, kind, name: create_serialization_manager(
        SerializationConfig(enable_validation=False)
    ).deserialize_sync(data, kind, name),
    "shallow": lambda data, kind, name: create_serialization_manager(SerializationConfig(max_depth=5)).deserialize_sync(
        data, kind, name
    ),
    "decoder": lambda data, kind, name: decoder(kind, name or "orjson")(data),
    "decorator": through_a_decorator,
}
"""Every public way to read."""


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Door:
    """Each public way to read, in turn."""
    return DOORS[request.param]


@pytest.fixture(autouse=True)
def the_manager_still_works() -> Any:
    """After each test the one manager reads and writes as if nothing had happened."""
    yield
    for name in zoo.FORMATS:
        assert MANAGER.deserialize_sync(MANAGER.serialize_sync(NOTE, name), Note, name) == NOTE


def outcome(read: Door, data: Any, kind: Any = Note, format_name: str | None = None) -> Any:
    """Return what was read, or the error; fail if it is not one of the promised ones, or shows the payload."""
    try:
        return read(data, kind, format_name)
    except READ_ERRORS as error:
        assert_shows_nothing(error)
        return error


def assert_shows_nothing(error: Exception) -> None:
    """Fail if one of our errors shows a value. Pydantic's own show the input by design, unless the model forbids it."""
    if isinstance(error, SerializationError):
        shown = [str(error), repr(error), *traceback.format_exception(error), *map(str, error.path)]
        assert not any(CANARY in text for text in shown)


def payloads(codec: str | None = None) -> dict[str, bytes]:
    """Return one document of each format, compressed if a codec is named."""
    config = SerializationConfig(
        enable_compression=codec is not None, compression_codec=codec or "gzip", compression_threshold=0
    )
    manager = create_serialization_manager(config)
    note = NOTE.model_copy(update={"text": CANARY * 60})
    return {name: manager.serialize_sync(note, name) for name in zoo.FORMATS}


@pytest.mark.parametrize("format_name", [None, *zoo.FORMATS])
@pytest.mark.parametrize("nothing", [b"", bytearray(), memoryview(b""), ""])
def test_nothing_is_an_error(door: Door, format_name: str | None, nothing: Any) -> None:
    """Zero bytes are no document of any format."""
    if door is DOORS["decoder"] and isinstance(nothing, str):  # takes bytes; Pydantic's own reader takes text too
        with pytest.raises((DecodeError, TypeError)):
            door(nothing, Note, format_name)
        return
    assert isinstance(outcome(door, nothing, Note, format_name), DecodeError)


@pytest.mark.parametrize("format_name", [None, *zoo.FORMATS])
@pytest.mark.parametrize("kind", [Note, list[Note], zoo.Everything, zoo.BytesBesideUnions, zoo.Anything, int], ids=str)
@given(data=st.binary(max_size=60))
@example(data=b"{" + b" " * 100)
@example(data=b'"' + b" " * 100)
@example(data=b"\x80\x05.")
@example(data=b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.")
@example(data=b"\xdd\xff\xff\xff\xff")
@example(data=b"\xc6\xff\xff\xff\xff")
@example(data=b"\xc1SF" + bytes(60))
@example(data=b"1" * 5000)
@example(data=b"-")
@example(data=b"\x1f\x8b\x08\x00" + bytes(30))
def test_random_bytes_are_a_document_or_a_promised_error(kind: Any, format_name: str | None, data: bytes) -> None:
    """Any bytes give a value of the type, or one of the promised errors."""
    for name in ("sync", "decoder", "trusting"):
        outcome(DOORS[name], data, kind, format_name)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("format_name", zoo.FORMATS)
def test_every_truncation_is_an_error(codec: str | None, format_name: str) -> None:
    """A document that was cut, at any place, is an error at every door, with and without a named format."""
    data = payloads(codec)[format_name]
    for end in range(len(data)):
        for name in (format_name, None):
            found = outcome(DOORS["sync"], data[:end], Note, name)
            assert isinstance(found, Exception), (end, name)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("format_name", zoo.FORMATS)
def test_flipped_bits_are_a_document_or_a_promised_error(codec: str | None, format_name: str) -> None:
    """A damaged document is an error, or still a document; inside a checksum it is never another one."""
    data, whole = (
        payloads(codec)[format_name],
        MANAGER.deserialize_sync(payloads(codec)[format_name], Note, format_name),
    )
    chance = random.Random(7)
    sealed = data.startswith(b"\xc1SF")
    for bit in chance.sample(range(len(data) * 8), min(600, len(data) * 8)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        found = outcome(DOORS["sync"], bytes(damaged), Note, format_name)
        # The magic number itself is not under the check: without it the rest is read as what it then looks like.
        if sealed and bit >= 24:
            assert isinstance(found, DecodeError), bit
        elif codec in {"gzip", "lz4"} and bit >= 80:
            assert isinstance(found, DecodeError) or found == whole, bit


@pytest.mark.parametrize("written", zoo.FORMATS)
@pytest.mark.parametrize("asked", zoo.FORMATS)
def test_another_format_is_an_error(door: Door, written: str, asked: str) -> None:
    """A document of one format is refused where another one is named, except between the two names of JSON."""
    if {written, asked} <= {"json", "orjson"} or written == asked:
        return
    data = encoder(Note, written)(NOTE) if door is DOORS["decoder"] else payloads()[written]
    assert isinstance(outcome(door, data, Note, asked), DecodeError)


@pytest.mark.parametrize("format_name", zoo.FORMATS)
def test_another_model_is_an_error(door: Door, format_name: str) -> None:
    """A document of another model is refused."""
    manager = create_serialization_manager(SerializationConfig(signing_keys=KEYS if door is DOORS["signed"] else ()))
    model = zoo.Constrained()
    data = (
        encoder(zoo.Constrained, format_name)(model)
        if door is DOORS["decoder"]
        else manager.serialize_sync(model, format_name)
    )
    assert isinstance(outcome(door, data, Note, format_name), READ_ERRORS)


@pytest.mark.parametrize(
    "value", [None, 5, 10**12, 1.5, [], {}, object(), NOTE], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("format_name", [None, *zoo.FORMATS])
def test_an_argument_that_is_no_bytes_is_a_type_error(door: Door, format_name: str | None, value: Any) -> None:
    """What is neither bytes nor text is a mistake of the caller, and never read as something."""
    if door is DOORS["decorator"]:
        if value is NOTE:
            assert door(value, Note, format_name) is value  # already the model
        else:
            with pytest.raises(ValidationError):  # validated as Pydantic validates objects
                door(value, Note, format_name)
        return
    if door is DOORS["decoder"]:
        with pytest.raises((TypeError, ValidationError, DecodeError)):
            door(value, Note, format_name)
        return
    with pytest.raises(TypeError) as caught:
        door(value, Note, format_name)
    assert CANARY not in str(caught.value)


def test_json_lines_take_bytes_only() -> None:
    """A number of bytes is not a buffer: nothing of that size is allocated."""
    for value in (None, 10**12, 1.5, [], "text"):
        with pytest.raises(TypeError):
            decoder(list[Note], "jsonl")(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [CANARY.encode(), CANARY, 5, [CANARY], {}, {"a": CANARY}, NOTE, (int,), ..., "Note"])
def test_a_value_in_place_of_a_type_is_an_error_that_does_not_show_it(kind: Any) -> None:
    """Swapped arguments are a TypeError, and the payload is not in its text."""
    for call in (
        lambda: MANAGER.deserialize_models_sync(
            b"{}", [kind] if isinstance(kind, tuple) else kind
        ),  # list[(int,)] is a type
        lambda: MANAGER.deserialize_sync(b"{}", kind),
        lambda: MANAGER.serialize_sync(NOTE, model_class=kind),
        lambda: decoder(kind),
        lambda: encoder(kind),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert isinstance(caught.value, SerializationError)
        assert_shows_nothing(caught.value)


# -- depth --------------------------------------------------------------------------------------------------------------


def nested_json(depth: int) -> bytes:
    """Return a document of :class:`Loose` whose arrays are nested ``depth`` levels, the object included."""
    return b'{"value":' + b"[" * (depth - 1) + b"1" + b"]" * (depth - 1) + b"}"


def nested_msgpack(depth: int) -> bytes:
    """Return the same document as MessagePack."""
    return b"\x81\xa5value" + b"\x91" * (depth - 1) + b"\x01"


def nested_value(depth: int) -> Any:
    """Return a list nested ``depth`` levels."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [201, 202, 254, 255, 256, 1_000, 10_000, 100_000])
@pytest.mark.parametrize("kind", [Loose, Any, zoo.BytesBesideUnions, Note])
def test_deep_documents_are_over_the_limit(door: Door, depth: int, kind: Any) -> None:
    """Nesting beyond ``max_depth`` is a LimitExceededError that names the setting, also where the field is skipped."""
    for format_name, document in (("json", nested_json(depth)), ("msgpack", nested_msgpack(depth))):
        found = outcome(door, document, kind, format_name)
        assert isinstance(found, LimitExceededError), (format_name, found)
        assert found.limit == "max_depth"


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
@pytest.mark.parametrize("limit", [1, 2, 50, 199, 200])
def test_what_may_be_written_can_be_read(format_name: str, limit: int) -> None:
    """Up to ``max_depth`` a value is written and read back; one level more is refused on both sides."""
    manager = create_serialization_manager(SerializationConfig(max_depth=limit, enable_compression=False))
    fits, too_deep = Loose(value=nested_value(limit - 1)), Loose(value=nested_value(limit))
    data = manager.serialize_sync(fits, format_name, include={"value"})
    assert manager.deserialize_sync(data, Loose, format_name) == fits
    with pytest.raises(EncodeError, match="nested"):
        manager.serialize_sync(too_deep, format_name, include={"value"})
    document = nested_msgpack(limit + 1) if format_name == "msgpack" else nested_json(limit + 1)
    with pytest.raises(LimitExceededError) as caught:
        manager.deserialize_sync(document, Loose, format_name)
    assert caught.value.limit == "max_depth"


@pytest.fixture(scope="module", params=[101, 130, 1_000, 10_000, 100_000])
def deep_values(request: pytest.FixtureRequest) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """A depth, and values nested so deep: a model, a model with plain lists, plain lists."""
    depth = request.param
    tree = Tree()
    for _ in range(depth):
        tree = Tree.model_construct(below=[tree])
    lists = nested_value(2 * depth)
    yield depth, (tree, Loose.model_construct(value=lists), lists)
    while tree.below:  # freed from the outside in: CPython frees nested objects recursively
        tree = tree.below.pop()


@pytest.mark.parametrize("format_name", zoo.FORMATS)
def test_deep_values_are_not_written(format_name: str, deep_values: tuple[int, tuple[Any, ...]]) -> None:
    """A value that is nested too deep to be read back is an EncodeError, as a model and as plain lists."""
    depth, values = deep_values
    for value in values:
        if format_name == "pickle" and depth < 500:
            continue  # pickle has its own measure of depth
        with pytest.raises(EncodeError) as caught:
            MANAGER.serialize_sync(value, format_name)
        assert_shows_nothing(caught.value)


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
def test_values_that_contain_themselves_are_not_written(format_name: str) -> None:
    """A cycle is an EncodeError that names the place."""
    cycle: list[Any] = [CANARY]
    cycle.append(cycle)
    tree = Tree()
    tree.below.append(tree)
    table: dict[str, Any] = {}
    table[CANARY] = table
    for value in (cycle, table, tree, Loose.model_construct(values=cycle), Loose.model_construct(value=table)):
        with pytest.raises(EncodeError) as caught:
            MANAGER.serialize_sync(value, format_name)
        assert_shows_nothing(caught.value)


_DEEP = textwrap.dedent(
    """
    import sys, threading
    from typing import Any
    from pydantic import BaseModel, ValidationError
    from pydantic_serialization import DecodeError, EncodeError, create_serialization_manager

    class Tree(BaseModel):
        below: list["Tree"] = []
        value: Any = None

    manager = create_serialization_manager()
    done = []

    def attempt(call, *arguments):
        try:
            call(*arguments)
        except (DecodeError, EncodeError, ValidationError):
            done.append(1)

    def nested(depth):
        value = 1
        for _ in range(depth):
            value = [value]
        return value

    def run():
        for depth in (201, 300, 1_000, 10_000, 100_000):
            json = b'{"value":' + b"[" * depth + b"]" * depth + b"}"
            pack = b"\\x81\\xa5value" + b"\\x91" * depth + b"\\x01"
            chain = b'{"below":[' * depth + b"]}" * depth
            packs = b"\\x81\\xa5below\\x91" * depth + b"\\x80"
            attempt(manager.deserialize_sync, json, Tree, "json")
            attempt(manager.deserialize_sync, json, Tree)
            attempt(manager.deserialize_sync, chain, Tree, "orjson")
            attempt(manager.deserialize_sync, pack, Tree, "msgpack")
            attempt(manager.deserialize_sync, packs, Tree, "msgpack")
            for name in ("json", "orjson", "msgpack"):
                attempt(manager.serialize_sync, nested(depth), name)

    stack = int(sys.argv[1])
    threading.stack_size(stack)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(done) == 40, len(done)
    """
)


@pytest.mark.parametrize("stack", [1024, 8192], ids="{} KiB".format)
def test_depth_does_not_overflow_small_stacks(stack: int) -> None:
    """Deep documents and values end in errors, not in a crash, also in a thread with a small stack."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _DEEP, str(stack * 1024)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]


_JUST_NOT_TOO_DEEP = textwrap.dedent(
    """
    import sys, threading
    from typing import Any, Optional
    from pydantic import BaseModel
    from pydantic_serialization import EncodeError, create_serialization_manager

    class Chain(BaseModel):
        next: Optional["Chain"] = None
        value: Any = None

    manager = create_serialization_manager()
    value = []
    for _ in range(197):
        value = [value]
    chain = Chain()
    for _ in range(198):
        chain = Chain.model_construct(next=chain)
    done = []

    def run():
        for name in sys.argv[2:]:
            for model in (Chain(value=value), chain):
                try:
                    data = manager.serialize_sync(model, format=name)
                except EncodeError:  # Python's own pickler goes less deep
                    done.append(name == "pickle")
                    continue
                read = manager.deserialize_sync(data, Chain, format=name)
                done.append(manager.serialize_sync(read, format="orjson") == manager.serialize_sync(model, format="orjson"))

    threading.stack_size(int(sys.argv[1]))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True] * 2 * len(sys.argv[2:]), done
    """
)


@pytest.mark.parametrize(
    ("stack", "names"),
    [
        (2048, ("json", "orjson", "msgpack", "pickle")),
        pytest.param(
            1024,
            ("orjson", "msgpack", "pickle"),
            marks=pytest.mark.skipif(core is None, reason="Pydantic takes more of the stack"),
        ),
    ],
)
def test_the_deepest_that_is_read_fits_a_stack_of_2_mib(stack: int, names: tuple[str, ...]) -> None:
    """``json`` is Pydantic's own walk, which takes more of the stack than ours."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _JUST_NOT_TOO_DEEP, str(stack * 1024), *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])


# -- size ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["gzip", "zstd", "lz4"])
@pytest.mark.parametrize("format_name", [None, *zoo.FORMATS])
def test_bombs_are_over_the_limit_and_within_memory(codec: str, format_name: str | None) -> None:
    """50 MB of zeros in a small stream are refused with a few times the limit of memory."""
    bomb = get_codec(codec).compressor(CompressionLevel.FAST)(bytes(50_000_000))
    tracemalloc.start()
    try:
        for read in (DOORS["sync"], DOORS["async"]):
            found = outcome(read, bomb, Note, format_name)
            assert isinstance(found, LimitExceededError)
            assert found.limit == "max_payload_bytes"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT


@pytest.mark.parametrize("codec", ["gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("claimed", [1, 1000, LIMIT, LIMIT + 1, 2**32 - 1])
def test_a_sealed_bomb_is_refused_whatever_it_claims(codec: str, claimed: int) -> None:
    """A valid frame that announces another size than it holds is refused, small or large, within memory."""
    member = get_codec(codec)
    body = member.compressor(CompressionLevel.FAST)(bytes(20_000_000))
    frame = Sealer().seal(body, format=FormatId.JSON, codec=member.wire_id, raw_size=claimed)
    tracemalloc.start()
    try:
        found = outcome(DOORS["sync"], frame)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, (LimitExceededError, DecompressionError))
    assert peak < 6 * LIMIT


@pytest.mark.parametrize("format_name", [None, *zoo.FORMATS])
def test_large_input_and_output_are_refused(format_name: str | None) -> None:
    """More bytes than ``max_payload_bytes`` are neither read nor written; the error names model, format and setting."""
    found = outcome(DOORS["sync"], b'{"text":"' + CANARY.encode() * LIMIT + b'"}', Note, format_name)
    assert isinstance(found, LimitExceededError)
    assert (found.limit, found.model) == ("max_payload_bytes", "Note")
    with pytest.raises(EncodeError, match="max_payload_bytes") as caught:
        MANAGER.serialize_sync(Note(text=CANARY * LIMIT), format_name)
    assert caught.value.model == "Note"
    assert_shows_nothing(caught.value)


def test_claims_of_msgpack_are_not_believed() -> None:
    """Headers that announce more items or bytes than there are cost no memory."""
    tracemalloc.start()
    try:
        for claim in (b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9"):
            found = outcome(DOORS["sync"], claim + b"\xff" * 4 + CANARY.encode(), Note, "msgpack")
            assert isinstance(found, DecodeError)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LIMIT


# -- frames -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("codec", "kind"), [(200, 1), (0, 5), (0, 6), (0, 7), (0, 200), (1, 1), (4, 1)])
def test_frames_of_what_is_not_registered_are_decode_errors(codec: int, kind: int) -> None:
    """An unknown format or codec in a valid frame is a fault of the data, not of the reader's configuration."""
    frame = Sealer().seal(CANARY.encode(), format=kind, codec=codec, raw_size=len(CANARY))
    for name in (None, *zoo.FORMATS):
        assert isinstance(outcome(DOORS["sync"], frame, Note, name), DecodeError)


def test_a_reader_with_keys_opens_no_unsigned_frame() -> None:
    """With ``signing_keys`` an unsigned frame, or one of another key, is an IntegrityError."""
    body = encoder(Note)(NOTE)
    for sealer in (Sealer(), Sealer([b"x" * 32])):
        frame = sealer.seal(body, format=FormatId.JSON, raw_size=len(body))
        assert isinstance(outcome(DOORS["signed"], frame), IntegrityError)
    unsealed = encoder(Note, "pickle")(NOTE)
    for data in (unsealed, gzip.compress(unsealed)):
        for name in (None, "pickle"):
            assert isinstance(outcome(DOORS["signed"], data, Note, name), IntegrityError)


def test_a_frame_within_a_frame_is_not_opened_twice() -> None:
    """One layer only: a frame that holds a frame is a DecodeError."""
    inner = Sealer().seal(b"{}", format=FormatId.JSON, raw_size=2)
    outer = Sealer().seal(inner, format=FormatId.JSON, raw_size=len(inner))
    assert isinstance(outcome(DOORS["sync"], outer), DecodeError)
    assert isinstance(outcome(DOORS["sync"], gzip.compress(gzip.compress(b'{"text":"a"}' * 5))), DecodeError)
    assert isinstance(
        outcome(DOORS["sync"], Sealer().seal(b"", format=FormatId.JSON, raw_size=0)), FrameError | DecodeError
    )


# -- values -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
def test_lone_surrogates_are_not_written(format_name: str) -> None:
    """A string that UTF-8 cannot hold is an EncodeError with the path to the field, wherever it stands."""
    bad = CANARY + "\ud800"
    for model, path in (
        (Note(text=bad), ("text",)),
        (Note(text="", tags={"a": [1, bad]}), ("tags", "<key 0>", 1)),
        (Note(text="", tags={"a": [{}, {bad: []}]}), ("tags", "<key 0>", 1, "<key 0>")),
    ):
        with pytest.raises(EncodeError, match="surrogate") as caught:
            MANAGER.serialize_sync(model, format_name)
        assert_shows_nothing(caught.value)
        assert caught.value.path[: len(path)] == path
    with pytest.raises(EncodeError, match="surrogate"):
        MANAGER.serialize_sync([bad], format_name)


def test_text_with_a_lone_surrogate_is_not_read() -> None:
    """Text as input is UTF-8; text that has none is a DecodeError, escaped surrogates in JSON too."""
    for data in ('{"text":"' + CANARY + '\ud800"}', b'{"text":"' + CANARY.encode() + b'\\ud800"}'):
        assert isinstance(outcome(DOORS["sync"], data), DecodeError)


@pytest.mark.parametrize("junk", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"])
def test_invalid_utf_8_is_not_read(door: Door, junk: bytes) -> None:
    """Bytes in a string that are no UTF-8 are a promised error in every format."""
    text = CANARY.encode() + junk
    documents = {"json": b'{"text":"' + text + b'"}', "msgpack": b"\x81\xa4text" + bytes([0xA0 + len(text)]) + text}
    for format_name, data in documents.items():
        assert isinstance(outcome(door, data, Note, format_name), READ_ERRORS)


def test_not_a_number_and_infinities() -> None:
    """JSON refuses what Pydantic writes as ``null``, which a float field does not read; MessagePack keeps them."""
    for value in (float("nan"), float("inf"), float("-inf")):
        model = Ratio(ratio=value)
        for format_name in ("json", "orjson"):
            with pytest.raises(EncodeError, match="not be read back") as caught:
                MANAGER.serialize_sync(model, format_name)
            assert caught.value.path == ("ratio",)
            data = model.model_dump_json().encode()
            assert isinstance(outcome(DOORS["sync"], data, Ratio, format_name), ValidationError)
        found = MANAGER.deserialize_sync(MANAGER.serialize_sync(model, "msgpack"), Ratio, "msgpack")
        assert str(found.ratio) == str(value)


def test_integers_beyond_64_bits() -> None:
    """JSON keeps them; MessagePack has none, which is an EncodeError with the path; 4300 digits are the end."""
    for number in (2**64, -(2**63) - 1, 10**4000):
        model = Note(text="", tags={"a": [number]})
        assert MANAGER.deserialize_sync(MANAGER.serialize_sync(model), Note) == model
        with pytest.raises(EncodeError, match="64 bits") as caught:
            MANAGER.serialize_sync(Note(text="", number=number), "msgpack")
        assert caught.value.format == "msgpack"
    assert isinstance(outcome(DOORS["sync"], b'{"text":"","number":' + b"1" * 4301 + b"}"), READ_ERRORS)


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-", b"+1", b"01", b"0x1", b".5"])
def test_numbers_that_are_not_json(constant: bytes) -> None:
    """Constants that Pydantic's reader takes are read as it reads them; anything else is a DecodeError."""
    text = b'{"ratio":' + constant + b"}"
    found = outcome(DOORS["sync"], text, Ratio)
    try:
        assert repr(Ratio.model_validate_json(text)) == repr(found)
    except ValidationError:
        assert isinstance(found, DecodeError)


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf{}", b"{}{}", b"{} x", b'{"text":1,}', b"{'text':1}", b"\x00{}", b"{}\x00"]
)
def test_documents_that_are_not_json(door: Door, data: bytes) -> None:
    """A byte order mark, trailing data and what is only nearly JSON are DecodeErrors."""
    assert isinstance(outcome(door, data, Note, "json"), DecodeError)


@pytest.mark.parametrize("tail", [b"\x00", b"\xc0", b"canary", b"\x81\xa4text\xa0"])
def test_trailing_bytes_after_msgpack_are_an_error(door: Door, tail: bytes) -> None:
    """MessagePack is one document and nothing else."""
    for kind in (Note, zoo.Utf8Bytes):
        model = Note(text="a") if kind is Note else zoo.Utf8Bytes(raw=b"a")
        found = outcome(door, encoder(kind, "msgpack")(model) + tail, kind, "msgpack")
        assert isinstance(found, DecodeError)


@pytest.mark.parametrize(
    "tree", [{1: 2}, {b"text": 1}, {"text": ormsgpack.Ext(5, b"x")}, {"text": b"\xff"}, {None: 1}, [1], 5, None]
)
def test_msgpack_that_json_has_no_form_for_is_a_promised_error(tree: Any) -> None:
    """Keys that are no strings, extension types, and other shapes are refused, never misread."""
    data = ormsgpack.packb(tree, option=ormsgpack.OPT_NON_STR_KEYS)
    for kind in (Note, zoo.Utf8Bytes):
        assert isinstance(outcome(DOORS["sync"], data, kind, "msgpack"), READ_ERRORS)


def test_a_mark_in_the_payload_is_only_text() -> None:
    """A string that looks like the internal mark of bytes is a string, in both directions."""
    model = zoo.BytesBesideUnions(anything={"\x00bin:": "aGk="}, other="\x00bin:aGk=", either=b"\x00bin:")
    data = MANAGER.serialize_sync(model, "msgpack")
    assert MANAGER.deserialize_sync(data, zoo.BytesBesideUnions, "msgpack") == model


class Open(BaseModel, extra="allow"):
    """Takes whatever comes, in a field, as an extra, and by the shape of a union."""

    anything: Any = None
    either: Note | dict[str, Any] = {}


@pytest.mark.parametrize(
    "spell",
    [
        {"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {"command": "true"}},
        {"py/object": "os.system", "py/reduce": [{"py/function": "os.system"}, ["true"]]},
        {"__type__": "os.system", "__value__": ["true"]},
        {"__class__": "Note", "__module__": __name__, "__reduce__": ["os.system", ["true"]]},
        {
            "$type": "System.Diagnostics.Process",
            "@class": "java.lang.Runtime",
            "!!python/object/apply:os.system": ["true"],
        },
        {"__pydantic_fields_set__": ["text"], "__dict__": {}, "__pydantic_serializer__": None},
    ],
    ids=lambda spell: next(iter(spell)),
)
@pytest.mark.parametrize("format_name", zoo.FORMATS)
def test_no_name_in_a_document_names_a_class(format_name: str, spell: dict[str, Any]) -> None:
    """What other libraries take for a class, a function or their own state is data, and comes back as it was."""
    model = Open(anything=[spell, {"deeper": spell}], either=spell, other=spell, __class__="Note")
    found = MANAGER.deserialize_sync(MANAGER.serialize_sync(model, format_name), Open, format_name)
    assert found == model
    assert type(found) is Open
    assert [type(part) for part in (found.anything[0], found.either, found.model_extra["other"])] == [dict] * 3
    plain = MANAGER.serialize_sync({"a": spell}, format_name, model_class=dict[str, Any])
    assert MANAGER.deserialize_sync(plain, dict[str, Any], format_name) == {"a": spell}


@given(value=json_values)
def test_bin_from_another_writer_is_kept_where_nothing_is_declared(value: Any) -> None:
    """Bin in an ``Any`` field or an extra of a type that holds bytes is read as bytes, at any depth."""

    class Open(BaseModel, extra="allow"):
        raw: bytes = b""
        anything: Any = None

    tree = {"raw": b"r", "anything": [b"\xff", {"a": b""}, value], "more": {"b": b"\x00", "c": value}}
    found = MANAGER.deserialize_sync(ormsgpack.packb(tree), Open, "msgpack")
    assert (found.raw, found.anything) == (b"r", tree["anything"])
    assert found.model_extra == {"more": tree["more"]}


# -- pickle -------------------------------------------------------------------------------------------------------------

RAN: list[str] = []


def run(text: str) -> str:
    """Leave a trace; a module's function, since a pickle would copy the list of a bound ``append``."""
    RAN.append(text)
    return text


class Hostile:
    """Its pickle calls a function when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return run, (CANARY,)


def test_the_canary_of_the_next_tests_sings() -> None:
    """An unrestricted reader does run the hostile pickle, so that the tests below can fail."""
    pickle.loads(pickle.dumps(Hostile()))
    assert RAN.pop() == CANARY


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrap", [lambda data: data, gzip.compress, zlib.compress], ids=["plain", "gzip", "zlib"])
def test_a_hostile_pickle_never_runs(door: Door, protocol: int, wrap: Callable[[bytes], bytes]) -> None:
    """What a pickle names is not called, at any door, under any format, compressed or not."""
    for target in (Hostile(), [Hostile()], {"text": Hostile()}):
        data = wrap(pickle.dumps(target, protocol))
        for format_name in (None, *zoo.FORMATS):
            found = outcome(door, data, Note, format_name)
            assert isinstance(found, READ_ERRORS)
            assert RAN == []


def test_a_sealed_hostile_pickle_never_runs_without_a_valid_mac() -> None:
    """A checksum proves nothing: only the reader's own key makes a pickle trusted."""
    data = pickle.dumps(Hostile(), 5)
    frame = Sealer().seal(data, format=FormatId.PICKLE, raw_size=len(data))
    forged = Sealer([b"x" * 32]).seal(data, format=FormatId.PICKLE, raw_size=len(data))
    for read in (DOORS["sync"], DOORS["async"], DOORS["signed"], DOORS["trusting"]):
        for sealed in (frame, forged):
            for format_name in (None, *zoo.FORMATS):
                assert isinstance(outcome(read, sealed, Note, format_name), DecodeError)
    assert RAN == []


def test_a_pickle_of_another_class_names_the_rule() -> None:
    """The error of a class outside the model says so, and what would allow it."""
    found = outcome(DOORS["decoder"], pickle.dumps(Hostile(), 5), Note, "pickle")
    assert isinstance(found, UntrustedDataError)
    assert found.format == "pickle"


# -- errors of writing --------------------------------------------------------------------------------------------------


class Unknown:
    """Pydantic has no serializer for it."""

    def __repr__(self) -> str:
        return CANARY


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
def test_values_without_a_form_are_encode_errors(format_name: str) -> None:
    """What cannot be written is an EncodeError that names the type and the path, and shows no value."""
    for value, path in (
        (Loose(value=Unknown()), ("value",)),
        (Loose(values=[1, {CANARY: Unknown()}]), ("values", 1, "<key 0>")),
        (Loose(value={Unknown(): 1}), ("value", "<key 0>")),
        (Loose(value=3j + 1 if format_name == "none" else Unknown), ("value",)),
    ):
        with pytest.raises(EncodeError) as caught:
            MANAGER.serialize_sync(value, format_name)
        assert caught.value.path == path
        assert (caught.value.model, caught.value.format) == ("Loose", format_name)
        assert_shows_nothing(caught.value)


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
def test_a_value_of_an_undeclared_type_with_warnings_as_errors(format_name: str) -> None:
    """Pydantic's complaint repeats the value, so it is not chained to ours."""
    wrong = Note.model_construct(text=5, number=CANARY)  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match="declared type") as caught:
        MANAGER.serialize_sync(wrong, format_name, warnings="error")
    assert_shows_nothing(caught.value)


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
def test_code_of_the_model_that_raises_is_an_encode_error(format_name: str) -> None:
    """A computed field or serializer that raises is an EncodeError with its path; the original is the cause."""

    class Raising(BaseModel):
        a: int = 1

        @zoo.computed_field  # type: ignore[prop-decorator]
        @property
        def broken(self) -> int:
            raise RuntimeError("on purpose")

    with pytest.raises(EncodeError) as caught:
        MANAGER.serialize_sync(Raising(), format_name)
    assert caught.value.path == ("broken",)
    assert caught.value.__cause__ is not None


def test_an_unknown_option_is_a_type_error() -> None:
    """A misspelt option is a mistake in the call, told as Python tells it."""
    for format_name in zoo.TREE_FORMATS:
        with pytest.raises(TypeError, match="exclude_nones"):
            MANAGER.serialize_sync(NOTE, format_name, exclude_nones=True)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="strickt"):
            MANAGER.deserialize_sync(payloads()[format_name], Note, format_name, strickt=True)  # type: ignore[call-overload]


# -- the small tools ----------------------------------------------------------------------------------------------------


@given(data=st.binary(max_size=80))
@example(data=b"{" + b" " * 80)
@example(data=b"\x1f\x8b\x08\x00" + bytes(20))
@example(data=b"\x28\xb5\x2f\xfd")
def test_the_utilities_take_any_bytes(data: bytes) -> None:
    """Detection and checks answer for any bytes; decompressing raises what is promised."""
    assert SerializationUtils.detect_format(data) in {"json", "pickle", None}
    assert SerializationUtils.detect_compression(data) in {"gzip", "zstd", "lz4", None}
    for name in zoo.FORMATS:
        assert SerializationUtils.validate_format(data, name) in {True, False}
    try:
        SerializationUtils.decompress_data(data, max_bytes=1000)
    except DecodeError as error:
        assert_shows_nothing(error)


def test_the_utilities_bound_what_they_decompress() -> None:
    """A bomb is a LimitExceededError there too; text and other types are TypeErrors."""
    with pytest.raises(LimitExceededError):
        SerializationUtils.decompress_data(gzip.compress(bytes(1_000_000)), max_bytes=1000)
    for value in (None, 5, []):
        with pytest.raises(TypeError):
            SerializationUtils.decompress_data(value)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            SerializationUtils.compress_data(value)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            SerializationUtils.generate_hash(value)  # type: ignore[arg-type]


def test_errors_are_counted_once() -> None:
    """Each failed operation is one error in the statistics, sync and async, small and large."""
    manager: OptimizedSerializationManager = create_serialization_manager()
    large = gzip.compress(random.Random(1).randbytes(400_000))[:-1]
    calls: list[Callable[[], Any]] = [
        lambda: manager.deserialize_sync(b"{", Note),
        lambda: manager.deserialize_sync(b"{", Note, strict=True),
        lambda: manager.deserialize_sync(large, Note),
        lambda: asyncio.run(manager.deserialize_model(b"{", Note)),
        lambda: asyncio.run(manager.deserialize_model(large, Note)),
        lambda: manager.serialize_sync(Loose(value=Unknown())),
        lambda: asyncio.run(manager.serialize_model(Loose(value=Unknown()))),
    ]
    for number, call in enumerate(calls, 1):
        with pytest.raises(SerializationError) as caught:
            call()
        assert caught.value.model in {"Note", "Loose"}
        assert manager.get_stats()["cached_manager"]["model_serializer"]["errors"] == number
