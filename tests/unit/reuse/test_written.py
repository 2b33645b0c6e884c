"""The memo of frozen instances: the same bytes without encoding, and never for anything that can change."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from patient import Patient
from pydantic import BaseModel, ConfigDict, computed_field, field_serializer

from pydantic_serialization import PydanticModelSerializer, SerializationConfig, create_serialization_manager, pure
from pydantic_serialization.reuse.payoff import BLOCK, COMPARISONS

pytestmark = pytest.mark.usefixtures("patient")

FORMATS = (None, "json", "orjson", "msgpack")


class Base(BaseModel):
    model_config = ConfigDict(frozen=True)


class Point(Base):
    """A model that is frozen all the way down."""

    x: int
    y: int | None = None


class Line(Base):
    """Another, of parts."""

    points: tuple[Point, ...]


class Thawed(Point):
    """A part that can change, although it stands where a frozen one is declared."""

    model_config = ConfigDict(frozen=False)


class Loose(Base):
    """Frozen at the top only."""

    parts: list[int]


LINE = Line(points=(Point(x=1), Point(x=2, y=3)))


def make(**settings: Any) -> PydanticModelSerializer:
    """Return a serializer with these settings."""
    return PydanticModelSerializer(SerializationConfig(**settings))


def stats(serializer: PydanticModelSerializer, label: str) -> Any:
    """Return the numbers of one model."""
    return serializer.get_stats()["identity_memo"]["models"][label]


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("enable_profiling", [True, False])
def test_the_same_instance_gives_the_same_bytes(format_name: str | None, enable_profiling: bool) -> None:
    """From the third time on without encoding; what is written once is not kept."""
    serializer = make(enable_profiling=enable_profiling)
    plain = make(enable_caching=False)
    for line in (LINE, Line(points=())):
        assert serializer.serialize_model(line, format_name) == plain.serialize_model(line, format_name)
    assert serializer.get_stats()["instances"]["items"] == 0
    written = [serializer.serialize_model(LINE, format_name) for _ in range(3 * BLOCK)]
    assert written == [plain.serialize_model(LINE, format_name)] * 3 * BLOCK
    label = "Line" if format_name is None else f"Line:{format_name}"
    found = stats(serializer, label)
    assert (found["hits"], found["misses"], found["mode"], found["reason"]) == (3 * BLOCK - 1, 3, "share", "")


@pytest.mark.parametrize(
    "options",
    [{"by_alias": True}, {"exclude_none": True}, {"exclude_none": False}, {"indent": 2}, {"indent": 1}],
)
def test_options_have_bytes_of_their_own(options: Any) -> None:
    """The same instance under other options is another result."""
    serializer = make()
    plain = make(enable_caching=False)
    for _ in range(5):
        assert serializer.serialize_model(LINE, "json", **options) == plain.serialize_model(LINE, "json", **options)
        assert serializer.serialize_model(LINE, "json") == plain.serialize_model(LINE, "json")
    assert stats(serializer, "Line:json")["hits"] == 6


@pytest.mark.parametrize(
    "options",
    [{"exclude_unset": True}, {"exclude_defaults": True}, {"include": {"points"}}, {"exclude": set()}, {"context": 1}],
)
def test_options_that_ask_for_more_than_the_value_are_not_looked_up(options: Any) -> None:
    """The set of fields can change in a frozen model too, and a context may be anything."""
    serializer = make()
    for _ in range(5):
        serializer.serialize_model(LINE, "json", **options)
    found = stats(serializer, "Line:json")
    assert (found["hits"], found["misses"], found["bypassed"]) == (0, 0, 5)


def test_nothing_that_can_change_is_kept() -> None:
    """By its type, or by what an instance really holds: bytes are of the moment."""
    serializer = make()
    loose = Loose(parts=[])
    thawed = Line(points=(Thawed(x=0),))
    constructed = Line.model_construct(points=[Point(x=0)])
    for number in range(1, 5):
        for _ in range(4):
            assert serializer.serialize_model(loose) == loose.model_dump_json().encode()
            assert serializer.serialize_model(thawed) == thawed.model_dump_json().encode()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert serializer.serialize_model(constructed) == constructed.model_dump_json().encode()
        loose.parts.append(number)
        thawed.points[0].x = number  # type: ignore[misc]
        constructed.points.append(Point(x=number))  # type: ignore[attr-defined]
    assert "Loose" not in serializer.get_stats()["identity_memo"]["models"]
    assert stats(serializer, "Line")["hits"] == 0
    assert serializer.get_stats()["instances"]["items"] == 0


def test_a_copy_with_changes_is_another_instance() -> None:
    """``model_copy(update=...)`` carries nothing over."""
    serializer = make()
    for _ in range(4):
        serializer.serialize_model(LINE)
    changed = LINE.model_copy(update={"points": ()})
    assert serializer.serialize_model(changed) == b'{"points":[]}'


def test_an_address_that_is_used_again_is_not_taken_for_the_former_instance() -> None:
    """Python gives the place of a dead object to the next one: each gets bytes of its own."""
    serializer = make()
    addresses: set[int] = set()
    for number in range(500):
        point = Point(x=number)
        addresses.add(id(point))
        for _ in range(3):
            assert serializer.serialize_model(point) == b'{"x":%d,"y":null}' % number
        del point
    assert len(addresses) < 100
    assert stats(serializer, "Point")["hits"] > 400


@pytest.mark.usefixtures("frozen_heap")
def test_the_bytes_go_when_their_instance_goes() -> None:
    """An entry does not keep its instance, nor itself."""
    serializer = make()
    points = [Point(x=number) for number in range(20)]
    for _ in range(2):
        for point in points:
            serializer.serialize_model(point)
    assert serializer.get_stats()["instances"]["items"] == 20
    del points, point
    gc.collect()
    kept = serializer.get_stats()["instances"]
    assert (kept["items"], kept["bytes"]) == (0, 0)


def test_a_value_that_is_warned_about_is_warned_about_each_time() -> None:
    """Pydantic warns about values that do not fit their type; a memo would keep the second warning back."""
    serializer = make()
    wrong = Point.model_construct(x="text")
    for _ in range(4):
        with pytest.warns(UserWarning, match="serializer warnings"):
            assert serializer.serialize_model(wrong) == b'{"x":"text","y":null}'


def test_code_of_the_users_is_run_each_time_unless_it_is_declared() -> None:
    """A serializer or a computed field may depend on anything."""

    class Ticking(Base):
        x: int = 0

        @field_serializer("x")
        def tick(self, value: int) -> int:
            ticks.append(value)
            return len(ticks)

    class Doubled(Base):
        x: int = 2

        @computed_field  # type: ignore[prop-decorator]
        @property
        @pure
        def double(self) -> int:
            return 2 * self.x

    ticks: list[int] = []
    serializer = make()
    ticking, doubled = Ticking(), Doubled()
    assert [serializer.serialize_model(ticking) for _ in range(3)] == [b'{"x":1}', b'{"x":2}', b'{"x":3}']
    reason = stats(serializer, "Ticking")["reason"]
    assert reason.startswith("the serializer ")
    assert reason.endswith("Ticking.tick is not declared pure")
    assert {serializer.serialize_model(doubled) for _ in range(4)} == {b'{"x":2,"double":4}'}
    assert stats(serializer, "Doubled")["hits"] == 2


def test_a_declared_type_decides_the_fields() -> None:
    """The bytes of a subclass under its base's type are not those under its own."""

    class Secret(Point):
        key: str = "k"

    serializer = make()
    secret = Secret(x=1)
    for _ in range(4):
        assert b"key" in serializer.serialize_model(secret)
        assert b"key" not in serializer.serialize_model(secret, model_class=Point)


def test_sealed_results_are_written_each_time() -> None:
    """A frame says when it was made."""
    serializer = make(compression_codec="brotli", compression_threshold=1)
    long = Line(points=tuple(Point(x=number) for number in range(200)))
    for _ in range(4):
        assert serializer.serialize_model(long, "json")[:3] == b"\xc1SF"
    assert stats(serializer, "Line:json")["hits"] == 0


def test_a_change_of_settings_forgets_what_was_kept() -> None:
    """Compressed bytes do not come back uncompressed."""
    serializer = make(compression_threshold=10)
    long = Line(points=tuple(Point(x=1) for _ in range(100)))
    for _ in range(4):
        assert serializer.serialize_model(long)[:2] == b"\x1f\x8b"
    serializer.config.enable_compression = False
    for _ in range(4):
        assert serializer.serialize_model(long)[:1] == b"{"
    serializer.config.enable_caching = False
    serializer.serialize_model(long)
    assert serializer.get_stats()["instances"]["items"] == 0
    assert serializer.get_stats()["identity_memo"]["models"] == {}


@pytest.mark.parametrize("options", [{}, {"exclude_none": True}])
def test_hits_are_seldom_compared(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With options and on an event loop too, a hit is made anew for comparison once in 128 lookups, after some at first."""

    class Counting(Patient):
        __slots__ = ()

        def compared(self, hit_ns: int, made_ns: int) -> None:
            accounts.append(self)
            super().compared(hit_ns, made_ns)

    accounts: list[Counting] = []
    monkeypatch.setattr("pydantic_serialization.reuse._base.new_payoff", Counting)
    manager = create_serialization_manager()

    async def write() -> None:
        for _ in range(10 * 128):
            await manager.serialize_model(LINE, "json", **options)

    asyncio.run(write())
    inner = manager.get_stats()["cached_manager"]["model_serializer"]
    found = inner["identity_memo"]["models"]["Line:json"]
    assert (found["hits"], found["misses"]) == (10 * 128 - 2, 2)
    assert len(accounts) <= COMPARISONS + 10


@pytest.mark.parametrize("parts", [2, 20_000])
def test_the_manager_writes_through_it(parts: int) -> None:
    """With and without an event loop; a result that is compressed in a thread is right too."""
    line = Line(points=tuple(Point(x=number) for number in range(parts)))
    expected = make(enable_caching=False).serialize_model(line)
    manager = create_serialization_manager()

    async def write() -> list[bytes]:
        return [await manager.serialize_model(line) for _ in range(4)]

    assert asyncio.run(write()) == [expected] * 4
    assert [manager.serialize_sync(line) for _ in range(4)] == [expected] * 4
    inner = manager.get_stats()["cached_manager"]["model_serializer"]
    assert inner["identity_memo"]["models"]["Line"]["hits"] >= 3
    assert inner["serializations"] == 8


def test_threads_share_it() -> None:
    """Eight threads write long-lived and short-lived instances; all bytes are right."""
    serializer = make()
    points = [Point(x=number) for number in range(20)]
    start = threading.Barrier(8)

    def work(seed: int) -> None:
        start.wait()
        for step in range(300):
            number = (seed + step) % 20
            assert serializer.serialize_model(points[number]) == b'{"x":%d,"y":null}' % number
            mine = Point(x=step, y=seed)
            for _ in range(3):
                assert serializer.serialize_model(mine) == b'{"x":%d,"y":%d}' % (step, seed)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert stats(serializer, "Point")["hits"] > 2000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("frozen_heap")
def test_a_forked_child_writes_on() -> None:
    """What was kept is there in the child, and goes with its instance there too."""
    serializer = make()
    points = [Point(x=1)]
    for _ in range(3):
        serializer.serialize_model(points[0])
    child = os.fork()
    if child == 0:
        is_right = serializer.serialize_model(points[0]) == b'{"x":1,"y":null}'
        points.clear()
        gc.collect()
        other = Point(x=2)
        is_right &= [serializer.serialize_model(other) for _ in range(3)] == [b'{"x":2,"y":null}'] * 3
        os._exit(0 if is_right and serializer.get_stats()["instances"]["items"] == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
