"""What is remembered cannot be told from what is done again: for every type, for documents right and wrong."""

from __future__ import annotations

from typing import Any

import pytest
import zoo
from parity.documents import variants
from parity.outcomes import outcome
from patient import Patient
from pydantic import BaseModel, ConfigDict, TypeAdapter

from pydantic_serialization import PydanticModelSerializer, SerializationConfig

OPTIONS: tuple[dict[str, Any], ...] = ({}, {"strict": True}, {"by_alias": False, "by_name": True})
READS = 4


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydantic_serialization.reuse._base.new_payoff", Patient)


def make(*, caching: bool) -> PydanticModelSerializer:
    """Return a serializer."""
    return PydanticModelSerializer(SerializationConfig(enable_caching=caching))


def spoilt(value: Any) -> None:
    """Change what can be changed in a value, at its top and one level below."""
    if isinstance(value, BaseModel):
        value.__pydantic_fields_set__.clear()
        if not value.model_config.get("frozen"):
            for item in value.__dict__.values():
                emptied(item)
            value.__dict__.clear()
    emptied(value)


def emptied(value: Any) -> None:
    """Empty a container that can be."""
    if isinstance(value, (list, dict, set)):
        value.clear()


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_reader_gets_what_the_first_one_got(entry: zoo.Entry, options: dict[str, Any]) -> None:
    """Values, errors and warnings, although each reader spoils what it has got."""
    caching, plain = make(caching=True), make(caching=False)
    documents = []
    for value in entry.values:
        try:
            documents.append(TypeAdapter(entry.type).dump_json(value, **entry.dump).decode())
        except ValueError:
            continue
    for document in documents:
        for variant in list(dict.fromkeys(variants(document)))[:: 8 if options else 4]:
            data = variant.encode()
            expected = [outcome(plain.deserialize_model, data, entry.type, "json", **options) for _ in range(2)]
            if expected[0] != expected[1]:  # reading this type depends on more than the bytes
                continue
            for _ in range(READS):
                assert outcome(caching.deserialize_model, data, entry.type, "json", **options) == expected[0], data
                try:
                    spoilt(caching.deserialize_model(data, entry.type, "json", **options))
                except Exception:  # a document that is wrong
                    continue


@pytest.mark.parametrize("format_name", ["json", "orjson", "msgpack"])
@pytest.mark.parametrize("entry", zoo.MODELS, ids=lambda entry: entry.name)
def test_frozen_instances_are_written_as_the_first_time(entry: zoo.Entry, format_name: str) -> None:
    """Every model of the zoo, frozen: bytes, errors and warnings stay what they are."""
    if issubclass(entry.type, zoo.RootModel):
        pytest.skip("a root model is frozen by its own configuration")
    frozen = type("Frozen", (entry.type,), {"model_config": ConfigDict(frozen=True), "__module__": __name__})
    caching, plain = make(caching=True), make(caching=False)
    for value in entry.values:
        instance = frozen.model_construct(value.__pydantic_fields_set__, **dict(value))
        for options in ({}, {"by_alias": True}, {"exclude_none": True}, {"round_trip": True}):
            expected = outcome(plain.serialize_model, instance, format_name, **options)
            for _ in range(READS):
                assert outcome(caching.serialize_model, instance, format_name, **options) == expected
