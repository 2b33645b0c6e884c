"""Pickle as a format: everything that Python keeps comes back, and what cannot be read back is not written."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import pickle
import re
import uuid
import zoneinfo
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AnyUrl,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    Json,
    JsonValue,
    PlainValidator,
    PostgresDsn,
    PrivateAttr,
    RootModel,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass

from pydantic_serialization.errors import (
    DecodeError,
    EncodeError,
    LimitExceededError,
    UnsupportedTypeError,
    UntrustedDataError,
)
from pydantic_serialization.formats import compact
from pydantic_serialization.formats._base import BoundFormat, FormatOptions
from pydantic_serialization.formats.pickle import PickleFormat
from pydantic_serialization.plan import plan_for

T = TypeVar("T")
WAYS = [FormatOptions(), FormatOptions(strict=True), FormatOptions(validate=False), FormatOptions(authenticated=True)]


def bound(declared: Any, options: FormatOptions = WAYS[0]) -> BoundFormat:
    return PickleFormat().bind(plan_for(declared), dataclasses.replace(options, pickle_secrets=True))


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


class Shown(enum.Enum):
    """Says something else as its value, and has a pickled form of its own."""

    ONE = 1

    @property
    def value(self) -> str:  # type: ignore[override]
        return "one"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return getattr, (type(self), self.name)


class Address(BaseModel):
    street: str = Field(alias="Street")
    zip: str | None = None


class Tag(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str


class Point(NamedTuple):
    x: int
    y: int = 0


@dataclasses.dataclass
class Size:
    width: int
    notes: list[str] = dataclasses.field(default_factory=list)
    area: int = dataclasses.field(init=False, default=0)


@pydantic_dataclass(config=ConfigDict(extra="allow"))
class Open:
    a: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Slot:
    number: int


@pydantic_dataclass
class Account:
    number: int
    offset: dataclasses.InitVar[int] = 0

    def __post_init__(self, offset: int) -> None:
        self.number += offset


class Box(BaseModel, Generic[T]):
    item: T


IntBox = Box[int]


class Numbers(RootModel[list[int]]):
    pass


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    size: int = 1


class Node(BaseModel):
    value: int = 0
    children: list[Node] = []
    parent: Node | None = None


class User(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int
    name: Annotated[str, Field(max_length=20)]
    age: Annotated[int, Field(ge=0)] = 0
    color: Color = Color.RED
    access: Access = Access.READ
    address: Address | None = None
    tags: set[Tag] = set()
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat()
    nickname: str = cast("str", None)
    _secret: list[int] = PrivateAttr(default_factory=list)

    @cached_property
    def shouted(self) -> str:
        return self.name.upper()


class Everything(BaseModel):
    when: datetime.datetime
    day: datetime.date
    clock: datetime.time
    span: datetime.timedelta
    zone: zoneinfo.ZoneInfo
    amount: decimal.Decimal
    key: uuid.UUID
    ratio: fractions.Fraction
    path: pathlib.Path
    address: ipaddress.IPv4Address
    network: ipaddress.IPv6Network
    queue: collections.deque[int]
    ordered: collections.OrderedDict[str, int]
    grouped: collections.defaultdict[str, list[int]]
    counted: collections.Counter[str]
    unique: frozenset[int]
    number: complex
    raw: bytes
    password: SecretStr
    token: SecretBytes
    url: HttpUrl
    dsn: PostgresDsn
    any_url: AnyUrl
    pattern: re.Pattern[str]
    size: ByteSize
    parsed: Json[list[int]]
    text_url: Annotated[HttpUrl, AfterValidator(str)]
    ratio_as_text: Annotated[int, AfterValidator(str)]
    by_key: dict[uuid.UUID, datetime.date]
    tree: JsonValue
    anything: Any


EVERYTHING = Everything.model_validate(
    dict(  # noqa: C408  (as the class is written)
        when=datetime.datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=datetime.timezone(datetime.timedelta(hours=2), "x")),
        day=datetime.date(2024, 5, 6),
        clock=datetime.time(1, 2, 3),
        span=datetime.timedelta(days=-1, microseconds=5),
        zone=zoneinfo.ZoneInfo("Europe/Paris"),
        amount=decimal.Decimal("-1.50"),
        key=uuid.UUID(int=7),
        ratio=fractions.Fraction(1, 3),
        path=pathlib.Path("a/b"),
        address=ipaddress.IPv4Address("127.0.0.1"),
        network=ipaddress.IPv6Network("::/64"),
        queue=collections.deque([1, 2], maxlen=3),
        ordered=collections.OrderedDict(b=1, a=2),
        grouped=collections.defaultdict(list, a=[1]),
        counted=collections.Counter("aab"),
        unique=frozenset([1, 2]),
        number=1 + 2j,
        raw=b"\xff",
        password=SecretStr("p"),
        token=SecretBytes(b"t"),
        url=HttpUrl("https://example.org/x?y=1"),
        dsn=PostgresDsn("postgres://user:pass@host:5432/db"),
        any_url=AnyUrl("ftp://example.org/"),
        pattern=re.compile("a+", re.IGNORECASE),
        size=ByteSize(1024),
        parsed="[1, 2]",
        text_url="https://example.org/",
        ratio_as_text=5,
        by_key={uuid.UUID(int=8): datetime.date(2024, 1, 1)},
        tree={"a": [1, None, {"b": 2.5}]},
        anything=[
            {"deep": (1, 2, {3})},
            bytearray(b"x"),
            datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC")),
        ],
    )
)

VALUES: list[tuple[Any, Any]] = [
    (
        User,
        User.model_validate({"id": 1, "name": "Ada", "color": "b", "access": 3, "tags": {Tag(name="x")}, "more": [1]}),
    ),
    (User, User(id=1, name="Ada", address=Address(Street="s"), pet=Dog())),
    (Everything, EVERYTHING),
    (IntBox, IntBox(item=3)),
    (Numbers, Numbers([1, 2])),
    (Size, Size(1, ["n"])),
    (Slot, Slot(4)),
    (Account, Account(1, 2)),
    (Point, Point(1)),
    (list[Node], [Node(value=1, children=[Node()]), Node()]),
    (dict[Slot, list[Point]], {Slot(1): [Point(1, 2)]}),
    (Cat | Dog, Dog()),
    (frozenset[Level], frozenset([Level.LOW])),
    (list[Account | Size | None], [Account(1), Size(2), None]),
    (int, 5),
    (Color, Color.RED),
    (Shown, Shown.ONE),
    (str | None, None),
]


@pytest.mark.parametrize("options", WAYS, ids=repr)
@pytest.mark.parametrize(("declared", "value"), VALUES, ids=lambda item: type(item).__name__)
def test_values_come_back_equal(declared: Any, value: Any, options: FormatOptions) -> None:
    """What is written is read back equal and of the same type, however the format is bound."""
    if options.strict and declared is Everything:
        with pytest.raises(ValidationError, match="ratio_as_text"):  # a validator there changes the type
            bound(declared, options).decode(bound(declared, options).encode(value))
        return
    result = bound(declared, options).decode(bound(declared, options).encode(value))
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(("declared", "value"), VALUES, ids=lambda item: type(item).__name__)
def test_results_are_plain_pickles(declared: Any, value: Any) -> None:
    """Python's own unpickler reads what is written. For all but compact pickles it needs nothing of this package."""
    data = bound(declared).encode(value)
    assert pickle.loads(data) == value
    assert (b"pydantic_serialization" in data) is (compact.unwrap(data) is not None)


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize(("declared", "value"), VALUES, ids=lambda item: type(item).__name__)
def test_pickles_of_pythons_own_pickler_are_read(declared: Any, value: Any, protocol: int) -> None:
    """Pickles from elsewhere are read, except what needs ``getattr``: time zones and some enumerations."""
    if declared in (Everything, Shown):
        with pytest.raises(UntrustedDataError):
            bound(declared).decode(pickle.dumps(value, protocol))
    else:
        assert bound(declared).decode(pickle.dumps(value, protocol)) == value


@given(
    user=st.builds(
        User,
        id=st.integers(),
        name=st.text(max_size=20),
        age=st.integers(min_value=0),
        color=st.sampled_from(Color),
        tags=st.sets(st.builds(Tag, name=st.text(max_size=5)), max_size=3),
        extra=st.recursive(
            st.none() | st.floats(allow_nan=False) | st.text() | st.binary() | st.decimals(allow_nan=False),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
            max_leaves=10,
        ),
    ),
    options=st.sampled_from(WAYS),
)
def test_any_valid_model_comes_back(user: User, options: FormatOptions) -> None:
    """Round trips keep fields, extras, and which fields were given."""
    pipeline = bound(User, options)
    result = pipeline.decode(pipeline.encode(user))
    assert result == user
    assert result.model_fields_set == user.model_fields_set
    assert result.model_extra == user.model_extra


@given(st.lists(st.builds(Node, value=st.integers(), children=st.lists(st.builds(Node), max_size=3)), max_size=5))
def test_any_list_of_models_comes_back(nodes: list[Node]) -> None:
    """Lists of nested models come back equal."""
    pipeline = bound(list[Node])
    assert pipeline.decode(pipeline.encode(nodes)) == nodes


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_private_attributes_and_given_fields_are_kept(options: FormatOptions) -> None:
    """What validation would start anew is kept."""
    user = User(id=1, name="Ada")
    user._secret.append(7)
    result = bound(User, options).decode(bound(User, options).encode(user))
    assert result._secret == [7]
    assert result.model_fields_set == {"id", "name"}


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_shared_and_circular_references_are_kept(options: FormatOptions) -> None:
    """One object that is held twice is one object again, and a circle is closed again."""
    shared = Node(value=3)
    first, second = bound(list[Node], options).decode(bound(list[Node], options).encode([shared, shared]))
    assert first is second
    root = Node()
    root.children.append(Node(parent=root))
    result = bound(Node, options).decode(bound(Node, options).encode(root))
    assert result.children[0].parent is result


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_extras_of_dataclasses_are_kept(options: FormatOptions) -> None:
    """Pydantic keeps them beside the fields; what an unsigned pickle may hold at all decides about their values."""
    value = Open(a=1, more=[Open(a=2, deep={"x": 1})])  # type: ignore[call-arg]
    assert vars(bound(Open, options).decode(bound(Open, options).encode(value))) == vars(value)
    if not options.authenticated:
        with pytest.raises(UntrustedDataError, match="Open"):
            bound(list[Open], options).decode(pickle.dumps([Open(a=1, more=Size(1))]))  # type: ignore[call-arg]


def test_cached_properties_are_computed_again() -> None:
    """A cached property is no field: its value in an unsigned pickle is not believed."""
    user = User(id=1, name="Ada")
    assert user.shouted == "ADA"
    data = bound(User).encode(user).replace(b"ADA", b"BOB")
    assert bound(User).decode(data).shouted == "ADA"


@pytest.mark.parametrize("options", WAYS, ids=repr)
@pytest.mark.parametrize("convert", [bytes, bytearray, memoryview])
def test_every_kind_of_buffer_is_read(convert: Callable[[bytes], Any], options: FormatOptions) -> None:
    """Bytes, byte arrays and views are read alike."""
    assert bound(Tag, options).decode(convert(pickle.dumps(Tag(name="x")))) == Tag(name="x")


class Checked(BaseModel):
    even: Annotated[int, AfterValidator(lambda value: value if value % 2 == 0 else 1 / 0)] = 2
    split: Annotated[list[str], BeforeValidator(lambda text: text.split(","))] = ["a"]
    small: Annotated[int, Field(le=10)] = 1
    lenient: Annotated[int | None, WrapValidator(lambda value, handler: handler(value) if value != "" else None)] = 1
    plain: Annotated[int, PlainValidator(int)] = 1
    low: int = 1
    high: int = 2

    @field_validator("small")
    @classmethod
    def _not_seven(cls, value: int) -> int:
        if value == 7:
            raise ValueError("seven")
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Checked:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


CHECKED = Checked()


def test_validators_accept_what_they_left() -> None:
    """Models with validators of every mode are read, although the raw input of one was of another type."""
    value = Checked.model_validate({"split": "a,b", "lenient": "", "plain": "3"})
    result = bound(Checked).decode(bound(Checked).encode(value))
    assert result == value
    assert result.split == ["a", "b"]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"small": value} for value in (11, 7, "1", None)),
        *({"split": value} for value in ("a,b", [1])),
        *({"low": value} for value in (3, True)),
        {"lenient": "1"},
        {"plain": "3"},
    ],
    ids=repr,
)
def test_fields_that_validation_would_not_leave_are_refused(wrong: dict[str, Any]) -> None:
    """Constraints, validators and types hold for unsigned pickles as for any other input."""
    value = Checked.model_construct(**{**CHECKED.__dict__, **wrong})
    with pytest.raises(ValidationError):
        bound(Checked).decode(pickle.dumps(value))


def test_what_raises_inside_a_validator_is_a_decode_error() -> None:
    """An exception of the model's own code does not leak, and its text is not shown."""
    value = Checked.model_construct(**{**CHECKED.__dict__, "even": 3})
    with pytest.raises(DecodeError, match="ZeroDivisionError"):
        bound(Checked).decode(pickle.dumps(value))


def test_a_missing_field_is_refused() -> None:
    """Defaults are not filled in: an instance without all of its fields would fail later, elsewhere."""
    value = Node(value=1)
    del value.__dict__["children"]
    with pytest.raises(ValidationError, match="children"):
        bound(Node).decode(pickle.dumps(value))


def test_data_that_is_trusted_is_not_checked_for_constraints() -> None:
    """``validate=False`` reads what breaks today's rules, and still insists on the types."""
    trusting = bound(Checked, FormatOptions(validate=False))
    fields = CHECKED.__dict__
    assert trusting.decode(pickle.dumps(Checked.model_construct(**{**fields, "small": 99, "low": 9}))).small == 99
    with pytest.raises(ValidationError):
        trusting.decode(pickle.dumps(Checked.model_construct(**{**fields, "small": "x"})))


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_another_type_is_refused(options: FormatOptions) -> None:
    """A pickle of something else than what was asked for is an error, signed or not."""
    for declared, other in ((User, Cat()), (list[Cat], [Cat(), 1]), (list[Cat], Cat()), (int, "1"), (Cat | Dog, Tag)):
        with pytest.raises((DecodeError, ValidationError)):
            bound(declared, options).decode(pickle.dumps(other))


class Sub(Address):
    password: str = "p"


class Opaque:
    pass


def local_class() -> type[BaseModel]:
    class Local(BaseModel):
        id: int = 1

    return Local


def local_enum() -> Any:
    class Mood(enum.Enum):
        GOOD = 1

    return Mood


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (User(id=1, name="a", address=Sub(Street="s")), "Sub"),
        (User.model_validate({"id": 1, "name": "a", "extra": Opaque()}), "Opaque"),
        (User.model_validate({"id": 1, "name": "a", "extra": [{"x": Opaque}]}), "Opaque"),
        (User.model_validate({"id": 1, "name": "a", "extra": print}), "print"),
        (User.model_validate({"id": 1, "name": "a", "extra": range(3)}), "range"),
        (User.model_validate({"id": 1, "name": "a", "extra": collections.defaultdict(Opaque)}), "Opaque"),
        (Cat(), "Cat"),
    ],
    ids=lambda item: item if isinstance(item, str) else "value",
)
def test_what_could_not_be_read_back_is_not_written(value: Any, name: str) -> None:
    """The error of writing names the class and the way out; with a signature all of it is written and read."""
    declared = User if isinstance(value, User) else Address
    with pytest.raises(EncodeError, match=f"{name}.*signing_keys") as caught:
        bound(declared).encode(value)
    assert caught.value.format == "pickle"
    signed = bound(type(value), FormatOptions(authenticated=True))
    assert type(signed.decode(signed.encode(value))) is type(value)


def test_keys_that_could_be_slow_to_hash_are_not_written() -> None:
    """What the reader refuses for its structure is refused when it is written."""
    tag, pair = Tag(name="x"), (1, 2)
    assert bound(User).encode(User(id=1, name="a", tags={tag}))
    with pytest.raises(EncodeError, match="keys"):
        bound(User).encode(User.model_validate({"id": 1, "name": "a", "tags": {tag}, "more": [pair, pair]}))


@pytest.mark.parametrize("options", WAYS, ids=repr)
@pytest.mark.parametrize("declared", [local_class(), list[local_class()], local_enum()], ids=repr)  # type: ignore[misc]
def test_classes_without_an_importable_name_are_refused_when_bound(declared: Any, options: FormatOptions) -> None:
    """A class that pickle could never find again is an error of the type, not of a value."""
    with pytest.raises(UnsupportedTypeError, match="<locals>"):
        bound(declared, options)


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_what_is_nested_too_deep_is_an_encode_error(options: FormatOptions) -> None:
    """Python's recursion limit does not leak out of writing."""
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(EncodeError, match="deep"):
        bound(User, options).encode(User.model_construct(id=1, name="a", extra=value))
    while value:  # level by level, or freeing it would recurse
        value = value.pop()


@pytest.mark.parametrize("depth", [190, 210])
def test_what_is_too_deep_to_be_read_is_not_written(depth: int) -> None:
    """Writing stops at the same depth as reading."""
    pipeline = bound(User)
    nested: Any = []
    for _ in range(depth):
        nested = [nested]
    value = User.model_construct(id=1, name="a", extra=nested)
    if depth < 200:
        assert pipeline.decode(pipeline.encode(value)).model_extra == {"extra": nested}
    else:
        with pytest.raises(EncodeError, match="max_depth"):
            pipeline.encode(value)


def test_depth_is_bounded_when_reading() -> None:
    """Containers and instances count as levels, against the limit of the configuration."""
    chain = Node()
    for _ in range(9):
        chain = Node(parent=chain)
    data = pickle.dumps(chain)
    assert bound(Node, FormatOptions(max_depth=12)).decode(data).parent is not None
    with pytest.raises(LimitExceededError) as caught:
        bound(Node, FormatOptions(max_depth=9)).decode(data)
    assert caught.value.limit == "max_depth"


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_options_that_leave_something_out_are_refused(options: FormatOptions) -> None:
    """An instance is pickled whole: ignoring ``exclude`` would write what was to be left out."""
    pipeline = bound(Cat, options)
    for dump_options in ({"exclude": {"kind"}}, {"include": {"kind"}}, {"exclude_none": True}, {"exclude_unset": True}):
        with pytest.raises(EncodeError, match=next(iter(dump_options))):
            pipeline.encode_with(Cat(), dump_options)  # type: ignore[arg-type]
    assert pipeline.decode(pipeline.encode_with(Cat(), {"by_alias": True, "exclude_none": False})) == Cat()


class Contextual(BaseModel):
    value: int

    @field_validator("value")
    @classmethod
    def _within(cls, value: int, info: Any) -> int:
        if info.context and value > info.context["limit"]:
            raise ValueError("over the limit")
        return value


def test_reading_options_reach_the_validators() -> None:
    """Context and strictness are Pydantic's own."""
    pipeline = bound(Contextual)
    data = pipeline.encode(Contextual(value=5))
    assert pipeline.decode_with(data, {"context": {"limit": 5}}).value == 5
    with pytest.raises(ValidationError, match="over the limit"):
        pipeline.decode_with(data, {"context": {"limit": 4}})
    changed = bound(Everything)
    data = changed.encode(EVERYTHING)
    assert changed.decode_with(data, {"strict": None}) == EVERYTHING
    with pytest.raises(ValidationError, match="ratio_as_text"):
        changed.decode_with(data, {"strict": True})


class Counting(BaseModel):
    made: int = 0

    def __init__(self, made: int) -> None:
        super().__init__(made=made + 1)

    def model_post_init(self, context: Any) -> None:
        CALLS.append("post init")


CALLS: list[str] = []


def test_reading_does_not_run_the_constructor() -> None:
    """Python restores an instance without calling ``__init__`` or its like, and so do the checks."""
    value = Counting(made=1)
    CALLS.clear()
    assert bound(Counting).decode(bound(Counting).encode(value)).made == 2
    assert CALLS == []


class Ordered(BaseModel):
    low: int
    _limit: int = PrivateAttr(default=5)

    @model_validator(mode="after")
    def _within(self) -> Ordered:
        if self.low > self._limit:
            raise ValueError("over the limit")
        return self


def test_validators_of_the_model_find_private_attributes() -> None:
    """The copy that an ``after`` validator of the model sees is a whole one."""
    assert bound(Ordered).decode(pickle.dumps(Ordered(low=5))).low == 5
    with pytest.raises(ValidationError, match="over the limit"):
        bound(Ordered).decode(pickle.dumps(Ordered(low=5).model_copy(update={"low": 6})))


class HeldRevalidating(BaseModel):
    model_config = ConfigDict(revalidate_instances="always")
    inner: Address
    _made: int = PrivateAttr(default=0)


def test_the_instance_itself_is_kept() -> None:
    """Checks run on a copy: whatever the model says of revalidation, the unpickled instance is returned unchanged."""
    value = HeldRevalidating(inner=Address(Street="s"))
    value._made = 5
    result = bound(HeldRevalidating).decode(bound(HeldRevalidating).encode(value))
    assert result == value
    assert result._made == 5


class Defaulted(BaseModel):
    """Defaults that Pydantic puts in as they are, although the fields declare another type."""

    model_config = ConfigDict(use_enum_values=True)

    price: decimal.Decimal = 0  # type: ignore[assignment]
    took: datetime.timedelta = 5  # type: ignore[assignment]
    tags: set[str] = []  # type: ignore[assignment]
    folder: pathlib.Path = "a/b"  # type: ignore[assignment]
    pair: tuple[int, ...] = Field(default_factory=list)  # type: ignore[assignment]
    short: str = Field(default="", min_length=1)
    color: Color = Color.RED
    address: Address = {"street": "s"}  # type: ignore[assignment]
    name: Annotated[str, AfterValidator(str.upper)] = 5  # type: ignore[assignment]


@pydantic_dataclass
class DefaultedData:
    price: decimal.Decimal = 0  # type: ignore[assignment]
    tags: tuple[str, ...] = dataclasses.field(default_factory=list)  # type: ignore[assignment]


@pytest.mark.parametrize("options", WAYS, ids=repr)
@pytest.mark.parametrize("value", [Defaulted(), Defaulted(price=decimal.Decimal(1)), DefaultedData()], ids=repr)
def test_defaults_of_other_types_come_back(value: Any, options: FormatOptions) -> None:
    """Pydantic does not validate a default: an instance that holds it is as the class makes it."""
    for declared, held in ((type(value), value), (list[type(value)], [value, value])):
        result = bound(declared, options).decode(bound(declared, options).encode(held))
        assert result == held
        assert repr(result) == repr(held)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "wrong", [{"price": 1}, {"price": False}, {"tags": ["a"]}, {"took": 6}, {"pair": (1, "a")}], ids=repr
)
def test_only_the_default_itself_may_be_of_another_type(wrong: dict[str, Any], strict: bool) -> None:
    """A value of the default's type is refused, where it is another value."""
    value = Defaulted.model_construct(**wrong)
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        bound(Defaulted, FormatOptions(strict=strict)).decode(pickle.dumps(value))


class Amended(BaseModel):
    """A model whose validators change it in place, once more with every run."""

    price: int = 1
    log: list[Any] = []
    address: Address = Address(Street="s")

    @model_validator(mode="after")
    def _amend(self) -> Amended:
        self.price += 1
        self.log.append("amended")
        self.address.street += "!"
        return self


@pydantic_dataclass
class AmendedData:
    price: int = 1

    @model_validator(mode="after")
    def _amend(self) -> AmendedData:
        self.price += 1
        return self


class AmendedField(BaseModel):
    held: Annotated[Amended, AfterValidator(lambda value: value.log.append("field") or value)]
    data: AmendedData


@pytest.mark.parametrize("options", WAYS, ids=repr)
def test_validators_cannot_change_what_is_returned(options: FormatOptions) -> None:
    """They see a second reading of the pickle: what they change in place, at whatever depth, is not in the result."""
    held, data = Amended(price=5, address=Address(Street="a")), AmendedData(price=7)
    for declared, value in (
        (Amended, held),
        (AmendedData, data),
        (list[Amended], [held, held]),
        (dict[str, AmendedData], {"a": data}),
        (AmendedField, AmendedField.model_construct(held=held, data=data)),
    ):
        expected = pickle.loads(pickle.dumps(value))
        assert bound(declared, options).decode(bound(declared, options).encode(value)) == expected
        assert bound(declared, options).decode(pickle.dumps(value)) == expected


def test_value_types_match_pydantics() -> None:
    """Every URL type of Pydantic, and times in Pydantic's own time zones, come back."""
    when = TypeAdapter(datetime.datetime).validate_python("2024-01-01T00:00:00+02:00")
    pipeline = bound(list[Any])
    values = [
        when,
        HttpUrl("http://a/"),
        PostgresDsn("postgres://h/d"),
        SecretStr("x"),
        pathlib.PureWindowsPath("c:/a"),
    ]
    assert pipeline.decode(pipeline.encode(values)) == values
    with pytest.raises(UntrustedDataError):
        bound(list[Any]).decode(pickle.dumps([range(3)]))
