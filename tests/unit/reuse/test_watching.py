"""When lookups begin: not before something repeats, however a pipeline is called."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from pydantic_serialization import PydanticModelSerializer, SerializationConfig, pure
from pydantic_serialization.reuse.watch import ENOUGH


class Tiny(BaseModel):
    """As little as a model can be."""

    id: int


class Slow(BaseModel):
    """A model that takes a while to read, so that a hit saves time on every machine."""

    model_config = ConfigDict(frozen=True)

    id: int

    @pure
    def model_post_init(self, context: Any, /) -> None:
        sum(range(20_000))


@pytest.fixture(params=[True, False], ids=["profiled", "not profiled"])
def serializer(request: pytest.FixtureRequest) -> PydanticModelSerializer:
    return PydanticModelSerializer(SerializationConfig(enable_profiling=request.param))


def found(serializer: PydanticModelSerializer, what: str, label: str) -> Any:
    """Return the numbers of one model."""
    return serializer.get_stats()[what]["models"][label]  # type: ignore[literal-required]


@pytest.mark.parametrize("options", [{}, {"strict": True}])
def test_documents_that_differ_are_not_looked_up(serializer: PydanticModelSerializer, options: dict[str, Any]) -> None:
    """Nothing is kept, nothing counts as a miss, and the statistics say why."""
    for number in range(2000):
        assert serializer.deserialize_model(b'{"id":%d}' % number, Tiny, **options) == Tiny(id=number)
    numbers = found(serializer, "validation_cache", "Tiny")
    assert (numbers["mode"], numbers["reason"]) == ("off", "nothing has come twice so far")
    assert (numbers["hits"], numbers["misses"]) == (0, 0)
    assert serializer.get_stats()["instances"]["items"] == 0


@pytest.mark.parametrize("options", [{}, {"strict": True}])
def test_documents_that_repeat_are_found(serializer: PydanticModelSerializer, options: dict[str, Any]) -> None:
    """After a few that are watched; the first lookup keeps the document."""
    read = [serializer.deserialize_model(b'{"id":1}', Slow, **options) for _ in range(ENOUGH + 8)]
    numbers = found(serializer, "validation_cache", "Slow")
    assert (numbers["mode"], numbers["hits"], numbers["misses"]) == ("share", 6, 1)
    assert read[-1] is read[-2] is not read[0]


@pytest.mark.parametrize("options", [{}, {"by_alias": True}])
def test_instances_that_repeat_are_found(serializer: PydanticModelSerializer, options: dict[str, Any]) -> None:
    """Likewise for what is written; others of the same class stand in nobody's way."""
    value = Slow(id=1)
    for _ in range(ENOUGH + 8):
        assert serializer.serialize_model(value, **options) == b'{"id":1}'
    numbers = found(serializer, "identity_memo", "Slow")
    assert numbers["hits"] + numbers["misses"] == 7
    assert numbers["hits"] == 6


def test_a_few_that_repeat_among_many_are_found(serializer: PydanticModelSerializer) -> None:
    """Fifty documents in turn: not all of them are watched, and it is noticed all the same.

    After how many reads depends on what reading and watching take, so on how busy the machine is.
    """
    for number in range(100_000):
        serializer.deserialize_model(b'{"id":%d}' % (number % 50), Tiny)
        if not number % 1000 and found_any(serializer):
            break
    assert found_any(serializer)


def found_any(serializer: PydanticModelSerializer) -> bool:
    """Say whether anything has been looked up."""
    numbers = found(serializer, "validation_cache", "Tiny")
    return bool(numbers["hits"] + numbers["misses"])
