"""Unsigned pickles under attack: no code of the attacker's choice runs, and nothing that the process shares changes.

Every payload is aimed at a canary: a file that a command would make, a list that a call would fill, an attribute of a
shared object. After each attempt all of them must be as they were.
"""

from __future__ import annotations

import collections
import copyreg
import dataclasses
import enum
import io
import ipaddress
import os
import pickle
import random
import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ByteSize, ConfigDict, HttpUrl, PrivateAttr, RootModel, SecretStr, ValidationError
from pydantic_core import Url

from pydantic_serialization.errors import DecodeError, LimitExceededError, SerializationError, UntrustedDataError
from pydantic_serialization.formats._base import BoundFormat, FormatOptions
from pydantic_serialization.formats.pickle import PickleFormat
from pydantic_serialization.plan import plan_for

CALLS: list[object] = []


def canary(*arguments: object) -> object:
    CALLS.append(arguments)
    return arguments


class Role(enum.Enum):
    USER = "user"
    ADMIN = "admin"


class Perm(enum.Flag):
    READ = 1
    WRITE = 2


class Inner(BaseModel):
    model_config = ConfigDict(frozen=True)
    value: int = 0


@dataclasses.dataclass
class Data:
    number: int = 0


class Pair(NamedTuple):
    left: Any
    right: Any = None


class User(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str = "Ada"
    role: Role = Role.USER
    perm: Perm = Perm.READ
    anything: Any = None
    table: dict[Any, Any] = {}
    inner: Inner = Inner()
    data: Data = Data()
    pair: Pair = Pair(None)
    secret: SecretStr = SecretStr("")
    key: uuid.UUID = uuid.UUID(int=0)
    _private: Any = PrivateAttr(default=None)

    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    def append(self, item: object = None) -> None:
        canary("append", item)

    extend = add = append

    def __setitem__(self, key: object, value: object) -> None:
        canary("set item", key, value)


class Handler:
    """An arbitrary class that a model holds: its instances may do anything when they die."""

    def __del__(self) -> None:
        canary("deleted")


class Holder(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    process: subprocess.Popen[bytes] | Handler | None = None


def bound(declared: Any = User, **options: Any) -> BoundFormat:
    return PickleFormat().bind(plan_for(declared), FormatOptions(pickle_secrets=True, **options))


READ = bound().decode
READERS: dict[str, Callable[[bytes], Any]] = {
    "model": READ,
    "strict": bound(strict=True).decode,
    "trusting": bound(validate=False).decode,
    "list": bound(list[User]).decode,
    "any": bound(Any).decode,
    "options": lambda data: bound().decode_with(data, {"strict": None, "context": {}}),
}


@pytest.fixture(autouse=True)
def _nothing_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty directory; afterwards no canary may have fired and no shared object may have changed."""
    monkeypatch.chdir(tmp_path)
    CALLS.clear()
    before = shared_state()
    yield
    assert CALLS == []
    assert list(tmp_path.iterdir()) == []
    assert shared_state() == before


def shared_state() -> list[object]:
    members = [dict(vars(member)) for member in (*Role, *Perm)]
    classes = [User, Inner, Data, Pair, Role, Perm, SecretStr, uuid.UUID, ipaddress.IPv4Address, collections.Counter]
    # What abstract classes and pickle remember of earlier uses is no change.
    return [
        *members,
        *({name for name in vars(cls) if not name.startswith(("_abc", "__slotnames"))} for cls in classes),
        User().is_admin(),
    ]


def refuse(data: bytes, *readers: str) -> None:
    for name in readers or READERS:
        with pytest.raises((DecodeError, ValidationError)):
            READERS[name](data)


# A pickle assembler, for what Python's pickler would never write.


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def name(module: str, qualified: str) -> bytes:
    return text(module) + text(qualified) + b"\x93"


def cls(value: type) -> bytes:
    return name(value.__module__, value.__qualname__)


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


def instance(of: bytes, *arguments: bytes) -> bytes:
    return of + b"(" + b"".join(arguments) + b"t\x81"


def mapping(**items: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def document(body: bytes, protocol: int = 4) -> bytes:
    return b"\x80" + bytes([protocol]) + body + b"."


def user(given: tuple[str, ...] = (), extra: bytes = b"N", private: bytes = b"N", **fields: bytes) -> bytes:
    """Return the opcodes of a ``User`` with its usual fields and ``fields``, as Python's pickler lays them out."""
    usual = {
        "name": text("Ada"),
        "role": call(cls(Role), text("user")),
        "perm": call(cls(Perm), b"K\x01"),
        "anything": b"N",
        "table": b"}",
        "inner": model(cls(Inner), value=b"K\x00"),
        "data": instance(cls(Data)) + mapping(number=b"K\x00") + b"b",
        "pair": instance(cls(Pair), b"NN"),
        "secret": instance(cls(SecretStr)) + mapping(_secret_value=text("")) + b"b",
        "key": key_of(b"K\x00"),
    }
    private = private if private != b"N" else mapping(_private=b"N")
    return model(cls(User), given, extra, private, **{**usual, **fields})


def model(of: bytes, given: tuple[str, ...] = (), extra: bytes = b"N", private: bytes = b"N", **fields: bytes) -> bytes:
    state = mapping(
        __dict__=mapping(**fields),
        __pydantic_extra__=extra,
        __pydantic_fields_set__=b"\x8f(" + b"".join(map(text, given)) + b"\x90",
        __pydantic_private__=private,
    )
    return instance(of) + state + b"b"


def key_of(number: bytes) -> bytes:
    return instance(cls(uuid.UUID)) + mapping(int=number) + b"b"


PLACES: dict[str, Callable[[bytes], bytes]] = {
    "alone": lambda payload: payload,
    "field": lambda payload: user(name=payload),
    "any field": lambda payload: user(anything=payload),
    "nested": lambda payload: user(anything=b"](" + payload + b"e"),
    "dict key": lambda payload: user(table=b"}(" + payload + b"K\x01u"),
    "dict value": lambda payload: user(table=b"}(K\x01" + payload + b"u"),
    "extra": lambda payload: user(extra=mapping(more=payload)),
    "private": lambda payload: user(private=mapping(_private=payload)),
    "given fields": lambda payload: user().replace(b"\x8f(\x90", b"\x8f(" + payload + b"\x90"),
    "list": lambda payload: b"](" + user() + payload + b"e",
    "tuple": lambda payload: user(anything=payload + b"\x85"),
    "argument": lambda payload: user(role=call(cls(Role), payload)),
    "dropped": lambda payload: payload + b"0" + user(),
    "below": lambda payload: payload + user(),
}


def test_the_assembler_writes_readable_users() -> None:
    """Without an attack inside, the assembled documents are read: what is refused below is refused for the attack."""
    result = READ(document(user(given=("name",), name=text("Bob"), anything=b"](K\x01e", extra=mapping(more=b"K\x02"))))
    assert (result.name, result.anything, result.model_extra, result.model_fields_set) == (
        "Bob",
        [1],
        {"more": 2},
        {"name"},
    )
    assert pickle.loads(document(user())) == READ(document(user())) == User()
    for place in PLACES.values():
        assert pickle.loads(document(place(text("admin"))))


def reducing(function: Any, *arguments: Any) -> Any:
    class Payload:
        def __reduce__(self) -> Any:
            return function, arguments

    return Payload()


COMMANDS = [
    (os.system, "touch canary"),
    (subprocess.Popen, ["touch", "canary"]),
    (subprocess.getoutput, "touch canary"),
    (exec, "open('canary', 'w')"),
    (eval, "open('canary', 'w')"),
    (__import__, "antigravity"),
    (open, "canary", "w"),
    (getattr, User, "is_admin"),
    (setattr, User, "is_admin", True),
    (canary, 1),
    (pickle.loads, pickle.dumps(1)),
    (type, "New", (), {}),
    (map, canary, [1]),
    (copyreg._reconstructor, User, object, None),  # type: ignore[attr-defined]
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0].__name__)
def test_reduce_calls_nothing(command: tuple[Any, ...], protocol: int) -> None:
    """``__reduce__`` with a function of the attacker's choice is refused wherever it stands, in every protocol."""
    payload = reducing(*command)
    evil = User()
    evil._private = payload
    for value in (
        payload, [payload], {"x": payload}, User.model_construct(name=payload), User.model_construct(more=payload),
        User.model_construct(table={"k": [payload]}), evil, [User(), payload], (User(), payload),
    ):  # fmt: skip
        refuse(pickle.dumps(value, protocol))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("module", "qualified"),
    [
        ("posix", "system"), ("nt", "system"), ("os", "system"), ("builtins", "exec"), ("builtins", "getattr"),
        ("operator", "attrgetter"), ("functools", "partial"), ("subprocess", "Popen"), (__name__, "canary"),
        (__name__, "User.is_admin"), (__name__, "User.model_config.__class__"), (__name__, "os.system"),
        (__name__, "User.__init__.__globals__"), (__name__, "CALLS.append"), ("builtins", "range"),
        ("uuid", "os.system"), ("re", "functools.partial"), ("pydantic", "BaseModel"), ("", ""),
        ("a\nb\0", "c" * 70_000),
    ],
)  # fmt: skip
def test_other_names_are_not_resolved(module: str, qualified: str, place: str) -> None:
    """Names outside of the type are refused, called or not; dotted names reach nothing, and no module is imported."""
    refuse(document(PLACES[place](call(name(module, qualified), text("touch canary")))))
    refuse(document(PLACES[place](name(module, qualified))))


def test_the_error_names_the_class_and_the_way_out() -> None:
    """The message says what was refused and what to do, with neither control characters nor endless names."""
    with pytest.raises(UntrustedDataError, match=r"posix\.system.*signing_keys") as caught:
        READ(document(name("posix", "system")[:-1] + b"\x93K\x01\x85R"))
    assert (caught.value.model, caught.value.format) == ("User", "pickle")
    with pytest.raises(UntrustedDataError) as caught:
        READ(document(user(name=call(name("e\x1b[31m\nvil", "x" * 70_000)))))
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("of", [list, dict, set, tuple, int, str, bytes])
def test_factories_are_named_but_not_called(of: type, place: str) -> None:
    """The factory of a ``defaultdict`` can be named, but neither called nor instantiated."""
    for payload in (call(cls(of)), call(cls(of), text("x")), instance(cls(of)), instance(cls(of), text("x"))):
        refuse(document(PLACES[place](payload)))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("of", [subprocess.Popen, Handler, object, type, dict, Path, io.BytesIO])
def test_other_classes_are_not_instantiated(of: type, place: str) -> None:
    """An instance of a class outside of the type is not made, with or without state."""
    for payload in (
        instance(cls(of)),
        instance(cls(of)) + mapping(args=text("x")) + b"b",
        instance(cls(of)) + b"}}\x86b",
    ):
        refuse(document(PLACES[place](payload)))
    refuse(document(PLACES[place](cls(of) + b")}\x92")))


@pytest.mark.parametrize("of", [subprocess.Popen, Handler])
def test_arbitrary_classes_of_the_model_are_not_made_either(of: type) -> None:
    """That a field may hold an instance does not let a pickle make one: constructors and destructors run code."""
    reader = bound(Holder).decode
    for payload in (instance(cls(of)), call(cls(of), text("touch canary"))):
        with pytest.raises(UntrustedDataError):
            reader(document(model(cls(Holder), process=payload)))


TARGETS = {
    "class": cls(User), "data class": cls(Data), "enumeration": cls(Role), "value class": cls(uuid.UUID),
    "secret class": cls(SecretStr), "called class": cls(ipaddress.IPv4Address), "named tuple": cls(Pair),
    "member": call(cls(Role), text("user")), "flag": call(cls(Perm), b"K\x01"),
    "new member": instance(cls(Role), text("user")),
    "member in memo": call(cls(Role), text("user")) + b"\x940h\x00", "none": b"N", "text": text("x"),
    "value": call(cls(ipaddress.IPv4Address), text("1.1.1.1")), "list": b"]", "dict": b"}",
    "counter": call(cls(collections.Counter)), "function": name("re", "_compile"),
    "new user": instance(cls(User)), "user": user(), "built twice": instance(cls(Data)) + b"}b",
    "made by a call": call(cls(Data)), "fetched": instance(cls(Data)) + b"\x94h\x00",
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("target", [target for target in TARGETS if target != "new user"])
def test_state_is_set_on_new_instances_only(target: str, place: str) -> None:
    """Classes, members, values and everything that exists already cannot be changed through ``BUILD``."""
    plain = mapping(_value_=text("admin"), number=b"K\x01")
    named = mapping(_value_=text("admin"), is_admin=cls(Data), __setstate__=cls(Data))
    for state in (plain, named, b"N" + plain + b"\x86", plain + plain + b"\x86", mapping(__dict__=plain)):
        refuse(document(PLACES[place](TARGETS[target] + state + b"b")))


@pytest.mark.parametrize("target", [target for target in TARGETS if target not in ("user", "list", "dict", "counter")])
@pytest.mark.parametrize(
    "items", [b"K\x01a", b"(K\x01e", text("k") + b"K\x01s", b"(" + text("k") + b"K\x01u", b"(K\x01\x90"]
)
def test_items_are_added_to_containers_only(target: str, items: bytes) -> None:
    """Appending and setting items calls no method of a class, a member or an instance."""
    refuse(document(user(anything=TARGETS[target] + items)))


@pytest.mark.parametrize(
    "body",
    [
        b"cos\nsystem\n" + text("touch canary") + b"\x85R",  # GLOBAL
        b"(" + text("touch canary") + b"ios\nsystem\n",  # INST
        b"(cos\nsystem\n" + text("touch canary") + b"o",  # OBJ
        b"Pid\n", b"K\x01Q",  # persistent ids
        b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00",  # extension codes
        b"\x97", b"\x96" + struct.pack("<Q", 1) + b"x\x98",  # out-of-band and read-only buffers
        b"K\x012", b"I1\n", b"L1L\n", b"F1.0\n", b"S'a'\n", b"Va\n", b"T\1\0\0\0a", b"U\1a", b"(d", b"(l",
        b"Np0\n", b"g0\n", b"Nq\x00", b"Nr\x00\x00\x00\x7f", b"\xff", b"\x00",
    ],
)  # fmt: skip
def test_unusual_opcodes_are_refused(body: bytes) -> None:
    """What protocols 4 and 5 never need for values is refused before anything runs."""
    refuse(document(body))
    refuse(document(body + b"0" + user()))
    refuse(document(user(anything=body)))


def test_extension_codes_reach_no_class() -> None:
    """A class that the application registered, and that the unpickler has cached, is not reached by its number."""
    copyreg.add_extension("subprocess", "Popen", 77)
    try:
        assert pickle.loads(document(b"\x82\x4d")) is subprocess.Popen  # from now on without a look at find_class
        refuse(document(b"\x82\x4d(](" + text("touch") + text("canary") + b"etR"))
    finally:
        copyreg.remove_extension("subprocess", "Popen", 77)
        copyreg._extension_cache.clear()  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", ["any field", "nested", "extra", "private", "tuple", "dict value"])
@pytest.mark.parametrize(
    "value", [cls(User), cls(Role), name("builtins", "list"), name("re", "_compile")], ids=range(4)
)
def test_classes_are_not_values(value: bytes, place: str) -> None:
    """A name that is fit to be called is not fit to be handed to the application."""
    refuse(document(PLACES[place](value)), "model", "strict", "trusting")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": b"K\x01"}, {"name": b"N"}, {"role": text("admin")}, {"perm": b"K\x01"}, {"inner": b"}"},
        {"table": b"]"}, {"inner": model(cls(Inner), ("other",), value=b"K\x00")},
        {"inner": model(cls(Inner), value=text("1"))}, {"inner": instance(cls(Inner))}, {"inner": user()},
        {"inner": model(cls(Inner), value=b"K\x00", is_admin=b"\x88")},
        {"inner": model(cls(Inner), value=b"K\x00").replace(b"\x8f(\x90", b"(\x91")},
        {"inner": model(cls(Inner), value=b"K\x00", extra=mapping(a=b"N"))}, {"inner": model(cls(Inner))},
        {"inner": model(cls(Inner), value=b"K\x00", private=mapping(_a=b"N"))},
        {"data": instance(cls(Data)) + mapping(number=text("1")) + b"b"},
        {"data": instance(cls(Data)) + mapping(number=b"K\x00", other=b"N") + b"b"},
        {"secret": instance(cls(SecretStr)) + mapping(_secret_value=b"K\x01") + b"b"},
        {"secret": instance(cls(SecretStr)) + mapping(_secret_value=text(""), get_secret_value=b"N") + b"b"},
        {"secret": instance(cls(SecretStr))}, {"key": key_of(text("1"))}, {"key": key_of(b"G" + bytes(8))},
        {"key": key_of(b"J\xff\xff\xff\xff")},
        {"anything": instance(cls(HttpUrl)) + mapping(_url=text("http://a/")) + b"b"},
        {"anything": instance(cls(HttpUrl)) + mapping(_url=instance(cls(Url), text("ftp://a/"))) + b"b"},
        {"anything": instance(cls(ByteSize), b"K\x01") + mapping(human_readable=b"N") + b"b"},
        {"anything": instance(cls(ByteSize), b"J\xff\xff\xff\xff")},
        {"key": instance(cls(uuid.UUID))}, {"is_admin": b"\x88"}, {"model_dump": b"N"},
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("reader", ["model", "strict", "trusting"])
def test_instances_are_as_their_class_makes_them(fields: dict[str, bytes], reader: str) -> None:
    """Wrong types, missing state, and attributes that would shadow methods are refused in nested instances too."""
    refuse(document(user((), b"N", b"N", **fields)), reader)


def test_instances_in_undeclared_places_are_checked_too() -> None:
    """A model inside an ``Any`` field, an extra or a private attribute holds to its own rules."""
    wrong = model(cls(Inner), value=text("1"))
    for place in ("any field", "nested", "extra", "private", "tuple", "dict value"):
        refuse(document(PLACES[place](wrong)), "model", "strict", "trusting")


@pytest.mark.parametrize(
    "state",
    [
        b"}", b"N", b"K\x01", b"]",
        mapping(__dict__=b"]"), mapping(__dict__=call(cls(collections.Counter))),
        mapping(__dict__=b"}", __pydantic_fields_set__=b"]"), mapping(__dict__=b"}", __pydantic_private__=b"]"),
    ],
    ids=repr,
)  # fmt: skip
def test_broken_model_states_are_refused(state: bytes) -> None:
    """A state that is no model's state is an error of the package, not of Python's internals."""
    refuse(document(instance(cls(User)) + state + b"b"))


def levels(count: int, twice: bytes, innermost: bytes = b"](K\x01K\x02e\x94") -> bytes:
    """Return nested containers that each hold the one before twice, through the memo."""
    body = innermost
    for level in range(count):
        body += b"0" + twice.replace(b"@", struct.pack("<I", level)) + b"\x94"
    return body


LIST_TWICE, TUPLE_TWICE = b"](j@j@e", b"j@j@\x86"


@pytest.mark.parametrize("twice", [LIST_TWICE, TUPLE_TWICE, b"}(K\x01j@K\x02j@u"])
def test_a_small_document_does_not_expand(twice: bytes) -> None:
    """Containers that hold each other twice stand for 2^100 items, and are refused in bounded time."""
    started = time.process_time()
    with pytest.raises(LimitExceededError):
        READ(document(user(anything=levels(100, twice))))
    with pytest.raises(LimitExceededError):
        bound(Any).decode(document(levels(100, twice)))
    assert time.process_time() - started < 30


def test_a_key_is_not_hashed_for_ever() -> None:
    """Tuples that hold each other twice are refused as keys before anybody computes their hash."""
    nested = levels(60, TUPLE_TWICE, b"K\x01K\x02\x86\x94")
    for body in (b"}" + nested + b"Ns", b"\x8f(" + nested + b"\x90", b"(" + nested + b"\x91", b"}(" + nested + b"Nu"):
        refuse(document(user(anything=body)))


@pytest.mark.parametrize("depth", [300, 100_000])
def test_depth_is_refused_without_recursion(depth: int) -> None:
    """A deep document neither exhausts the stack nor is handed on."""
    with pytest.raises(LimitExceededError) as caught:
        READ(document(user(anything=b"]" * depth + b"a" * (depth - 1))))
    assert caught.value.limit == "max_depth"
    with pytest.raises(LimitExceededError):
        READ(document(user(anything=b"K\x01" + b"\x85" * depth)))


@pytest.mark.parametrize(
    "body",
    [
        b"X\xff\xff\xff\xffa", b"\x8d" + b"\xff" * 7 + b"\x7fa", b"\x8e" + b"\xff" * 8 + b"a", b"B\xff\xff\xff\xffa",
        b"\x96" + b"\xff" * 5 + bytes(3), b"\x8b\xff\xff\xff\x7f1", b"\x8b\xff\xff\xff\xff1",
        b"\x95" + b"\xff" * 8 + b"N",
    ],
    ids=repr,
)  # fmt: skip
def test_claimed_lengths_are_not_believed(body: bytes) -> None:
    """A length beyond the end of the document is noticed before memory is set aside for it."""
    refuse(document(body))


@pytest.mark.parametrize(
    "body",
    [
        call(cls(ipaddress.IPv4Network), text("0.0.0.0/0")) + b"\x940" + call(name("builtins", "list"), b"h\x00"),
        call(cls(collections.deque), call(cls(ipaddress.IPv4Network), text("0.0.0.0/0"))),
        call(cls(collections.Counter), call(cls(ipaddress.IPv4Network), text("0.0.0.0/0"))),
        call(name("builtins", "bytearray"), b"J\xff\xff\xff\x7f"),
        call(name("builtins", "frozenset"), call(cls(ipaddress.IPv4Network), text("0.0.0.0/0"))),
        call(name("fractions", "Fraction"), text("1e999999999")),
        call(name("re", "_compile"), b"K\x01", b"K\x00"),
        call(name("zoneinfo", "ZoneInfo"), text("../../../etc/passwd")),
        call(name("zoneinfo", "ZoneInfo"), text("No/Such_Zone")),
        call(name("collections", "defaultdict"), cls(Data)),
        call(name("collections", "defaultdict"), text("x")),
        call(cls(Role), text("root")),
    ],
    ids=range(12),
)  # fmt: skip
def test_constructors_take_only_what_pickling_writes(body: bytes) -> None:
    """Arguments that would fill the memory, take for ever or be nonsense are refused."""
    refuse(document(user(anything=body)))


@pytest.mark.parametrize(
    "data", [b"", b".", b"\x80", b"\x80\x05", b"\x80\x05.", b"\x80\x06N.", b"N.", b"{}", b"\xc1SF", b"\x80\x05N"]
)
def test_what_is_no_pickle_is_a_decode_error(data: bytes) -> None:
    """Empty, short, unfinished and foreign documents are told apart from pickles."""
    for reader in READERS.values():
        with pytest.raises(DecodeError):
            reader(data)


@pytest.mark.parametrize("authenticated", [False, True])
def test_nothing_may_follow_a_pickle(authenticated: bool) -> None:
    """Bytes behind the end are an error, signed or not: they would be carried along unseen."""
    reader = bound(authenticated=authenticated).decode
    data = pickle.dumps(User())
    assert reader(data) == User()
    for tail in (b"\0", b".", b"\n", data):
        with pytest.raises(DecodeError):
            reader(data + tail)


def test_every_truncation_is_a_decode_error() -> None:
    """A document that ends early is refused at every length."""
    for data in (pickle.dumps(User()), bound().encode(User())):
        for size in range(len(data)):
            with pytest.raises(DecodeError):
                READ(data[:size])


@given(st.binary(max_size=60))
def test_random_documents_raise_our_errors_only(body: bytes) -> None:
    """Noise between the frame of a pickle raises no error of Python's own."""
    for data in (body, document(body), document(user(anything=body)), document(body + user())):
        try:
            READ(data)
        except (SerializationError, ValidationError):
            continue


def test_mutated_documents_raise_our_errors_only() -> None:
    """Thousands of damaged pickles are read or refused; nothing else happens."""
    chance = random.Random(1)
    seeds = [pickle.dumps(User()), bound().encode(User(anything=[Inner(), {"k": (1, 2)}])), document(user())]
    outcomes = collections.Counter[str]()
    for _ in range(4_000):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 4))):
            place = chance.randrange(2, len(data))
            length = chance.choice((0, 1, 1, 1, 3))
            new = (
                chance.randbytes(length)
                if chance.random() < 0.5
                else bytes(data[chance.randrange(len(data)) :][:length])
            )
            data[place : place + length] = new
        try:
            outcomes[type(READ(bytes(data))).__name__] += 1
        except (SerializationError, ValidationError) as error:
            outcomes[type(error).__name__] += 1
    assert outcomes["DecodeError"] > 100
    assert outcomes["UntrustedDataError"] > 100
    assert outcomes["User"] + sum(count for kind, count in outcomes.items() if kind.endswith("Error")) == 4_000


def test_a_signature_lifts_the_restrictions() -> None:
    """Only with a verified signature are other classes made: the same document is refused without."""
    data = pickle.dumps(User.model_construct(anything=Path("x"), more=range(3)))
    with pytest.raises(UntrustedDataError):
        READ(data)
    assert bound(authenticated=True).decode(data).more == range(3)


def test_errors_of_constructors_are_not_repeated() -> None:
    """The text of a foreign error may hold a value of the document, so only its kind is told."""
    with pytest.raises(DecodeError) as caught:
        READ(document(user(role=call(cls(Role), text("hunter2")))))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


class Nested(RootModel[list["Nested"]]):
    """A model that is a list of itself."""


def test_a_list_is_not_taken_for_a_root_model() -> None:
    """What a root model holds is no instance of it, though Pydantic makes one of it also in strict mode."""
    bound = PickleFormat().bind(plan_for(Nested), FormatOptions())
    with pytest.raises(ValidationError):
        bound.decode(pickle.dumps([[], []], protocol=5))
    value = Nested([Nested([])])
    assert bound.decode(bound.encode(value)) == value
