"""Compact pickles without a signature: the same classes are made as of ordinary ones, with the same checks."""

from __future__ import annotations

import asyncio
import enum
import io
import pickle
import random
import subprocess
from collections import Counter
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from pydantic_serialization import SerializationConfig, create_serialization_manager
from pydantic_serialization._native import core
from pydantic_serialization.errors import (
    DecodeError,
    EncodeError,
    LimitExceededError,
    SerializationError,
    UntrustedDataError,
)
from pydantic_serialization.formats import compact
from pydantic_serialization.formats._base import FormatOptions
from pydantic_serialization.formats.pickle import PickleFormat
from pydantic_serialization.plan import plan_for

CALLS: list[Any] = []
needs_core = pytest.mark.skipif(core is None, reason="blocks are written by the native core")


class Role(enum.Enum):
    USER = "user"
    ADMIN = "admin"


class Trap(enum.Enum):
    A = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        CALLS.append(value)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: int = 0


class User(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: Annotated[str, Field(max_length=20)] = "Ada"
    role: Role = Role.USER
    inner: Inner = Inner()
    anything: Any = None
    even: Annotated[int, AfterValidator(lambda value: value if value % 2 == 0 else 1 / 0)] = 2
    _private: Any = PrivateAttr(default=None)


class Outsider(BaseModel):
    value: int = 0

    def __setstate__(self, state: Any) -> None:
        CALLS.append(state)


class Restoring(BaseModel):
    """Restores itself, which its pickles need."""

    value: int = 0

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self.__dict__["value"] += 1


@pytest.fixture(autouse=True)
def _nothing_is_called() -> Any:
    CALLS.clear()
    yield
    assert CALLS == []


def read(document: bytes, declared: Any = User, **options: Any) -> Any:
    return PickleFormat().bind(plan_for(declared), FormatOptions(**options)).decode(document)


def name(cls: type) -> tuple[str, str]:
    return (cls.__module__, cls.__qualname__)


def block(body: str) -> bytes:
    """Return a block; spaces are for the reader."""
    return b"\x01" + bytes.fromhex(body)


INSTANCE = "14 00 00 00 12 00"
"""A shape of the first class without names, and an instance."""
MEMBER = "16 00 41"
"""The member of the first class that has the value 1."""


def text(value: str) -> str:
    return bytes([0x80 + len(value), *value.encode()]).hex()


def user(more: str = "", **fields: str) -> str:
    """Return the shape of a user and an instance; all names count as given, and more may."""
    flags = 6 if more else 2
    private = "0d 01" + text("_private") + "00"
    names = "".join(map(text, fields))
    bits = ((1 << len(fields)) - 1).to_bytes((len(fields) + 7) // 8, "little").hex()
    return f"14 00 {flags:02x} {len(fields):02x} {names} {bits} 12 00" + "".join(fields.values()) + private + more


VALUED = "14 02 00 01" + text("value") + "01 12 01"
"""The shape of the third class with one name, and an instance without its value."""
GOOD = {
    "name": text("Ada"),
    "role": "16 01" + text("admin"),
    "inner": VALUED + "45",
    "anything": "00",
    "even": "42",
}


def document_of(body: str) -> bytes:
    """Return the compact pickle of a block that refers to the classes of a user."""
    return compact.wrap(block(body), [name(User), name(Role), name(Inner)])


@pytest.mark.parametrize("cls", [Outsider, subprocess.Popen, SecretStr, dict, object, type, Trap, pickle.Unpickler])
@pytest.mark.parametrize("body", [INSTANCE, MEMBER, "41"])
def test_other_classes_are_refused(cls: type, body: str) -> None:
    """A class outside of the type is refused before the block is looked at, used or not."""
    for names in ([name(cls)], [name(User), name(cls)]):
        with pytest.raises(UntrustedDataError, match=cls.__qualname__):
            read(compact.wrap(block(body), names))


@pytest.mark.parametrize(
    "target", [("os", "system"), ("builtins", "eval"), ("pydantic", "BaseModel"), ("enum", "Enum")]
)
def test_functions_and_bases_are_refused(target: tuple[str, str]) -> None:
    """Only the classes of the plan have a name."""
    with pytest.raises(UntrustedDataError):
        read(compact.wrap(block(MEMBER), [target]))


def test_values_are_not_classes() -> None:
    """Value types that ordinary pickles may call are not called by blocks."""
    for target in (("uuid", "UUID"), ("decimal", "Decimal"), ("pydantic.types", "SecretStr"), ("re", "_compile")):
        with pytest.raises(UntrustedDataError):
            read(compact.wrap(block("16 00" + text("x")), [target]))


def test_the_function_is_reached_by_compact_pickles_only() -> None:
    """An ordinary pickle cannot name it: not as a call with other arguments, nor inside of other values."""
    document = compact.wrap(block(INSTANCE), [name(User)])
    function = pickle.dumps(compact.restore, 5)
    inside = pickle._dumps([compact.restore], 5)  # type: ignore[attr-defined]
    for other in (document[:2] + b"]" + document[2:-1] + b"a.", function, inside, document[:-2] + b"\x94R."):
        with pytest.raises((UntrustedDataError, DecodeError)):
            read(other, Any)


def test_names_of_members_and_models_are_not_exchanged() -> None:
    """A model is not called, an enumeration not instantiated."""
    for body, cls in ((MEMBER, User), (INSTANCE, Role), ("16 00" + text("x"), Inner)):
        with pytest.raises(DecodeError):
            read(compact.wrap(block(body), [name(cls)]))


def test_what_is_written_is_read() -> None:
    """A block made by hand is read like one that was written."""
    assert read(document_of(user(**GOOD))) == User(role=Role.ADMIN, inner=Inner(value=5))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "45"}, {"name": text("x" * 21)}, {"name": "00"}, {"role": text("admin")}, {"even": "43"}, {"even": "01"},
        {"inner": "0d 00"}, {"inner": "14 02 00 00 12 01"}, {"inner": VALUED + text("5")},
        {"inner": "14 02 00 02" + text("value") + text("more") + "03 12 01 45 45"}, {"is_admin": "01"},
        {"model_dump": "00"},
        {"anything": "12 01" + text("x")},
        {"anything": "09 01 0d 01" + text("k") + "14 02 01 01" + text("value") + "01 12 01 45 0d 00"},
        {"anything": "14 02 02 01" + text("value") + "01 12 01 45 0d 01" + text("_x") + "00"},
    ],
    ids=repr,
)  # fmt: skip
def test_instances_are_checked_as_those_of_ordinary_pickles(wrong: dict[str, str]) -> None:
    """Types, constraints, validators, foreign attributes: at every depth, in undeclared places too."""
    with pytest.raises((ValidationError, SerializationError)):
        read(document_of(user(**{**GOOD, **wrong})))


def test_names_that_are_given_are_fields() -> None:
    """The set of given fields holds what Pydantic would put there."""
    with pytest.raises(UntrustedDataError):
        read(document_of(user("01" + text("other"), **GOOD)))


def test_a_class_restores_itself_if_its_pickles_do() -> None:
    """``__setstate__`` of a class of the type is called once, as for an ordinary pickle."""
    body = "14 00 00 01" + text("value") + "01 12 00 45"
    assert read(compact.wrap(block(body), [name(Restoring)]), Restoring).value == 6


def test_depth_and_expansion() -> None:
    """A block that is deep, or that refers to a list again and again, meets the limits of ordinary pickles."""
    deep = document_of(user(**{**GOOD, "anything": "09 01" * 50 + "00"}))
    assert read(deep).anything[0][0]
    with pytest.raises(LimitExceededError, match="max_depth"):
        read(deep, max_depth=20)
    with pytest.raises(DecodeError):
        read(document_of(user(**{**GOOD, "anything": "09 01" * 250 + "00"})), max_depth=1000)
    twice = "".join(f"0a 02 15 {level:02x} 15 {level:02x}" for level in range(60))
    with pytest.raises(LimitExceededError, match="expands"):
        read(compact.wrap(block(f"09 {61:02x} 0a 02 41 42 {twice}"), []), Any)


@needs_core
def test_the_writer_holds_to_the_same_classes() -> None:
    """What the reader would refuse is refused when it is written, as before."""
    bound = PickleFormat().bind(plan_for(User), FormatOptions())
    assert compact.unwrap(bound.encode(User(anything=[Inner()]))) is not None
    with pytest.raises(EncodeError, match="Outsider"):
        bound.encode(User(anything=Outsider()))


@needs_core
def test_a_signature_lifts_the_restrictions() -> None:
    """With a signature every class is packed, and restored."""
    signed = PickleFormat().bind(plan_for(User), FormatOptions(authenticated=True))
    value = User(anything=Restoring(value=1))
    assert signed.decode(signed.encode(value)).anything.value in {1, 2}
    document = signed.encode(User(anything=Extra(value=3)))
    assert compact.unwrap(document) is not None
    assert signed.decode(document).anything == Extra(value=3)
    with pytest.raises(UntrustedDataError):
        read(document)


class Extra(BaseModel):
    value: int = 0


@needs_core
def test_truncated_and_damaged_documents() -> None:
    """Every error is one of ours; nothing is called."""
    document = PickleFormat().bind(plan_for(User), FormatOptions()).encode(User(anything=[Inner(value=7), "x"], more=1))
    for size in range(len(document)):
        with pytest.raises(SerializationError):
            read(document[:size])
    chance, counts = random.Random(3), Counter[str]()
    for _ in range(4000):
        data = bytearray(document)
        for _ in range(chance.choice((1, 1, 2, 4))):
            place, length = chance.randrange(2, len(data)), chance.choice((0, 1, 1, 1, 3))
            data[place : place + length] = chance.choice(
                (chance.randbytes(length), data[chance.randrange(len(data)) :][:length])
            )
        try:
            counts[type(read(bytes(data))).__name__] += 1
        except (SerializationError, ValidationError) as error:
            counts[type(error).__name__] += 1
    assert counts["DecodeError"] > 100
    assert counts["UntrustedDataError"] > 100
    assert sum(counts.values()) == 4000


@needs_core
def test_values_do_not_stand_in_errors() -> None:
    """What a broken block held is not shown."""
    document = PickleFormat().bind(plan_for(User), FormatOptions()).encode(User(name="hunter2", anything="hunter2"))
    for place in range(70, len(document)):
        data = document[:place] + bytes([document[place] ^ 0x41]) + document[place + 1 :]
        try:
            read(data)
        except SerializationError as error:
            assert "hunter2" not in str(error)
        except ValidationError:
            continue


@needs_core
def test_managers_read_what_they_write() -> None:
    """Through frames, signing and compression."""
    key = b"k" * 32
    manager = create_serialization_manager(SerializationConfig(default_format="pickle", signing_keys=(key,)))
    values = [User(name=str(number)) for number in range(50)]
    data = asyncio.run(manager.serialize_models(values))
    assert asyncio.run(manager.deserialize_models(data, User)) == values


def test_python_reads_compact_pickles_by_itself() -> None:
    """``pickle.loads`` needs the package and the class, nothing else."""
    document = compact.wrap(block("14 00 00 01" + text("value") + "01 12 00 45"), [name(Extra)])
    assert pickle.load(io.BytesIO(document)) == Extra(value=5)
