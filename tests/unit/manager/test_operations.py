"""The managers: caching by key, statistics, threads, loops, forks, cancellation, retries."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

import pytest
import zoo
from pydantic import BaseModel, field_serializer, field_validator

from pydantic_serialization import (
    BACKEND,
    CachedSerializationManager,
    CacheManager,
    InvalidationError,
    OptimizedSerializationManager,
    PydanticModelSerializer,
    SerializationConfig,
    create_serialization_manager,
)
from pydantic_serialization.manager._retry import retrying

LARGE = zoo.Address(street="large " * 100_000)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=[OptimizedSerializationManager, CachedSerializationManager])
def manager(request: pytest.FixtureRequest) -> Any:
    """Both managers, in turn."""
    return request.param(SerializationConfig(enable_compression=False))


# -- cache keys ---------------------------------------------------------------------------------------------------------


def test_a_key_stands_for_the_value(manager: Any) -> None:
    """Under a key the bytes are made once, sync and async together."""
    first = manager.serialize_sync(zoo.Cat(lives=1), cache_key="cat")
    assert manager.serialize_sync(zoo.Cat(lives=2), cache_key="cat") == first
    assert asyncio.run(manager.serialize_model(zoo.Cat(lives=3), cache_key="cat")) == first
    assert manager.serialize_sync(zoo.Cat(lives=2)) != first


def test_formats_types_and_options_have_entries_of_their_own(manager: Any) -> None:
    """One key never gives the bytes of another format, type, declared type, batch or option."""
    cat = zoo.Cat()
    results = [
        manager.serialize_sync(cat, cache_key="k"),
        manager.serialize_sync(cat, "msgpack", cache_key="k"),
        manager.serialize_sync(zoo.Dog(), cache_key="k"),
        manager.serialize_sync(cat, cache_key="k", exclude={"kind"}),
        manager.serialize_sync(cat, cache_key="k", include={"kind"}),
        manager.serialize_sync(cat, cache_key="k", indent=1),
        manager.serialize_models_sync([cat], cache_key="k"),
        manager.serialize_sync(zoo.Derived(), cache_key="k"),
        manager.serialize_sync(zoo.Derived(), cache_key="k", model_class=zoo.Base),
    ]
    assert len(set(results)) == len(results)
    asyncio.run(manager.invalidate("k"))
    changed = zoo.Cat(lives=1)
    assert manager.serialize_sync(changed, cache_key="k") != results[0]
    assert manager.serialize_sync(changed, "msgpack", cache_key="k") != results[1]
    assert manager.serialize_models_sync([changed], cache_key="k") != results[6]


def test_invalidation_by_tag_and_by_other_keys(manager: Any) -> None:
    """Tags drop what has them; another key drops nothing."""
    first = manager.serialize_sync(zoo.Cat(lives=1), cache_key="cat", tags=("pets",))
    manager.invalidate_sync("dog", tags=("plants",))
    assert manager.serialize_sync(zoo.Cat(lives=2), cache_key="cat") == first
    manager.invalidate_sync(tags=("pets",))
    assert manager.serialize_sync(zoo.Cat(lives=2), cache_key="cat") != first


def test_results_expire() -> None:
    """After ``ttl`` seconds, or ``cache_ttl``, the model is written again."""
    clock = Clock()
    manager = create_serialization_manager(SerializationConfig(cache_ttl=100), CacheManager(clock=clock, jitter=0))
    first = manager.serialize_sync(zoo.Cat(lives=1), cache_key="a")
    short = manager.serialize_sync(zoo.Cat(lives=1), cache_key="b", ttl=10)
    clock.now = 11
    assert manager.serialize_sync(zoo.Cat(lives=2), cache_key="a") == first
    assert manager.serialize_sync(zoo.Cat(lives=2), cache_key="b", ttl=10) != short
    clock.now = 101
    assert manager.serialize_sync(zoo.Cat(lives=2), cache_key="a") != first


def test_caching_off_keeps_nothing() -> None:
    """With ``enable_caching=False`` a key is ignored."""
    manager = create_serialization_manager(SerializationConfig(enable_caching=False))
    assert manager.serialize_sync(zoo.Cat(lives=1), cache_key="a") != manager.serialize_sync(
        zoo.Cat(lives=2), cache_key="a"
    )
    assert manager.get_stats()["cached_manager"]["cache"]["l1_cache"]["hits"] == 0


def test_the_default_format_is_part_of_an_entry(manager: Any) -> None:
    """A change of ``default_format`` is not answered from the cache."""
    assert manager.serialize_sync(zoo.Cat(), cache_key="a")[:1] == b"{"
    manager.config.default_format = "msgpack"
    assert manager.serialize_sync(zoo.Cat(), cache_key="a")[:1] == b"\x82"


def test_the_first_signing_key_makes_old_entries_unreadable_and_unused(manager: Any) -> None:
    """What was sealed without a key is not served to a reader that has one."""
    before = manager.serialize_sync(zoo.Cat(), "pickle", cache_key="a")
    manager.config.signing_keys = ("k" * 32,)
    after = manager.serialize_sync(zoo.Cat(), "pickle", cache_key="a")
    assert after != before
    assert manager.deserialize_sync(after, zoo.Cat, "pickle") == zoo.Cat()


def test_an_option_that_is_no_part_of_a_key_is_a_type_error(manager: Any) -> None:
    """A context of one's own class cannot be compared."""
    with pytest.raises(TypeError, match="cache key"):
        manager.serialize_sync(zoo.Cat(), cache_key="a", context=object())


class BrokenCache(CacheManager):
    """Raises like a store that is away."""

    async def get_or_load(self, *arguments: Any, **named: Any) -> Any:
        raise ConnectionError("away")

    def get_or_load_sync(self, *arguments: Any, **named: Any) -> Any:
        raise ConnectionError("away")

    async def invalidate(self, *keys: str, **named: Any) -> None:
        raise ConnectionError("away")


def test_a_fault_of_the_cache_is_a_miss_and_a_counter() -> None:
    """The caller gets its bytes; only an invalidation that was not delivered is told."""
    manager = create_serialization_manager(SerializationConfig(retry_delay=0), BrokenCache())

    async def check() -> None:
        assert await manager.serialize_model(zoo.Cat(), cache_key="a") == manager.serialize_sync(
            zoo.Cat(), cache_key="a"
        )
        with pytest.raises(InvalidationError) as caught:
            await manager.invalidate("a")
        assert isinstance(caught.value.__cause__, ConnectionError)

    asyncio.run(check())
    assert manager.get_stats()["cached_manager"]["cache_faults"] == 2


def test_an_error_of_the_model_is_no_fault_of_the_cache(manager: Any) -> None:
    """It is raised once, counted as an error, and not as a fault."""
    with pytest.raises(ValueError, match="surrogate"):
        manager.serialize_sync(zoo.Address(street="\ud800"), cache_key="a")
    with pytest.raises(ValueError, match="surrogate"):
        asyncio.run(manager.serialize_model(zoo.Address(street="\ud800"), cache_key="a"))
    stats = manager.get_stats().get("cached_manager", manager.get_stats())
    assert (stats["cache_faults"], stats["model_serializer"]["errors"]) == (0, 2)


# -- statistics ---------------------------------------------------------------------------------------------------------


def test_statistics_have_the_documented_shape() -> None:
    """Names and nesting are those of the specification; values are plain."""
    manager = create_serialization_manager()
    for _ in range(2):
        manager.deserialize_sync(manager.serialize_sync(zoo.Cat(), cache_key="a"), zoo.Cat)
    stats = manager.get_stats()
    assert set(stats) == {"cached_manager", "profiler", "config"}
    inner = stats["cached_manager"]
    assert {"model_serializer", "cache", "config"} <= set(inner)
    assert {"avg_time", "validation_cache_hit_rate", "errors"} <= set(inner["model_serializer"])
    assert {"hits", "misses", "hit_rate"} <= set(inner["cache"]["l1_cache"])
    assert "l2_cache" in inner["cache"]
    assert (inner["cache"]["l1_cache"]["hits"], inner["cache"]["l1_cache"]["misses"]) == (1, 1)
    assert stats["config"]["default_format"] == "orjson"
    assert stats["profiler"]["total_operations"] == 3


def test_the_report_has_the_documented_shape() -> None:
    """Summary, operations and recommendations, times in seconds."""
    manager = create_serialization_manager()
    for _ in range(50):
        manager.deserialize_sync(manager.serialize_sync(zoo.Cat()), zoo.Cat)
    report = manager.get_performance_report()
    assert {"summary", "operations", "recommendations"} <= set(report)
    assert set(report["summary"]) == {"total_operations", "total_time", "avg_time"}
    assert report["summary"]["total_operations"] == 100
    assert set(report["operations"]) == {"serialize:Cat:orjson", "deserialize:Cat:orjson"}
    for stats in report["operations"].values():
        assert {"count", "avg_time", "min_time", "max_time", "p50", "p95", "p99"} <= set(stats)
        assert 0 < stats["min_time"] <= stats["p50"] <= stats["p99"] <= stats["max_time"] < 1
    assert all(str(item).endswith(".") for item in report["recommendations"])


def test_slow_operations_are_logged_without_values(caplog: pytest.LogCaptureFixture) -> None:
    """The log names model, format and size."""
    manager = create_serialization_manager(SerializationConfig(profile_threshold=1e-9))
    with caplog.at_level(logging.WARNING, "pydantic_serialization"):
        manager.serialize_sync(zoo.Address(street="canary"))
    assert any("Address" in record.getMessage() for record in caplog.records)
    assert "canary" not in caplog.text


def test_profiling_can_be_turned_off_and_on(manager: Any) -> None:
    """At run time, from the next call on."""
    manager.config.enable_profiling = False
    manager.serialize_sync(zoo.Cat())
    serializer: PydanticModelSerializer = manager.model_serializer
    assert serializer.get_stats()["serializations"] == 0
    manager.config.enable_profiling = True
    manager.serialize_sync(zoo.Cat())
    assert serializer.get_stats()["serializations"] == 1


# -- concurrency --------------------------------------------------------------------------------------------------------


def test_many_threads_use_one_manager() -> None:
    """Eight threads that write, read and change settings get their own values back."""
    manager = create_serialization_manager()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            chance = random.Random(number)
            for step in range(150):
                name = chance.choice(zoo.FORMATS)
                model: Any = chance.choice(
                    [zoo.Cat(lives=step), zoo.Dog(name=f"{number}-{step}"), zoo.Node(value=step)]
                )
                data = manager.serialize_sync(model, name)
                assert manager.deserialize_sync(data, type(model), name) == model
                kept = manager.serialize_sync(zoo.Cat(lives=number), name, cache_key=f"cat-{number}")
                assert manager.deserialize_sync(kept, zoo.Cat, name).lives == number
                if step % 50 == 0:
                    manager.config.compression_threshold = chance.choice([0, 1024])
                    manager.invalidate_sync(f"cat-{number}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_several_event_loops_use_one_manager() -> None:
    """One after the other, and at once in threads; large payloads in worker threads too."""
    manager = create_serialization_manager()

    async def work(number: int) -> None:
        async def one(step: int) -> None:
            model = zoo.Address(street=f"{number}-{step}" * (40_000 if step == 0 else 1))
            data = await manager.serialize_model(model, cache_key=f"{number}-{step}")
            assert await manager.deserialize_model(data, zoo.Address) == model

        await asyncio.gather(*(one(step) for step in range(20)))

    for number in range(3):
        asyncio.run(work(number))
    threads = [threading.Thread(target=lambda number=number: asyncio.run(work(number))) for number in range(3, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert manager.get_stats()["cached_manager"]["model_serializer"]["errors"] == 0


def test_a_cancelled_call_leaves_the_manager_usable() -> None:
    """Cancelling writing, reading and a shared load disturbs nobody else."""
    manager = create_serialization_manager(SerializationConfig(compression_level="max"))  # type: ignore[arg-type]

    async def check() -> None:
        expected = await manager.serialize_model(LARGE)
        for call in (
            lambda: manager.serialize_model(LARGE),
            lambda: manager.serialize_model(LARGE, cache_key="shared"),
            lambda: manager.deserialize_model(expected, zoo.Address),
        ):
            tasks = [asyncio.ensure_future(call()) for _ in range(3)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            # What is short is done in one step, before anybody could cancel it.
            assert isinstance(results[0], asyncio.CancelledError) or results[0] == LARGE
            assert results[1] == results[2]
            assert results[1] in (expected, LARGE)

    asyncio.run(check())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_works() -> None:
    """After a fork, with threads at work in the parent, the child's manager reads, writes, caches and rebinds."""
    code = textwrap.dedent(
        """
        import asyncio, os, sys, threading, warnings
        import zoo
        from pydantic_serialization import create_serialization_manager
        warnings.simplefilter("ignore", DeprecationWarning)
        manager = create_serialization_manager()
        for name in zoo.FORMATS:  # a fork in the middle of another thread's import would deadlock any program
            manager.serialize_sync(zoo.Cat(), name)
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                manager.config.compression_threshold = 5
                manager.serialize_sync(zoo.Cat(), "msgpack", cache_key="a")
        threads = [threading.Thread(target=busy, daemon=True) for _ in range(3)]
        [thread.start() for thread in threads]
        children = []
        for _ in range(10):
            child = os.fork()
            if child == 0:
                for name in zoo.FORMATS:
                    data = manager.serialize_sync(zoo.Cat(), name, cache_key="b")
                    assert manager.deserialize_sync(data, zoo.Cat, name) == zoo.Cat()
                manager.config.default_format = "json"
                assert asyncio.run(manager.serialize_model(zoo.Dog())) == zoo.Dog().model_dump_json().encode()
                manager.get_performance_report()
                os._exit(0)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        stop.set()
        [thread.join() for thread in threads]
        sys.exit(any(codes))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


# -- life ---------------------------------------------------------------------------------------------------------------


def test_managers_are_context_managers(manager: Any) -> None:
    """Sync and async, again and again, and they work before and after."""

    async def check() -> None:
        for _ in range(2):
            async with manager as entered:
                assert entered is manager
                assert await manager.serialize_model(zoo.Cat())
        await manager.start()
        await manager.stop()
        await manager.stop()

    with manager as entered:
        assert entered is manager
        manager.serialize_sync(zoo.Cat())
    asyncio.run(check())
    assert manager.serialize_sync(zoo.Cat())


@pytest.mark.parametrize("error", [ConnectionError, ConnectionResetError, TimeoutError, OSError])
@pytest.mark.parametrize("failures", range(5))
def test_transient_errors_are_tried_again(error: type[Exception], failures: int) -> None:
    """Up to ``retries`` times, waiting twice as long each time; then the last one is raised."""
    waits: list[float] = []
    left = failures

    async def operation() -> str:
        nonlocal left
        if left:
            left -= 1
            raise error("away")
        return "done"

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> str:
        return await retrying(operation, retries=3, delay=0.5, sleep=sleep)

    if failures <= 3:
        assert asyncio.run(run()) == "done"
        assert waits == [0.5, 1.0, 2.0][:failures]
    else:
        with pytest.raises(error):
            asyncio.run(run())
        assert waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("error", [ValueError, KeyError, MemoryError, asyncio.CancelledError])
def test_other_errors_are_not_tried_again(error: type[BaseException]) -> None:
    """What fails in the same way each time is raised at once."""
    calls = 0

    async def operation() -> None:
        nonlocal calls
        calls += 1
        raise error

    async def run() -> None:
        await retrying(operation, retries=3, delay=0)

    with pytest.raises(error):
        asyncio.run(run())
    assert calls == 1


def test_start_is_tried_again() -> None:
    """A shared tier that comes up late is reached."""

    class Late(CacheManager):
        left = 2

        async def start(self) -> None:
            if self.left:
                self.left -= 1
                raise ConnectionError("not yet")

    manager = create_serialization_manager(SerializationConfig(retry_delay=0), Late())
    asyncio.run(manager.start())
    never = create_serialization_manager(SerializationConfig(retry_delay=0, max_retries=1), Late())
    with pytest.raises(ConnectionError):
        asyncio.run(never.start())


def test_encoding_is_never_tried_again() -> None:
    """A model that cannot be written is tried once, at every door."""
    calls = 0

    class Failing(zoo.BaseModel):
        a: int = 1

        @zoo.field_serializer("a")
        def _fail(self, value: int) -> int:
            nonlocal calls
            calls += 1
            raise ConnectionError("no network here")

    manager = create_serialization_manager()
    doors: list[Callable[[], Any]] = [
        lambda: manager.serialize_sync(Failing()),
        lambda: manager.serialize_sync(Failing(), cache_key="a"),
    ]
    for door in doors:
        calls = 0
        with pytest.raises(ValueError, match="cannot write"):
            door()
        # Finding the path of the fault writes the one failing field again.
        assert calls <= 2


# -- batches ------------------------------------------------------------------------------------------------------------


def test_batches_are_any_iterable(manager: Any) -> None:
    """Lists, tuples, generators and sets of models; mixtures as what each is."""
    cats = [zoo.Cat(lives=lives) for lives in range(3)]
    expected = manager.serialize_models_sync(cats)
    assert manager.serialize_models_sync(tuple(cats)) == expected
    assert manager.serialize_models_sync(cat for cat in cats) == expected
    assert manager.deserialize_models_sync(expected, zoo.Cat) == cats
    mixed = manager.serialize_models_sync([zoo.Cat(), zoo.Dog()])
    assert manager.deserialize_models_sync(mixed, zoo.Cat | zoo.Dog) == [zoo.Cat(), zoo.Dog()]
    narrowed = manager.serialize_models_sync([zoo.Derived(), zoo.Base()], model_class=zoo.Base)
    assert b"hunter2" not in narrowed


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": {"city"}}, [{"city": "Paris"}, {"city": "Rome"}]),
        ({"exclude": {"street"}}, [{"city": "Paris"}, {"city": "Rome"}]),
        ({"exclude": {"street": True}}, [{"city": "Paris"}, {"city": "Rome"}]),
        ({"exclude": {"__all__": {"street"}}}, [{"city": "Paris"}, {"city": "Rome"}]),
        ({"exclude": {0: True}}, [{"street": "b", "city": "Rome"}]),
        ({"exclude": {0: {"street"}}}, [{"city": "Paris"}, {"street": "b", "city": "Rome"}]),
        ({"exclude": set()}, [{"street": "a", "city": "Paris"}, {"street": "b", "city": "Rome"}]),
    ],
    ids=str,
)
def test_fields_of_several_models_are_chosen_as_of_one(format_name: str, options: Any, expected: Any) -> None:
    """What is excluded by its name is excluded from every model, and not written because a list has no fields."""
    manager = create_serialization_manager()
    models = [zoo.Address(street="a"), zoo.Address(street="b", city="Rome")]
    data = manager.serialize_models_sync(models, format_name, **options)
    assert manager.deserialize_sync(data, list[dict[str, str]], format_name) == expected
    assert asyncio.run(manager.serialize_models(models, format_name, **options)) == data


def test_what_is_no_batch_is_a_type_error(manager: Any) -> None:
    """A single value in place of an iterable."""
    for wrong in (5, None):
        with pytest.raises(TypeError):
            manager.serialize_models_sync(wrong)


def test_large_payloads_are_read_and_written_in_every_format(manager: Any) -> None:
    """Over the bound from which a worker thread compresses."""
    manager.config.enable_compression = True

    async def check() -> None:
        for name in (None, *zoo.FORMATS):
            data = await manager.serialize_model(LARGE, name)
            assert len(data) < 200_000
            assert await manager.deserialize_model(data, zoo.Address, name) == LARGE
            assert await manager.deserialize_model(data, zoo.Address, name, strict=True) == LARGE

    asyncio.run(check())


class Located(BaseModel):
    number: int

    @field_serializer("number")
    def note_writer(self, value: int) -> int:
        THREADS.add(threading.get_ident())
        return value

    @field_validator("number")
    @classmethod
    def note_reader(cls, value: int) -> int:
        THREADS.add(threading.get_ident())
        return value


THREADS: set[int] = set()


@pytest.mark.skipif(BACKEND != "native", reason="only the native core lets other threads run")
@pytest.mark.parametrize("format_name", ["orjson", "msgpack"])
@pytest.mark.parametrize(("count", "is_long"), [(10, False), (60_000, True)])
def test_long_lists_are_written_and_read_beside_the_loop(format_name: str, count: int, is_long: bool) -> None:
    """What takes long does not run in the thread of the event loop; what is short does."""
    manager = create_serialization_manager(SerializationConfig(enable_compression=False))
    models = [Located.model_construct(number=number) for number in range(count)]

    async def check() -> None:
        THREADS.clear()
        data = await manager.serialize_models(models, format_name)
        assert ({threading.get_ident()} == THREADS) is not is_long
        THREADS.clear()
        assert await manager.deserialize_models(data, Located, format_name) == models
        assert ({threading.get_ident()} == THREADS) is not is_long

    asyncio.run(check())
