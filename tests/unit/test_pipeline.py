"""The bound functions: the same result by every way, counted once, with names in every error."""

from __future__ import annotations

from typing import Any

import pytest
import zoo

from pydantic_serialization import (
    DecodeError,
    EncodeError,
    FrameError,
    PydanticModelSerializer,
    SerializationConfig,
    SerializationError,
)
from pydantic_serialization.pipeline import OFFLOAD_BYTES, Pipeline

LARGE = zoo.Address(street="large " * 100_000)


def pipelines(**settings: Any) -> list[tuple[PydanticModelSerializer, Pipeline]]:
    """Return pipelines of addresses with and without profiling."""
    found = []
    for enable_profiling in (True, False):
        serializer = PydanticModelSerializer(SerializationConfig(enable_profiling=enable_profiling, **settings))
        found.append((serializer, serializer.pipeline(zoo.Address)))
    return found


@pytest.mark.parametrize("codec", ["gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("model", [zoo.Address(street="s"), zoo.Address(street="m" * 2000), LARGE], ids=["s", "m", "l"])
def test_every_way_gives_the_same(codec: str, model: zoo.Address) -> None:
    """Plain, with options, in two steps; watched or not; sampled or not: the same bytes and values."""
    for _, pipeline in pipelines(compression_codec=codec):
        expected = pipeline.dump_with(model, {"by_alias": False})
        for _ in range(20):
            assert pipeline.dump(model) == expected
            assert pipeline.load(expected) == model
            assert pipeline.load_with(expected, {"strict": None}) == model
            begun = pipeline.begin_dump(model, {})
            assert (begun if isinstance(begun, bytes) else begun()) == expected
            assert pipeline.finish_load(pipeline.open(expected), {}) == model
            assert pipeline.finish_load(pipeline.open(expected), {"context": 1}) == model


def test_long_work_is_offered_to_a_thread() -> None:
    """Only payloads over the bound are worth one."""
    for _, pipeline in pipelines():
        assert isinstance(pipeline.begin_dump(zoo.Address(street="x" * (OFFLOAD_BYTES - 100)), {}), bytes)
        assert callable(pipeline.begin_dump(LARGE, {}))
        assert pipeline.opens_cheaply(b"{}")
        assert not pipeline.opens_cheaply(pipeline.dump(LARGE))


def test_each_failure_is_counted_once_and_named() -> None:
    """Whatever fails, by whatever way, the error names model and format, and the count grows by one.

    But for a frame that cannot be opened, where no format was asked for: nobody knows which one it holds.
    """
    bad = zoo.Address(street="\ud800")
    too_large = zoo.Address(street="x" * 5000)
    for serializer, pipeline in pipelines(max_payload_bytes=4000):
        calls = [
            lambda pipeline=pipeline: pipeline.dump(bad),
            lambda pipeline=pipeline: pipeline.dump_with(bad, {"indent": 1}),
            lambda pipeline=pipeline: pipeline.begin_dump(bad, {}),
            lambda pipeline=pipeline: pipeline.dump(too_large),
            lambda pipeline=pipeline: pipeline.dump_with(too_large, {"indent": 1}),
            lambda pipeline=pipeline: pipeline.begin_dump(too_large, {}),
            lambda pipeline=pipeline: pipeline.load(b"{"),
            lambda pipeline=pipeline: pipeline.load(b""),
            lambda pipeline=pipeline: pipeline.load(b"{" * 5000),
            lambda pipeline=pipeline: pipeline.load_with(b"{", {"strict": True}),
            lambda pipeline=pipeline: pipeline.open(b"\xc1SF"),
        ]
        for round_ in range(3):
            for number, call in enumerate(calls, 1):
                with pytest.raises(SerializationError) as caught:
                    call()
                assert isinstance(caught.value, (EncodeError, DecodeError))
                known = None if isinstance(caught.value, FrameError) else "orjson"
                assert (caught.value.model, caught.value.format) == ("Address", known)
                assert serializer.get_stats()["errors"] == round_ * len(calls) + number


def test_operations_are_counted_exactly() -> None:
    """Times are sampled, counts are not."""
    for serializer, pipeline in pipelines():
        for _ in range(500):
            pipeline.load(pipeline.dump(zoo.Address(street="s")))
        stats = serializer.get_stats()
        expected = 500 if serializer.config.enable_profiling else 0
        assert (stats["serializations"], stats["deserializations"]) == (expected, expected)


def test_errors_that_are_not_ours_pass() -> None:
    """A shortage of memory and warnings turned into errors are not faults of the value."""
    wrong = zoo.Address.model_construct(street=5)  # type: ignore[arg-type]
    for _, pipeline in pipelines():
        with pytest.raises(UserWarning):
            pipeline.dump(wrong)
        assert pipeline.dump_with(wrong, {"warnings": False}) == b'{"street":5,"city":"Paris"}'
