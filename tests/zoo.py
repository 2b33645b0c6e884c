"""Models with every feature that users of Pydantic have, a few instances of each, and what each format cannot keep.

Import :data:`ENTRIES`. An entry's ``lossy`` names the formats in which ``read(write(value)) == value`` does not hold, with
the reason: it is the documentation of each format's limits.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import ipaddress
import re
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

from pydantic import (
    AliasChoices,
    AliasPath,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    FutureDate,
    HttpUrl,
    Json,
    PastDate,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    RootModel,
    SecretBytes,
    SecretStr,
    SerializeAsAny,
    StringConstraints,
    Tag,
    WrapSerializer,
    WrapValidator,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import core_schema
from typing_extensions import TypedDict

TREE_FORMATS = ("json", "orjson", "msgpack")
"""Formats whose documents hold what ``model_dump(mode="json")`` gives."""

FORMATS = (*TREE_FORMATS, "pickle")

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One model or type of the zoo.

    Attributes:
        name: For test ids.
        type: What is read.
        values: Instances.
        lossy: Format to the reason why reading back what was written is not equal, or not possible.
        dump: Options of writing that reading back needs.
    """

    name: str
    type: Any
    values: tuple[Any, ...]
    lossy: dict[str, str] = dataclasses.field(default_factory=dict)
    dump: dict[str, Any] = dataclasses.field(default_factory=dict)

    def keeps(self, format_name: str) -> bool:
        """Say whether reading back gives an equal value."""
        return format_name not in self.lossy


def in_tree_formats(reason: str) -> dict[str, str]:
    """Return ``lossy`` for what every format but pickle loses."""
    return dict.fromkeys(TREE_FORMATS, reason)


def in_text(reason: str) -> dict[str, str]:
    """Return ``lossy`` for what JSON loses and MessagePack and pickle keep."""
    return dict.fromkeys(("json", "orjson"), reason)


# -- scalars ------------------------------------------------------------------------------------------------------------


class Color(str, enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Shape(enum.Enum):
    ROUND = "round"
    SQUARE = 4


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Permission(enum.IntFlag):
    READ = 1
    WRITE = 2


class Scalars(BaseModel):
    text: str = "é\u2028\x7f\U0001f600"
    number: int = 7
    ratio: float = 0.1
    flag: bool = True
    nothing: None = None


class BigInts(BaseModel):
    number: int


class Optionals(BaseModel):
    text: str | None = None
    number: int | None = None
    child: Scalars | None = None
    items: list[int | None] | None = None


class Enums(BaseModel):
    color: Color = Color.RED
    level: Level = Level.HIGH
    shape: Shape = Shape.SQUARE
    permission: Permission = Permission.READ | Permission.WRITE


class Flags(BaseModel):
    access: Access = Access.READ | Access.WRITE


class EnumValues(BaseModel):
    model_config = ConfigDict(use_enum_values=True)

    color: Color
    shape: Shape


class Literals(BaseModel):
    kind: Literal["a", "b"] = "b"
    number: Literal[1, 2] = 2
    color: Literal[Color.RED] = Color.RED
    mixed: Literal["x", 3, True] = 3


class Times(BaseModel):
    at: datetime
    day: date = date(1999, 12, 31)
    clock: time = time(23, 59, 59, 999_999)
    took: timedelta = timedelta(days=-2, hours=3, microseconds=5)


class TimesAsNumbers(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float")

    took: timedelta


class Identifiers(BaseModel):
    key: uuid.UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
    address: ipaddress.IPv4Address = ipaddress.IPv4Address("10.0.0.1")
    network: ipaddress.IPv6Network = ipaddress.IPv6Network("2001:db8::/32")
    path: Path = Path("/tmp/é")
    pure: PurePosixPath = PurePosixPath("a/b")
    url: HttpUrl = Field(default=HttpUrl("https://example.org/a?b=c"))
    size: ByteSize = ByteSize(1024)


class Numbers(BaseModel):
    price: Decimal = Decimal("12.340")
    tiny: Decimal = Decimal("-1E-7")
    share: Fraction = Fraction(1, 3)


class Utf8Bytes(BaseModel):
    raw: bytes


class Base64Config(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    raw: bytes


class HexConfig(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")

    raw: bytes
    many: list[bytes] = []
    maybe: bytes | None = None


class EncodedBytes(BaseModel):
    raw: Base64Bytes = b"aGVsbG8="


class BytesBesideUnions(BaseModel):
    raw: bytes = b"x"
    when: date | str = date(2020, 1, 2)
    key: uuid.UUID | str = uuid.UUID(int=5)
    either: bytes | str = "text"
    other: str | bytes = b"bytes"
    tags: set[int] = {1, 2}
    anything: Any = None


class StrictWithBytes(BaseModel):
    model_config = ConfigDict(strict=True)

    raw: bytes
    at: datetime = datetime(2024, 5, 6, 7, 8, 9)
    tags: frozenset[int] = frozenset({1})


# -- containers ---------------------------------------------------------------------------------------------------------


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Movie(TypedDict, total=False):
    title: str
    year: int


@dataclasses.dataclass
class Plain:
    x: int
    y: list[str] = dataclasses.field(default_factory=list)


@pydantic_dataclass
class Validated:
    x: int
    at: datetime


class Containers(BaseModel):
    numbers: list[int] = [3, 1]
    unique: set[str] = {"a"}
    frozen: frozenset[int] = frozenset({5})
    pair: tuple[int, str] = (1, "a")
    row: tuple[float, ...] = (1.0, 2.5)
    queue: collections.deque[int] = Field(default_factory=lambda: collections.deque([1, 2]))
    point: Point = Point(1, 2.0)
    movie: Movie = {"title": "Brazil"}
    plain: Plain = Plain(1, ["a"])
    validated: Validated = Validated(2, datetime(2020, 1, 1))
    counted: collections.Counter[str] = Field(default_factory=lambda: collections.Counter("aab"))
    ordered: collections.OrderedDict[str, int] = Field(default_factory=lambda: collections.OrderedDict(b=1, a=2))
    grouped: collections.defaultdict[str, list[int]] = Field(
        default_factory=lambda: collections.defaultdict(list, {"a": [1]})
    )
    nested: dict[str, list[dict[str, tuple[int, ...]]]] = {"a": [{"b": (1, 2)}]}


class Keys(BaseModel):
    by_number: dict[int, str] = {1: "a", -(2**40): "b"}
    by_day: dict[date, int] = {date(2020, 2, 29): 1}
    by_key: dict[uuid.UUID, int] = {uuid.UUID(int=1): 1}
    by_color: dict[Color, int] = {Color.BLUE: 1}
    by_flag: dict[bool, int] = {True: 1, False: 0}
    by_ratio: dict[float, int] = {0.5: 1}
    by_bytes: dict[bytes, int] = {b"k": 1}


class TupleKeys(BaseModel):
    grid: dict[tuple[int, int], str] = {(1, 2): "a"}


class Constrained(BaseModel):
    age: Annotated[int, Field(ge=0, lt=150)] = 30
    name: Annotated[str, StringConstraints(min_length=1, max_length=9, pattern=r"^\w+$")] = "ada"
    tags: Annotated[list[int], Field(min_length=1, max_length=3)] = [1]
    price: Annotated[Decimal, Field(max_digits=5, decimal_places=2)] = Decimal("1.50")
    born: PastDate = date(1815, 12, 10)


class Appointment(BaseModel):
    day: FutureDate


# -- structure ----------------------------------------------------------------------------------------------------------


class Address(BaseModel):
    street: str
    city: str = "Paris"


class Person(BaseModel):
    name: str
    home: Address
    others: list[Address] = []
    by_city: dict[str, Address] = {}


class Node(BaseModel):
    value: int
    children: list[Node] = []
    parent_name: str | None = None


class Husband(BaseModel):
    name: str
    wife: Wife | None = None


class Wife(BaseModel):
    name: str
    husband: Husband | None = None


class Page(BaseModel, Generic[T]):
    items: list[T]
    total: int = 0


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog", "wolf"] = "dog"
    name: str = "rex"


def shape_of(value: Any) -> str:
    """Return the tag of a value of :class:`CallableTag`."""
    return "text" if isinstance(value, str) else "number"


class Unions(BaseModel):
    smart: int | str = 1
    scalar: float | int = 1.5
    pet: Cat | Dog = Dog()
    tagged: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat()
    left: Annotated[int | str, Field(union_mode="left_to_right")] = "x"
    many: list[Cat | Dog | int] = [Cat(), 3, Dog()]
    called: Annotated[
        Annotated[str, Tag("text")] | Annotated[int, Tag("number")],
        Discriminator(shape_of),
    ] = 5


class Animals(RootModel[list[Annotated[Cat | Dog, Field(discriminator="kind")]]]):
    pass


class Numbered(RootModel[dict[int, str]]):
    pass


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)

    a: int = 1
    b: tuple[int, ...] = (1, 2)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    number: int = 1
    day: date = date(2020, 1, 1)
    key: uuid.UUID = uuid.UUID(int=3)
    pair: tuple[int, int] = (1, 2)


class Base(BaseModel):
    name: str = "base"


class Derived(Base):
    password: str = "hunter2"


class HoldsBase(BaseModel):
    one: Base
    many: list[Base] = []
    by_name: dict[str, Base] = {}
    maybe: Base | None = None


class HoldsAny(BaseModel):
    one: SerializeAsAny[Base]


# -- names --------------------------------------------------------------------------------------------------------------


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    first_name: str = Field(alias="firstName")
    last_name: str = Field(default="x", validation_alias="lastName", serialization_alias="LAST")


class AliasedByAlias(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    first_name: str = Field(alias="firstName")


class AliasOnly(BaseModel):
    first_name: str = Field(alias="firstName")


class AliasPaths(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    city: str = Field(validation_alias=AliasChoices("town", AliasPath("address", 0)))


class Generated(BaseModel):
    model_config = ConfigDict(alias_generator=lambda name: name.upper(), serialize_by_alias=True)

    first_name: str


# -- code of the user ---------------------------------------------------------------------------------------------------


class Computed(BaseModel):
    width: int = 2
    height: int = 3

    @computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.width * self.height

    @computed_field(alias="ratioText")  # type: ignore[prop-decorator]
    @cached_property
    def ratio(self) -> str:
        return f"{self.width}:{self.height}"


class Serializers(BaseModel):
    cents: int = 150
    when: datetime = datetime(2020, 1, 1)
    only_json: int = 5
    wrapped: list[int] = [1, 2]
    annotated: Annotated[int, PlainSerializer(lambda value: f"{value}!", return_type=str)] = 4

    @field_serializer("cents")
    def _as_euros(self, value: int) -> str:
        return f"{value / 100:.2f}"

    @field_serializer("only_json", when_used="json")
    def _as_text(self, value: int) -> str:
        return f"#{value}"

    @field_serializer("wrapped", mode="wrap")
    def _first(self, value: list[int], handler: Any) -> Any:
        return handler(value)[:1]


class ReversibleSerializers(BaseModel):
    cents: Annotated[
        int,
        BeforeValidator(lambda value: round(float(value) * 100) if isinstance(value, str) else value),
        PlainSerializer(lambda value: f"{value / 100:.2f}", return_type=str),
    ]
    names: Annotated[list[str], WrapSerializer(lambda value, handler: handler(value))] = ["a"]


class ModelSerializers(BaseModel):
    a: int = 1

    @model_serializer(mode="wrap")
    def _enveloped(self, handler: Any) -> dict[str, Any]:
        return {"data": handler(self)}

    @model_validator(mode="before")
    @classmethod
    def _opened(cls, value: Any) -> Any:
        return value["data"] if isinstance(value, dict) and "data" in value else value


class PlainModelSerializer(BaseModel):
    x: int
    y: int

    @model_serializer
    def _as_text(self) -> str:
        return f"{self.x},{self.y}"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return dict(zip(("x", "y"), map(int, value.split(",")), strict=True)) if isinstance(value, str) else value


class Validators(BaseModel):
    before: Annotated[int, BeforeValidator(lambda value: int(value) if isinstance(value, str) else value)] = 1
    plain: Annotated[str, PlainValidator(lambda value: str(value))] = "p"
    wrap: Annotated[int, WrapValidator(lambda value, handler: handler(value))] = 3
    after: int = 4
    checked: bool = False

    @field_validator("after")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value

    @model_validator(mode="after")
    def _check(self) -> Validators:
        self.__dict__["checked"] = True
        return self


class CustomType(str):
    """A user's own class, made by an ``after`` function of its schema."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())

    @classmethod
    def parse(cls, value: str) -> CustomType:
        return cls(value.upper())


class Customs(BaseModel):
    code: CustomType = CustomType("ABC")
    pattern: re.Pattern[str] = re.compile("a+")
    folder: Path = Path("/x")


class ExtraAllowed(BaseModel):
    model_config = ConfigDict(extra="allow")

    a: int = 1


class ExtraTyped(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int] = Field(init=False)

    a: int = 1


class ExtraForbidden(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: int = 1


class Private(BaseModel):
    a: int = 1
    _secret: int = PrivateAttr(default=5)
    _made: list[int] = PrivateAttr(default_factory=list)


class PostInit(BaseModel):
    a: int = 1
    b: int = 0
    _seen: int = PrivateAttr(default=0)

    def model_post_init(self, context: Any, /) -> None:
        self._seen = self.a + 1


class CustomInit(BaseModel):
    total: int

    def __init__(self, total: int, **rest: Any) -> None:
        super().__init__(total=total, **rest)


class OwnDump(BaseModel):
    a: int = 1

    def model_dump_json(self, **options: Any) -> str:
        """Add what the class wants in its JSON; MessagePack and nested use do not ask this method."""
        return super().model_dump_json(**options).replace('"a"', '"A"')

    @classmethod
    def model_validate_json(cls, json_data: Any, **options: Any) -> Any:
        """Read what the class's own method wrote."""
        return super().model_validate_json(bytes(json_data).replace(b'"A"', b'"a"'), **options)


class Behaviour(BaseModel):
    """Properties, class variables, cached properties and methods are no fields."""

    limit: ClassVar[int] = 5
    a: int = 1
    left_out: int = Field(default=3, exclude=True)

    @property
    def double(self) -> int:
        return self.a * 2

    @cached_property
    def triple(self) -> int:
        return self.a * 3


class Secrets(BaseModel):
    password: SecretStr = SecretStr("canary")
    token: SecretBytes = SecretBytes(b"canary")


class OpenSecrets(BaseModel):
    """A model that wants its secret written says so by a serializer."""

    password: Annotated[
        SecretStr, PlainSerializer(lambda value: value.get_secret_value(), return_type=str, when_used="json")
    ]


class JsonField(BaseModel):
    data: Json[list[int]]


class Anything(BaseModel):
    value: Any = None
    values: list[Any] = []


class Defaults(BaseModel):
    a: int = 1
    b: list[int] = [1]
    c: str = Field(default_factory=lambda: "made")
    d: int | None = None


class Everything(BaseModel):
    """One model with most of the above, for options and for long-running properties."""

    model_config = ConfigDict(populate_by_name=True)

    id: uuid.UUID = uuid.UUID(int=7)
    name: str = Field(default="ada", alias="displayName")
    email: str | None = None
    age: Annotated[int, Field(ge=0)] | None = 36
    balance: Decimal = Decimal("10.50")
    ratio: float = 0.25
    active: bool = True
    color: Color = Color.BLUE
    created: datetime = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
    took: timedelta = timedelta(seconds=90)
    home: Address = Address(street="Rue")
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = [Cat(), Dog()]
    scores: dict[str, list[int]] = {"a": [1, 2]}
    tags: set[str] = {"x"}
    pair: tuple[int, str] = (1, "a")
    node: Node | None = None
    extra: Any = None
    when: date | str = "soon"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def label(self) -> str:
        return f"{self.name}/{self.color.value}"


UTC_ODD = timezone(timedelta(hours=5, minutes=45))
_LOCAL = timezone(-timedelta(hours=3, minutes=30))

ENTRIES: tuple[Entry, ...] = (
    Entry("scalars", Scalars, (Scalars(), Scalars(text="", number=-1, ratio=-0.0, flag=False), Scalars(ratio=1e300))),
    Entry(
        "big-ints",
        BigInts,
        (BigInts(number=2**70), BigInts(number=-(2**64))),
        lossy={"msgpack": "MessagePack has integers of 64 bits; larger ones are an EncodeError"},
    ),
    Entry("optionals", Optionals, (Optionals(), Optionals(text="", number=0, child=Scalars(), items=[None, 1]))),
    Entry("enums", Enums, (Enums(), Enums(color=Color.BLUE, level=Level.LOW, shape=Shape.ROUND))),
    Entry("flags", Flags, (Flags(access=Access.READ),)),
    Entry("enum-values", EnumValues, (EnumValues(color=Color.RED, shape=Shape.SQUARE),)),
    Entry("literals", Literals, (Literals(), Literals(kind="a", number=1, mixed=True))),
    Entry(
        "times",
        Times,
        tuple(
            Times(at=datetime(2024, 5, 6, 7, 8, 9, micro, tzinfo=zone))
            for micro in (0, 1, 120_000)
            for zone in (None, UTC, UTC_ODD, _LOCAL)
        ),
    ),
    Entry("times-as-numbers", TimesAsNumbers, (TimesAsNumbers(took=timedelta(seconds=1.5)),)),
    Entry("identifiers", Identifiers, (Identifiers(),)),
    Entry("numbers", Numbers, (Numbers(), Numbers(price=Decimal("0E+3")))),
    Entry("utf8-bytes", Utf8Bytes, (Utf8Bytes(raw=b""), Utf8Bytes(raw="é".encode()))),
    Entry(
        "raw-bytes",
        Utf8Bytes,
        (Utf8Bytes(raw=b"\xff\x00"),),
        lossy=in_text("JSON has no bytes; those that are not UTF-8 are an EncodeError unless ser_json_bytes says how"),
    ),
    Entry("base64-bytes", Base64Config, (Base64Config(raw=b"\xff\x00" * 5), Base64Config(raw=b""))),
    Entry("hex-bytes", HexConfig, (HexConfig(raw=b"\xff\x00", many=[b"\x01", b""], maybe=b"\x80"),)),
    Entry(
        "encoded-bytes",
        EncodedBytes,
        (EncodedBytes(raw=b"aGVsbG8="),),
        lossy={"pickle": "the check of an unsigned pickle runs the type's decoding on what is decoded already"},
    ),
    Entry(
        "bytes-beside-unions",
        BytesBesideUnions,
        (
            BytesBesideUnions(anything=[1, {"a": None}], other="text", either=b"x"),
            BytesBesideUnions(raw=b"", when="soon", key="k", other="", either=b""),
        ),
    ),
    Entry(
        "bytes-in-unions",
        BytesBesideUnions,
        (BytesBesideUnions(other=b"bytes"), BytesBesideUnions(other="text", either="text")),
        lossy=in_text("JSON text of `str | bytes` and `bytes | str` reads as the first of the two"),
    ),
    Entry("strict-with-bytes", StrictWithBytes, (StrictWithBytes(raw=b"abc"),)),
    Entry("containers", Containers, (Containers(),)),
    Entry("keys", Keys, (Keys(),)),
    Entry(
        "tuple-keys",
        TupleKeys,
        (TupleKeys(),),
        lossy=in_tree_formats("Pydantic writes tuple keys as 'a,b' and does not read them"),
    ),
    Entry("constrained", Constrained, (Constrained(), Constrained(age=0, name="x", tags=[1, 2, 3]))),
    Entry("nested", Person, (Person(name="a", home=Address(street="s"), by_city={"p": Address(street="")}),)),
    Entry("recursive", Node, (Node(value=1, children=[Node(value=2, children=[Node(value=3)]), Node(value=4)]),)),
    Entry("mutual", Husband, (Husband(name="h", wife=Wife(name="w", husband=Husband(name="h2"))),)),
    Entry("generic", Page[Person], (Page[Person](items=[Person(name="a", home=Address(street="s"))], total=1),)),
    Entry("generic-scalar", Page[int], (Page[int](items=[1, 2]),)),
    Entry(
        "unions", Unions, (Unions(), Unions(smart="1", scalar=1, pet=Cat(lives=1), tagged=Dog(kind="wolf"), called="t"))
    ),
    Entry("root-model", Animals, (Animals([Cat(), Dog()]), Animals([]))),
    Entry("root-model-keys", Numbered, (Numbered({1: "a"}),)),
    Entry("frozen", Frozen, (Frozen(),)),
    Entry("strict", Strict, (Strict(),)),
    Entry(
        "subclass-in-base-field",
        HoldsBase,
        (HoldsBase(one=Derived(), many=[Derived()], by_name={"a": Derived()}, maybe=Derived()),),
        lossy=dict.fromkeys(FORMATS, "the declared type decides what is written: a subclass's fields do not leak"),
    ),
    Entry("serialize-as-any", HoldsAny, (HoldsAny(one=Base()),)),
    Entry("aliases", Aliased, (Aliased(firstName="a", lastName="b"),)),
    Entry("aliases-by-alias", Aliased, (Aliased(firstName="a"),), dump={"by_alias": True}),
    Entry("serialize-by-alias", AliasedByAlias, (AliasedByAlias(firstName="a"),)),
    Entry("alias-only", AliasOnly, (AliasOnly(firstName="a"),), dump={"by_alias": True}),
    Entry(
        "alias-only-by-name",
        AliasOnly,
        (AliasOnly(firstName="a"),),
        lossy=in_tree_formats("such a model reads aliases only: write with by_alias=True"),
    ),
    Entry("alias-paths", AliasPaths, (AliasPaths(city="a"),)),
    Entry("alias-generator", Generated, (Generated.model_validate({"FIRST_NAME": "a"}),)),
    Entry("computed", Computed, (Computed(), Computed(width=0))),
    Entry(
        "serializers",
        Serializers,
        (Serializers(),),
        lossy=in_tree_formats("the user's serializers change values, and no validator turns them back"),
    ),
    Entry("reversible-serializers", ReversibleSerializers, (ReversibleSerializers(cents=199),)),
    Entry("model-serializers", ModelSerializers, (ModelSerializers(a=3),)),
    Entry("plain-model-serializer", PlainModelSerializer, (PlainModelSerializer(x=1, y=-2),)),
    Entry("validators", Validators, (Validators(), Validators(before=5, wrap=7, after=8))),
    Entry(
        "custom-types",
        Customs,
        (Customs(),),
        lossy={"pickle": "the schema of a custom type does not name its class: set signing_keys"},
    ),
    Entry(
        "extra-allowed", ExtraAllowed, (ExtraAllowed(), ExtraAllowed.model_validate({"a": 2, "z": [1, "x"], "y": {}}))
    ),
    Entry(
        "extra-typed",
        ExtraTyped,
        (ExtraTyped.model_validate({"a": 2, "z": 5}),),
        lossy={"pickle": "an unsigned pickle cannot hold a class that declares the type of its extras"},
    ),
    Entry("extra-forbidden", ExtraForbidden, (ExtraForbidden(),)),
    Entry("private", Private, (Private(),)),
    Entry("post-init", PostInit, (PostInit(a=5),)),
    Entry("custom-init", CustomInit, (CustomInit(total=5),)),
    Entry("own-dump", OwnDump, (OwnDump(a=5),)),
    Entry("behaviour", Behaviour, (Behaviour(a=2),)),
    Entry(
        "secrets",
        Secrets,
        (Secrets(),),
        lossy=in_tree_formats("Pydantic masks secrets: stars are written, and stars are read back"),
    ),
    Entry("open-secrets", OpenSecrets, (OpenSecrets(password=SecretStr("p")),)),
    Entry("json-field", JsonField, (JsonField(data="[1,2]"),), dump={"round_trip": True}),  # type: ignore[arg-type]
    Entry(
        "json-field-plainly",
        JsonField,
        (JsonField(data="[1,2]"),),  # type: ignore[arg-type]
        lossy=in_tree_formats("a Json field reads text: write with round_trip=True"),
    ),
    Entry("any", Anything, (Anything(), Anything(value={"a": [1, 2.5, None, True, "x"]}, values=[[], {}]))),
    Entry(
        "any-typed",
        Anything,
        (Anything(value=(1, 2), values=[date(2020, 1, 1)]),),
        lossy=in_tree_formats("Any reads what JSON has: tuples become lists, dates text"),
    ),
    Entry("defaults", Defaults, (Defaults(), Defaults(a=2, d=None))),
    Entry(
        "everything", Everything, (Everything(), Everything(displayName="é", node=Node(value=1), extra=[1], email="e"))
    ),
    # Not only models:
    Entry("list-of-models", list[Person], ([Person(name="a", home=Address(street="s"))], [])),
    Entry("dict-of-models", dict[str, Cat], ({"a": Cat()}, {})),
    Entry("union-of-models", Cat | Dog, (Cat(), Dog())),
    Entry("int-first", list[int | str], ([1, "1"],)),
    Entry("str-first", list[str | int], ([1, "1"],)),
    Entry("typed-dict", Movie, ({"title": "a"}, {})),
    Entry("dataclass", Plain, (Plain(1, ["a"]),)),
    Entry("pydantic-dataclass", Validated, (Validated(1, datetime(2020, 1, 1)),)),
    Entry("named-tuple", Point, (Point(1, 0.5),)),
    Entry("bytes", bytes, (b"abc",)),
    Entry("scalar", int, (5, -5)),
    Entry("optional", int | None, (None, 3)),
    Entry("plain-dict", dict, ({"a": [1, None]},)),
)
"""Every entry, models first."""

MODELS: tuple[Entry, ...] = tuple(
    entry for entry in ENTRIES if isinstance(entry.type, type) and issubclass(entry.type, BaseModel)
)


def faults(found: Any, expected: Any) -> list[str]:
    """Return how ``found`` differs from ``expected`` in what ``==`` does not look at: types, order, given fields."""
    problems: list[str] = []
    _compare(found, expected, "value", problems)
    return problems


def _compare(found: Any, expected: Any, place: str, problems: list[str]) -> None:
    if type(found) is not type(expected):
        problems.append(f"{place}: {type(found).__name__} instead of {type(expected).__name__}")
        return
    if isinstance(expected, BaseModel):
        # Values of cached properties stand there too.
        names, wanted = (
            [name for name in item.__dict__ if name in type(item).model_fields] for item in (found, expected)
        )
        if names != wanted:
            problems.append(f"{place}: fields {names} instead of {wanted}")
            return
        for name in wanted:
            _compare(found.__dict__[name], expected.__dict__[name], f"{place}.{name}", problems)
        _compare(found.__pydantic_extra__, expected.__pydantic_extra__, f"{place}.extra", problems)
    elif isinstance(expected, dict):
        if list(found) != list(expected):
            problems.append(f"{place}: keys {list(found)} instead of {list(expected)}")
            return
        for key, value in expected.items():
            _compare(found[key], value, f"{place}[{key!r}]", problems)
    elif isinstance(expected, (list, tuple, collections.deque)):
        for index, (left, right) in enumerate(zip(found, expected, strict=False)):
            _compare(left, right, f"{place}[{index}]", problems)
        if len(found) != len(expected):
            problems.append(f"{place}: {len(found)} items instead of {len(expected)}")
    elif isinstance(expected, datetime):
        if found.utcoffset() != expected.utcoffset() or found != expected:
            problems.append(f"{place}: another moment")
    elif dataclasses.is_dataclass(expected):
        _compare(vars(found), vars(expected), place, problems)
    elif found != expected and not (found != found and expected != expected):
        problems.append(f"{place}: another value")
