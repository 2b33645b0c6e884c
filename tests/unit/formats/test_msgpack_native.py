"""The native core stands in front of the reading through Python, wherever MessagePack is read."""

from __future__ import annotations

from typing import Annotated, Any

import ormsgpack
import pytest
from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError

from pydantic_serialization import create_serialization_config, create_serialization_manager, decoder
from pydantic_serialization._native import core
from pydantic_serialization.errors import DecodeError
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.formats.msgpack import MsgpackFormat
from pydantic_serialization.plan import plan_for

pytestmark = pytest.mark.skipif(core is None, reason="the native core is not there")


class User(BaseModel):
    name: str
    age: int = 0
    picture: bytes = b""


class Plain(BaseModel):
    name: str
    loose: Annotated[int, BeforeValidator(lambda value: value)] = 0


class Own(BaseModel):
    name: str

    @classmethod
    def model_validate_json(cls, json_data: Any, **options: Any) -> Any:
        return super().model_validate_json(bytes(json_data).replace(b"Ada", b"Eve"), **options)


DATA = ormsgpack.packb({"name": "Ada", "age": 36, "picture": b"\xff"})
MANY = ormsgpack.packb([{"name": "Ada"}, {"name": "Eve", "age": 1}])


@pytest.fixture
def no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the way through Python fail."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(ormsgpack, "unpackb", fail)


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_every_door_reads_natively(kind: type) -> None:
    """Bound functions, managers and lists of models do not go through Python for what was written by any library."""
    ada = User(name="Ada", age=36, picture=b"\xff")
    assert decoder(User, "msgpack")(kind(DATA)) == ada
    assert decoder(list[User], "msgpack")(kind(MANY)) == [User(name="Ada"), User(name="Eve", age=1)]
    manager = create_serialization_manager()
    assert manager.deserialize_sync(kind(DATA), User, "msgpack") == ada
    assert manager.deserialize_models_sync(kind(MANY), User, "msgpack")[1].age == 1
    read = manager.deserialize_sync(kind(DATA), User, "msgpack", context={"a": 1})
    assert read == ada
    assert read.model_fields_set == {"name", "age", "picture"}


def test_strictness_reaches_the_parts_that_pydantic_reads() -> None:
    """Whether the pipeline or the call is strict, a part with a validator of one's own is read strictly too."""
    data = ormsgpack.packb({"name": "Ada", "loose": "5"})
    assert decoder(Plain, "msgpack")(data).loose == 5
    strict = MsgpackFormat().bind(plan_for(Plain), FormatOptions(strict=True))
    lax = MsgpackFormat().bind(plan_for(Plain), FormatOptions())
    for read in (
        lambda: strict.decode(data),
        lambda: strict.decode_with(data, {"context": None}),
        lambda: strict.decode_with(data, {"strict": True}),
        lambda: lax.decode_with(data, {"strict": True}),
    ):
        with pytest.raises(ValidationError, match="loose"):
            read()
    assert strict.decode_with(data, {"strict": False}).loose == 5
    manager = create_serialization_manager(create_serialization_config(strict_validation=True))
    with pytest.raises(ValidationError, match="loose"):
        manager.deserialize_sync(data, Plain, "msgpack")


def test_a_method_of_ones_own_is_called() -> None:
    """Where a class reads JSON by a method of its own, its documents go through it."""
    assert decoder(Own, "msgpack")(ormsgpack.packb({"name": "Ada"})).name == "Eve"


def test_trusted_data_is_not_validated() -> None:
    """The core has no part in reading without validation."""
    bound = MsgpackFormat().bind(plan_for(Checked), FormatOptions(validate=False))
    assert bound.decode(ormsgpack.packb({"number": 7})).number == 7
    with pytest.raises(ValidationError, match="seven"):
        decoder(Checked, "msgpack")(ormsgpack.packb({"number": 7}))


def _not_seven(value: int) -> int:
    if value == 7:
        message = "seven"
        raise ValueError(message)
    return value


class Checked(BaseModel):
    number: Annotated[int, AfterValidator(_not_seven)]


@pytest.mark.parametrize("data", ["text", 5, None, [b"\xc0"], ""], ids=repr)
def test_what_is_no_bytes_is_a_decode_error(data: Any) -> None:
    """Text is no MessagePack, even where it would be one in UTF-8."""
    for declared in (User, Plain, Checked):
        with pytest.raises(DecodeError):
            decoder(declared, "msgpack")(data)


INPUT = bytearray()


def _empty_the_input(value: int) -> int:
    INPUT.clear()
    return value


class Meddling(BaseModel):
    number: Annotated[int, AfterValidator(_empty_the_input)]


def test_the_input_is_free_to_change_while_code_of_the_users_runs() -> None:
    """A byte array is not locked, and what was passed is what is read."""
    INPUT[:] = ormsgpack.packb([{"number": 1}, {"number": 2}])
    assert [item.number for item in decoder(list[Meddling], "msgpack")(INPUT)] == [1, 2]
    assert not INPUT
