"""One codec, made once, in every library that it is for: what comes out is what went in, or a ``DecodeError``."""

from __future__ import annotations

import asyncio
import pickle
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import aiokafka
import cashews.serialize
import dogpile.cache
import kombu.serialization
import ormsgpack
import pytest
from confluent_kafka.serialization import MessageField, SerializationContext
from dogpile.cache.api import BytesBackend, SerializedReturnType
from fastapi_cache.coder import Coder
from integrations.queues.messages import CODEC, ORDER, PAID, Order
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, TypeDecorator, create_engine, insert, select, text

from pydantic_serialization import DecodeError
from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.queues.arq import ModelJobs
from pydantic_serialization.integrations.queues.celery import register
from pydantic_serialization.integrations.queues.dramatiq import ModelEncoder
from pydantic_serialization.integrations.queues.faststream import ModelCodec
from pydantic_serialization.integrations.queues.kafka import ModelDeserializer, ModelSerializer
from pydantic_serialization.integrations.queues.taskiq import ModelSerializer as TaskiqResults

SMALL = TaggedCodec({"order": Order}, max_bytes=200)
"""The codec of all: as small as it is, an oversized message is soon made."""


class Place(NamedTuple):
    """Where a codec is plugged in: the library's own functions for what it sends or keeps."""

    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]


def by_kombu() -> Place:
    content_type = register(SMALL, "models of one codec")
    return Place(
        lambda value: kombu.serialization.dumps(value, "models of one codec")[2],
        lambda data: kombu.serialization.loads(data, content_type, "binary", accept=[content_type]),
    )


def by_taskiq() -> Place:
    results = TaskiqResults(SMALL)
    return Place(results.dumpb, results.loadb)


def by_dramatiq() -> Place:
    encoder = ModelEncoder(SMALL)
    return Place(lambda value: encoder.encode({"args": value}), lambda data: encoder.decode(data)["args"])


def by_arq() -> Place:
    jobs = pytest.importorskip("arq.jobs")
    codec = ModelJobs(SMALL)

    def write(value: Any) -> bytes:
        data: bytes = jobs.serialize_job("ship", (value,), {}, None, 0, serializer=codec.dumps)
        return data

    return Place(write, lambda data: jobs.deserialize_job_raw(data, deserializer=codec.loads)[1][0])


def by_faststream() -> Place:
    class Message:
        def __init__(self, body: bytes) -> None:
            self.body = body

    codec = ModelCodec(SMALL)
    return Place(
        lambda value: asyncio.run(codec.encode(value))[0], lambda data: asyncio.run(codec.decode(Message(data)))
    )


def by_aiokafka() -> Place:
    async def write(value: Any) -> bytes:
        producer = aiokafka.AIOKafkaProducer(value_serializer=ModelSerializer(SMALL))
        producer._closed = True  # it was never started
        data: bytes = producer._serialize(None, value, [])[1]
        return data

    return Place(lambda value: asyncio.run(write(value)), ModelDeserializer(SMALL))


def by_kafka_python() -> Place:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from kafka import KafkaProducer
    serialize: Any = KafkaProducer._serialize
    write, read = ModelSerializer(SMALL), ModelDeserializer(SMALL)
    return Place(
        lambda value: serialize(None, write, "orders", [], value), lambda data: read.deserialize("orders", [], data)
    )


def by_confluent_kafka() -> Place:
    context = SerializationContext("orders", MessageField.VALUE)
    write, read = ModelSerializer(SMALL), ModelDeserializer(SMALL)
    return Place(lambda value: write(value, context) or b"", lambda data: read(data, context))


def by_cashews() -> Place:
    async def encode(value: Any, *_: Any) -> bytes:
        return SMALL.dumps(value)

    async def decode(data: bytes, *_: Any) -> Any:
        return SMALL.loads(data)

    serializer: Any = cashews.serialize.NULL_SERIALIZER
    serializer.register_type(dict, encode, decode)  # known by the name of the class, for all caches of a process

    return Place(
        lambda value: asyncio.run(serializer.encode(None, "key", value, None)).removeprefix(b"dict:"),
        lambda data: asyncio.run(serializer.decode(None, "key", b"dict:" + data, None)),
    )


class Shelf(BytesBackend):
    """One place for bytes."""

    def __init__(self) -> None:
        self.stored: SerializedReturnType = b""

    def get_serialized(self, key: str) -> SerializedReturnType:
        return self.stored

    def set_serialized(self, key: str, value: bytes) -> None:
        self.stored = value


def by_dogpile() -> Place:
    region = dogpile.cache.make_region(serializer=SMALL.dumps, deserializer=SMALL.loads)
    region.configure("dogpile.cache.null")
    shelf = Shelf()
    region.backend = shelf

    def write(value: Any) -> bytes:
        region.set("key", value)
        assert isinstance(shelf.stored, bytes)
        return shelf.stored.partition(b"|")[2]

    def read(data: bytes) -> Any:
        region.set("key", None)  # dogpile's own part stands in front
        assert isinstance(shelf.stored, bytes)
        shelf.stored = shelf.stored.partition(b"|")[0] + b"|" + data
        return region.get("key")

    return Place(write, read)


class ModelCoder(Coder):
    """What fastapi-cache2 takes."""

    @classmethod
    def encode(cls, value: Any) -> bytes:
        return SMALL.dumps(value)

    @classmethod
    def decode(cls, value: bytes) -> Any:
        return SMALL.loads(value)


def by_fastapi_cache() -> Place:
    return Place(ModelCoder.encode, lambda data: ModelCoder.decode_as_type(data, type_=Order))


class Message(TypeDecorator[Any]):
    """A column of messages."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> bytes | None:
        return None if value is None else SMALL.dumps(value)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else SMALL.loads(value)


def by_sqlalchemy() -> Place:
    engine = create_engine("sqlite://")
    table = Table("outbox", MetaData(), Column("id", Integer, primary_key=True), Column("message", Message))
    table.create(engine)

    def write(value: Any) -> bytes:
        with engine.connect() as connection:
            connection.execute(insert(table).values(id=1, message=value))
            data: bytes = connection.execute(text("SELECT message FROM outbox")).scalar_one()
            return data

    def read(data: bytes) -> Any:
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO outbox VALUES (1, :data)"), {"data": data})
            return connection.execute(select(table.c.message)).scalar_one()

    return Place(write, read)


PLACES: dict[str, Callable[[], Place]] = {
    name.removeprefix("by_"): make for name, make in list(globals().items()) if name.startswith("by_")
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    """One library after the other, in a process where nobody can pickle."""
    made = PLACES[request.param]()

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("pickled")

    for name in ("dump", "dumps", "load", "loads", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    return made


@pytest.mark.parametrize("order", [ORDER, PAID], ids=["listed", "subclass"])
def test_a_model_comes_back(place: Place, order: Order) -> None:
    """As what is listed, beside a plain value, and without what a subclass adds; nothing of it is a pickle."""
    data = place.write({"order": order, "n": 1})
    assert (b"4111" in data, b"\x80\x04" in data, b"\x80\x05" in data) == (False, False, False)
    found = place.read(data)
    assert found == {"order": ORDER, "n": 1}
    assert type(found["order"]) is Order


OTHER = TaggedCodec({"os.system": Order})
HOSTILE = {
    "unknown tag": lambda written: written.replace(b"\x05order\x84", b"\x05ordes\x84"),
    "another codec's": lambda written: OTHER.dumps(ORDER),
    "truncated": lambda written: written[:-1],
    "cut to the half": lambda written: written[: len(written) // 2],
    "oversized": lambda written: CODEC.dumps([ORDER] * 10),
    "pickle": lambda written: b"\x80\x04N.",
    "more behind it": lambda written: written + b"\x00",
    "a list of billions": lambda written: b"\xdd\xff\xff\xff\xff\x00",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_hostile_is_a_decode_error(place: Place, kind: str) -> None:
    """Our own, or the library's around it; nothing is looked up, and nothing unpickled."""
    written = place.write({"order": ORDER})
    data = HOSTILE[kind](written)
    assert data != written
    with pytest.raises(Exception) as caught:  # noqa: PT011  (some libraries wrap it in one of their own)
        place.read(data)
    chain: list[BaseException | None] = [caught.value]
    while chain[-1] is not None:
        chain.append(chain[-1].__cause__ or chain[-1].__context__)
    assert any(isinstance(error, DecodeError) for error in chain), chain


def test_pickles_of_models_are_what_others_write() -> None:
    """The test above can fail: a codec that pickles is noticed."""
    assert b"\x80\x04" in pickle.dumps(ORDER, 4)
    assert ormsgpack.unpackb(CODEC.dumps({"n": 1})) == {"n": 1}
