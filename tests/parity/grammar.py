"""Random model classes as source text, and documents for them: what the differential campaign draws from.

Everything is made from one ``random.Random``, so that a seed gives the same classes and documents again. A class is kept
as a list of lines, so that lines can be taken out one by one while a difference stays: what is left is the reproduction.
"""

# ruff: noqa: E501

from __future__ import annotations

import json
import sys
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

HEADER = '''
from __future__ import annotations
import dataclasses, datetime, decimal, enum, functools, ipaddress, math, pathlib, uuid
from typing import *
from typing_extensions import TypedDict, NotRequired
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import *
from pydantic_core import PydanticCustomError, PydanticKnownError, PydanticOmit, PydanticUseDefault

CALLS = []

def note(*what):
    """Every piece of user code says here that it was called."""
    CALLS.append(repr(what))

class Color(str, enum.Enum):
    RED = "red"
    BLUE = "blue"

class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2

class Odd(enum.Enum):
    A = "a"
    ONE = 1
    HALF = 0.5

class Kind(enum.Enum):
    X = "x"
    @classmethod
    def _missing_(cls, value):
        note("missing", value)
        return cls.X if value == "y" else None

def after(value):
    note("after", value)
    if value in ("a", 7, 1.5, [], {}):
        raise ValueError("not this one")
    return value

def after_info(value, info):
    note("after_info", value, dict(info.data or {}) if info.data is not None else None, info.field_name, info.context)
    assert value != "b", "no b"
    return value

def before(value):
    note("before", value)
    if value == "boom":
        raise PydanticCustomError("boom", "no {what} {{here}}", {"what": "boom"})
    return value

def wrap(value, handler):
    note("wrap", value)
    result = handler(value)
    note("wrapped", result)
    return result

def plain(value):
    note("plain", value)
    if value is None:
        raise PydanticKnownError("int_type")
    return value

def ser_plain(value):
    note("ser_plain", value)
    return str(value)

def ser_wrap(value, handler):
    note("ser_wrap", value)
    return handler(value)

def ser_info(value, info):
    note("ser_info", value, info.mode, info.by_alias, info.exclude_none, info.context)
    return repr(value)

def made():
    note("made")
    return 5

class Address(TypedDict, total=False):
    street: str
    number: NotRequired[int]

class Point(TypedDict):
    x: int
    y: float

@dataclasses.dataclass
class Pair:
    left: int
    right: str = "r"
'''

_DEFAULTS = {
    "int": ["default=1", "default_factory=made", "default=-5"],
    "Annotated[int": ["default=1", "default_factory=made"],
    "str": ["default='x'", "default=''"],
    "Annotated[str": ["default='x'", "default='é'"],
    "float": ["default=0.5", "default=1e300"],
    "bool": ["default=True"],
    "Optional": ["None", "default=None"],
    "List": ["default_factory=list", "default=[]"],
    "Sequence": ["default_factory=list"],
    "Dict": ["default_factory=dict", "default={}"],
    "Set": ["default_factory=set", "default=set()"],
    "Tuple": ["default=()"],
}


@dataclass
class Kind:
    """A type: its source text, and a function that gives JSON text of a value that usually fits."""

    source: str
    sample: Callable[[Random], str]
    hashable: bool = False


def _choose(*texts: str) -> Callable[[Random], str]:
    return lambda random: random.choice(texts)


def _number(random: Random) -> str:
    return random.choice(
        ("0", "1", "-1", "7", "100", "2147483648", "9223372036854775807", str(random.randint(-(10**9), 10**9)))
    )


def _float(random: Random) -> str:
    return random.choice(
        ("0.0", "-0.0", "1.5", "1e16", "1e-7", "3", "0.1", repr(random.uniform(-1e6, 1e6)), "1E2", "1e300")
    )


def _text(random: Random) -> str:
    texts = (
        "",
        "a",
        "b",
        "hello",
        "é",
        "😀",
        "x" * 40,
        'q"\\',
        "\n\x00",
        " padded ",
        "UPPER",
        "boom",
        "red",
        "1",
        "true",
    )
    return json.dumps(random.choice(texts), ensure_ascii=random.random() < 0.5)


_DATE = _choose('"2024-02-29"', '"1999-12-31"', '"0001-01-01"', '"9999-12-31"')
_MOMENT = _choose(
    '"2024-02-29T10:11:12Z"', '"2024-02-29T10:11:12.123456+05:30"', '"2024-02-29T10:11:12"', '"1969-12-31T23:59:59.5-00:30"',
    '"2024-02-29T10:11:12.5"', '"2024-02-29T00:00:00+00:00"',
)  # fmt: skip

SCALARS = [
    Kind("int", _number, True),
    Kind("float", _float, True),
    Kind("str", _text, True),
    Kind("str", _text, True),
    Kind("bool", _choose("true", "false"), True),
    Kind("None", _choose("null"), True),
    Kind("bytes", _text, True),
    Kind("Any", _choose("null", "[1,[2.5]]", '{"a":{"b":null}}', '"s"', "1.0", "12345678901234567890", "true")),
    Kind("datetime.date", _DATE, True),
    Kind("datetime.time", _choose('"10:11:12"', '"10:11:12.000001Z"', '"23:59:59+01:00"', '"00:00"'), True),
    Kind("datetime.datetime", _MOMENT, True),
    Kind("datetime.timedelta", _choose('"P1DT2H"', '"PT0.5S"', '"-P2DT3H"', '"P1Y35DT3H0.000005S"', '"PT0S"'), True),
    Kind("uuid.UUID", _choose('"12345678-1234-4678-8234-567812345678"', '"12345678-1234-5678-1234-56781234567F"'), True),
    Kind("decimal.Decimal", _choose('"1.50"', '"-0"', '"1e3"', "12", "1.25", '"007"', '"123456789.123456789"'), True),
    Kind("Color", _choose('"red"', '"blue"'), True),
    Kind("Level", _choose("1", "2"), True),
    Kind("Odd", _choose('"a"', "1", "0.5"), True),
    Kind("Kind", _choose('"x"', '"y"', '"z"')),
    Kind('Literal["a", "b"]', _choose('"a"', '"b"'), True),
    Kind('Literal[1, "a", None]', _choose("1", '"a"', "null"), True),
    Kind("Literal[True, 2]", _choose("true", "2", "1"), True),
    Kind("Literal[Color.RED]", _choose('"red"'), True),
    Kind("Annotated[int, Ge(0), Lt(100)]", _choose("0", "99", "50"), True),
    Kind("Annotated[int, MultipleOf(3)]", _choose("0", "3", "-6"), True),
    Kind("Annotated[float, Gt(0), Le(1e3)]", _choose("0.5", "1", "1000"), True),
    Kind("Annotated[float, Field(allow_inf_nan=False)]", _float, True),
    Kind("Annotated[str, MinLen(1), MaxLen(5)]", _choose('"a"', '"ééééé"', '"\\u00e9b"'), True),
    Kind("Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]", _choose('" a "', '"b"', '"\\u00a0c"'), True),
    Kind('Annotated[str, StringConstraints(pattern="^a+$")]', _choose('"a"', '"aaa"'), True),
    Kind("Annotated[str, StringConstraints(to_upper=True)]", _text, True),
    Kind("StrictInt", _number, True),
    Kind("StrictStr", _text, True),
    Kind("Annotated[bytes, MaxLen(4)]", _choose('"a"', '"éé"'), True),
    Kind("Annotated[decimal.Decimal, Ge(0)]", _choose('"1.5"', "2"), True),
    Kind("HttpUrl", _choose('"https://example.com/a?b=1"', '"http://é.example"')),
    Kind("pathlib.PurePosixPath", _choose('"/a/b"', '"c"')),
    Kind("ipaddress.IPv4Address", _choose('"127.0.0.1"')),
    Kind("SecretStr", _text),
    Kind("Json", _choose('"[1]"', '"{\\"a\\":1}"')),
    Kind("Json[list[int]]", _choose('"[1]"', '"[]"')),
    Kind("Annotated[int, AfterValidator(after)]", _number),
    Kind("Annotated[str, AfterValidator(after_info)]", _text),
    Kind("Annotated[int, BeforeValidator(before)]", _number),
    Kind("Annotated[str, WrapValidator(wrap)]", _text),
    Kind("Annotated[int, PlainValidator(plain)]", _number),
    Kind("Annotated[int, PlainSerializer(ser_plain, return_type=str)]", _number),
    Kind("Annotated[float, WrapSerializer(ser_wrap)]", _float),
    Kind("Annotated[int, PlainSerializer(ser_info)]", _number),
    Kind("Annotated[str, PlainSerializer(ser_plain, when_used='json-unless-none')]", _text),
    Kind("Address", _choose('{"street":"s","number":1}', "{}", '{"street":"s"}')),
    Kind("Point", _choose('{"x":1,"y":2.5}', '{"y":1,"x":2}')),
    Kind("Pair", _choose('{"left":1}', '{"left":1,"right":"x"}')),
    Kind("SerializeAsAny[BaseModel]", _choose("{}")),
]  # fmt: skip
KEYS = ["str", "int", "Color", "uuid.UUID", "datetime.date", 'Literal["a", "b"]', "float", "bool"]


def _key_text(source: str, random: Random) -> str:
    texts = {
        "int": ('"1"', '"-5"', '"01"', '"0"'),
        "Color": ('"red"', '"blue"'),
        "uuid.UUID": ('"12345678-1234-4678-8234-567812345678"',),
        "datetime.date": ('"2024-02-29"',),
        'Literal["a", "b"]': ('"a"', '"b"'),
        "float": ('"1.5"', '"1"'),
        "bool": ('"true"', '"1"'),
    }
    return random.choice(texts.get(source, ('"a"', '"b"', '"é"', '""', '"\\u0061"', '"x y"')))


@dataclass
class Model:
    """One class, as lines that can be taken out."""

    name: str
    head: str
    lines: list[str]
    fields: dict[str, Kind]
    keys: dict[str, str]
    optional: set[str]
    root: Kind | None = None

    def source(self) -> str:
        """Return the class statement."""
        return "\n".join([self.head, *(f"    {line}" for line in self.lines or ["pass"])])


@dataclass
class World:
    """Some classes that refer to each other; the last one is the one that is read and written."""

    models: list[Model] = field(default_factory=list)
    root: str = ""

    def source(self) -> str:
        """Return the module without its header."""
        rebuilds = [f"{model.name}.model_rebuild()" for model in self.models]
        return "\n\n".join([*(model.source() for model in self.models), *rebuilds, f"ROOT = {self.root}"])

    def load(self) -> Any:
        """Return the module."""
        module = types.ModuleType("campaign_world")
        sys.modules["campaign_world"] = module
        exec(compile(HEADER + self.source(), "campaign_world", "exec"), module.__dict__)
        return module


class Grammar:
    """Draws worlds.

    Args:
        random: Where everything is drawn from.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.models: list[Model] = []
        self._depth = 0

    def world(self) -> World:
        """Draw some classes, and the type that is read and written."""
        for index in range(self.random.randint(1, 4)):
            self.models.append(self._model(f"M{index}"))
        last = self.models[-1].name
        root = self.random.choice([last, last, last, f"List[{last}]", f"Dict[str, {last}]", f"Optional[{last}]"])
        if len(self.models) > 1 and self.random.random() < 0.2:
            root = f"Union[{last}, {self.models[0].name}]"
        return World(self.models, root)

    def kind(self, depth: int = 0, *, hashable: bool = False) -> Kind:
        """Draw a type."""
        random = self.random
        if hashable:
            return random.choice([scalar for scalar in SCALARS if scalar.hashable])
        roll = random.random()
        if depth >= 3 or roll < 0.4:
            return random.choice(SCALARS)
        if roll < 0.55 and self.models:
            return self._reference(random.choice(self.models))
        return random.choice(
            (self._optional, self._list, self._set, self._tuple, self._dict, self._union, self._union)
        )(depth)

    def _reference(self, model: Model) -> Kind:
        return Kind(model.name, lambda random: document(model, random))

    def _optional(self, depth: int) -> Kind:
        inner = self.kind(depth + 1)
        return Kind(
            f"Optional[{inner.source}]", lambda random: "null" if random.random() < 0.3 else inner.sample(random)
        )

    def _list(self, depth: int) -> Kind:
        inner = self.kind(depth + 1)
        name = self.random.choice(("List[{}]", "List[{}]", "Annotated[List[{}], MinLen(1), MaxLen(3)]", "Sequence[{}]"))
        return Kind(name.format(inner.source), lambda random: _array(inner, random))

    def _set(self, depth: int) -> Kind:
        inner = self.kind(depth + 1, hashable=True)
        name = self.random.choice(("Set[{}]", "FrozenSet[{}]", "Annotated[Set[{}], MaxLen(2)]"))
        return Kind(name.format(inner.source), lambda random: _array(inner, random))

    def _tuple(self, depth: int) -> Kind:
        inner = [self.kind(depth + 1) for _ in range(self.random.randint(1, 3))]
        if self.random.random() < 0.4:
            return Kind(f"Tuple[{inner[0].source}, ...]", lambda random: _array(inner[0], random))
        sources = ", ".join(item.source for item in inner)
        return Kind(f"Tuple[{sources}]", lambda random: "[" + ",".join(item.sample(random) for item in inner) + "]")

    def _dict(self, depth: int) -> Kind:
        key, inner = self.random.choice(KEYS), self.kind(depth + 1)

        def sample(random: Random) -> str:
            members = [f"{_key_text(key, random)}:{inner.sample(random)}" for _ in range(random.randint(0, 3))]
            return "{" + ",".join(members) + "}"

        return Kind(f"Dict[{key}, {inner.source}]", sample)

    def _union(self, depth: int) -> Kind:
        tagged = [model for model in self.models if "kind" in model.fields]
        if len(tagged) > 1 and self.random.random() < 0.6:
            kinds = [self._reference(model) for model in tagged]
            sources = ", ".join(kind.source for kind in kinds)
            source = f'Annotated[Union[{sources}], Field(discriminator="kind")]'
        else:
            kinds = [self.kind(depth + 1) for _ in range(self.random.randint(2, 3))]
            source = f"Union[{', '.join(kind.source for kind in kinds)}]"
            if self.random.random() < 0.15:
                source = f'Annotated[{source}, Field(union_mode="left_to_right")]'
        return Kind(source, lambda random: random.choice(kinds).sample(random))

    # -- classes ----------------------------------------------------------------------------------------------------------

    def _model(self, name: str) -> Model:
        random = self.random
        if random.random() < 0.1:
            inner = self.kind(1)
            return Model(name, f"class {name}(RootModel):", [f"root: {inner.source}"], {}, {}, set(), root=inner)
        model = Model(name, f"class {name}(BaseModel):", [], {}, {}, set())
        model.lines.append(self._config())
        names = ["a", "b", "c", "d_e", "long_field_name", "f", "g", "h", "i"][
            : random.randint(1, random.choice((3, 6, 9)))
        ]
        if random.random() < 0.3:
            model.fields["kind"] = Kind(f'Literal["{name.lower()}"]', _choose(f'"{name.lower()}"'))
            model.lines.append(f'kind: Literal["{name.lower()}"]')
            model.keys["kind"] = "kind"
        for field_name in names:
            kind = self.kind()
            if random.random() < 0.06:
                kind = Kind(f"Optional[{name}]", lambda _: "null")
            model.fields[field_name] = kind
            model.lines.append(f"{field_name}: {kind.source}{self._assigned(model, field_name, kind)}")
        model.lines += self._methods(names)
        return model

    def _assigned(self, model: Model, name: str, kind: Kind) -> str:
        random = self.random
        model.keys[name] = name
        parts = []
        roll = random.random()
        if roll < 0.45:
            model.optional.add(name)
            defaults = ["None", "default=1", "default='x'", "default_factory=list", "default_factory=made", "default_factory=dict",
                "default=[1]", "default={'a': [1]}", "default=0.5", "default=True"]  # fmt: skip
            for start, fitting in _DEFAULTS.items():
                if kind.source.startswith(start) and random.random() < 0.9:
                    defaults = fitting
            parts.append(random.choice(defaults))
        roll = random.random()
        if roll < 0.12:
            parts.append(f'alias="{name.title()}"')
            model.keys[name] = name.title()
        elif roll < 0.2:
            parts.append(f'validation_alias="v_{name}"')
            model.keys[name] = f"v_{name}"
        elif roll < 0.28:
            parts.append(f'serialization_alias="s é {name}"')
        elif roll < 0.32:
            parts.append(f'validation_alias=AliasChoices("one_{name}", "two_{name}", AliasPath("deep", 0))')
            model.keys[name] = f"one_{name}"
        if random.random() < 0.05:
            parts.append("exclude=True")
        if random.random() < 0.04:
            parts.append("validate_default=True")
        return f" = Field({', '.join(parts)})" if parts else ""

    def _config(self) -> str:
        random = self.random
        options = {
            "extra": ('"ignore"', '"forbid"', '"allow"', '"allow"'),
            "populate_by_name": ("True",),
            "validate_by_alias": ("True",),
            "serialize_by_alias": ("True", "False"),
            "str_strip_whitespace": ("True",),
            "str_max_length": ("20",),
            "strict": ("True",),
            "frozen": ("True",),
            "use_enum_values": ("True",),
            "ser_json_timedelta": ('"float"',),
            "ser_json_bytes": ('"base64"', '"hex"'),
            "val_json_bytes": ('"base64"', '"hex"'),
            "ser_json_inf_nan": ('"constants"', '"strings"'),
            "validate_default": ("True",),
            "loc_by_alias": ("False",),
            "hide_input_in_errors": ("True",),
            "coerce_numbers_to_str": ("True",),
            "allow_inf_nan": ("False",),
            "revalidate_instances": ('"always"',),
        }
        chosen = [name for name in options if random.random() < 0.05]
        if random.random() < 0.4:
            chosen.append("extra")
        return f"model_config = ConfigDict({', '.join(f'{name}={random.choice(options[name])}' for name in dict.fromkeys(chosen))})"

    def _methods(self, names: list[str]) -> list[str]:
        random = self.random
        name = random.choice(names)
        methods = {
            f'@field_validator("{name}")\n    @classmethod\n    def check_{name}(cls, value): return after(value)': 0.06,
            f'@field_validator("{name}")\n    @classmethod\n    def see_{name}(cls, value, info): return after_info(value, info)': 0.05,
            f'@field_validator("{name}", mode="before")\n    @classmethod\n    def pre_{name}(cls, value): return before(value)': 0.04,
            f'@field_validator("{name}", mode="wrap")\n    @classmethod\n    def round_{name}(cls, value, handler): return wrap(value, handler)': 0.03,
            '@model_validator(mode="after")\n    def whole(self):\n        note("whole")\n        return self': 0.06,
            '@model_validator(mode="before")\n    @classmethod\n    def raw(cls, data):\n        note("raw", data)\n        return data': 0.03,
            '@model_validator(mode="wrap")\n    @classmethod\n    def both(cls, data, handler):\n        note("both")\n        return handler(data)': 0.02,
            'def model_post_init(self, context):\n        note("post", context)': 0.06,
            "_private: int = 3": 0.06,
            "_made: list = PrivateAttr(default_factory=lambda: [note('private')])": 0.04,
            f'@field_serializer("{name}")\n    def write_{name}(self, value): return ser_plain(value)': 0.05,
            f'@field_serializer("{name}", mode="wrap")\n    def surround_{name}(self, value, handler): return ser_wrap(value, handler)': 0.04,
            '@model_serializer(mode="wrap")\n    def out(self, handler):\n        note("out")\n        return handler(self)': 0.02,
            '@computed_field\n    @property\n    def total(self) -> int:\n        note("total")\n        return len(self.__dict__)': 0.06,
            '@computed_field(alias="C O")\n    @property\n    def other(self) -> Optional[str]:\n        return None': 0.03,
        }  # fmt: skip
        return [text for text, share in methods.items() if random.random() < share]


def _array(kind: Kind, random: Random) -> str:
    return "[" + ",".join(kind.sample(random) for _ in range(random.randint(0, 3))) + "]"


def document(model: Model, random: Random) -> str:
    """Return a document that usually fits a class."""
    if model.root is not None:
        return model.root.sample(random)
    members = [
        f"{json.dumps(model.keys[name])}:{kind.sample(random)}"
        for name, kind in model.fields.items()
        if not (name in model.optional and random.random() < 0.5)
    ]
    if random.random() < 0.1:
        random.shuffle(members)
    if random.random() < 0.15:
        members.insert(
            random.randint(0, len(members)), f'"extra {random.randint(0, 2)}":{random.choice(SCALARS).sample(random)}'
        )
    return "{" + ",".join(members) + "}"


def root_document(world: World, random: Random) -> str:
    """Return a document of the type that is read and written."""
    model = random.choice(world.models) if world.root.startswith("Union") else world.models[-1]
    inner = [document(model, random) for _ in range(random.randint(0, 2))]
    if world.root.startswith("List"):
        return "[" + ",".join(inner) + "]"
    if world.root.startswith("Dict"):
        return "{" + ",".join(f'"k{index}":{text}' for index, text in enumerate(inner)) + "}"
    return document(model, random)
