"""The contract of a format, as a test class to inherit."""

# ruff: noqa: S101  (assertions are what a contract consists of)

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, ValidationError, computed_field, field_serializer

from pydantic_serialization.errors import DecodeError, EncodeError, LimitExceededError, SerializationError
from pydantic_serialization.formats import BoundFormat, Format, FormatOptions
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

_SECRET = "correct-horse-battery"  # noqa: S105  (a canary to look for)
_MAX_WIRE_ID = 256

# One method runs under each subclass: that is the purpose here, and Hypothesis would call it suspicious.
_quiet = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow]
)

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=15)
_numbers = st.integers(-(2**63), 2**63 - 1)


class Paint(str, Enum):
    """An enum of strings."""

    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    """A nested model."""

    name: str
    price: Decimal = Decimal("0.10")


class SecretPart(Part):
    """A subclass, whose field must not leak through a field declared as its base."""

    password: str = _SECRET


class Machine(BaseModel):
    """What an application's model holds."""

    id: UUID = UUID(int=1)
    name: str = ""
    count: int = 0
    ratio: float = 0.5
    active: bool = True
    nothing: None = None
    maybe: str | None = None
    paint: Paint = Paint.RED
    built: datetime | None = None
    day: date = date(2000, 1, 1)
    took: timedelta = timedelta(0)
    parts: list[Part] = []
    by_name: dict[str, Part] = {}
    pair: tuple[int, str] = (1, "a")
    tags: frozenset[str] = frozenset()
    either: int | str = 0


class Shaped(BaseModel):
    """A model with code of the user's and another name outside."""

    cents: int = Field(default=100, alias="euros")

    @field_serializer("cents")
    def _as_text(self, value: int) -> str:
        return str(value)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        """Twice the cents."""
        return self.cents * 2


class Tree(BaseModel):
    """A model of itself."""

    below: list[Tree] = []


def _below_hundred(value: int) -> int:
    if value >= 100:
        raise ValueError("too old")
    return value


class Checked(BaseModel):
    """A model with a constraint and a check."""

    age: Annotated[int, Field(ge=0), AfterValidator(_below_hundred)]


_parts = st.builds(Part, name=_texts, price=st.decimals(allow_nan=False, allow_infinity=False, places=2))
_machines = st.builds(
    Machine,
    id=st.uuids(),
    name=_texts,
    count=_numbers,
    ratio=st.floats(allow_nan=False, allow_infinity=False),
    active=st.booleans(),
    maybe=st.none() | _texts,
    paint=st.sampled_from(Paint),
    built=st.none() | st.datetimes(),
    day=st.dates(),
    took=st.timedeltas(timedelta(days=-999), timedelta(days=999)),
    parts=st.lists(_parts, max_size=3),
    by_name=st.dictionaries(_texts, _parts, max_size=3),
    pair=st.tuples(_numbers, _texts),
    tags=st.frozensets(_texts, max_size=3),
    either=_numbers | _texts,
)


class FormatContract:
    """What every format has to do.

    Inherit it in a test module and set :attr:`format`::

        from pydantic_serialization.testing import FormatContract

        class TestCbor(FormatContract):
            format = CborFormat()

    Needs pytest and Hypothesis.

    Attributes:
        format: The format under test.
        takes_options: Whether it honours Pydantic's options of writing; a format of whole instances cannot.
        runs_serializers: Whether a field's own serializer decides what is written.
        has_end: Whether the end of a document is known, so that bytes behind it are an error.
    """

    format: ClassVar[Format]
    takes_options: ClassVar[bool] = True
    runs_serializers: ClassVar[bool] = True
    has_end: ClassVar[bool] = True

    def test_has_the_members_of_a_format(self) -> None:
        """A format has a lower-case name, a wire number of one byte, and a media type."""
        assert self.format.name == self.format.name.lower()
        assert 0 < self.format.wire_id < _MAX_WIRE_ID
        assert "/" in self.format.media_type

    @_quiet
    @given(machine=_machines)
    def test_keeps_any_model(self, machine: Machine) -> None:
        """Reading gives back an equal model, whatever the values, with all types."""
        bound = self._bound(Machine)
        found = bound.decode(bound.encode(machine))
        assert found == machine
        assert [type(value) for value in dict(found).values()] == [type(value) for value in dict(machine).values()]
        assert list(found.__dict__) == list(Machine.model_fields)

    @_quiet
    @given(machines=st.lists(_machines, max_size=3))
    def test_keeps_types_that_are_no_models(self, machines: list[Machine]) -> None:
        """Lists, dicts and optional types of models are read back equal."""
        for declared, value in (
            (list[Machine], machines),
            (dict[str, Machine], {str(index): item for index, item in enumerate(machines)}),
            (Machine | None, machines[0] if machines else None),
        ):
            bound = self._bound(declared)
            assert bound.decode(bound.encode(value)) == value

    def test_reads_any_buffer(self) -> None:
        """Bytes, bytearray and memoryview are read alike."""
        bound = self._bound(Machine)
        data = bound.encode(Machine())
        assert isinstance(data, bytes)
        for buffer in (data, bytearray(data), memoryview(data), memoryview(b"xx" + data)[2:]):
            assert bound.decode(buffer) == Machine()
            assert bound.decode_with(buffer, {"context": {}}) == Machine()

    def test_the_declared_type_decides_what_is_written(self) -> None:
        """The fields of a subclass do not leak through a field, or a list, of its base."""
        bound = self._bound(list[Part])
        try:
            data = bound.encode([SecretPart(name="a")])
        except Exception:  # noqa: BLE001  (refusing to write it leaks nothing)
            return
        assert _SECRET.encode() not in data

    def test_honours_aliases_serializers_and_computed_fields(self) -> None:
        """What Pydantic's JSON mode would give is what is written."""
        bound = self._bound(Shaped)
        if not self.runs_serializers:  # the format writes instances, not what serializers make of them
            assert bound.decode(bound.encode(Shaped(euros=7))) == Shaped(euros=7)
            return
        data = bound.encode_with(Shaped(euros=7), {"by_alias": True})
        plain = self._bound(dict[str, Any]).decode(data)
        assert plain == {"euros": "7", "double": 14}
        assert bound.decode(data) == Shaped(euros=7)

    def test_honours_the_options_of_writing(self) -> None:
        """``include``, ``exclude`` and ``exclude_none`` leave out what they say."""
        machine = Machine(name="a", count=5)
        bound = self._bound(Machine)
        if not self.takes_options:  # what was to be left out must not be written all the same
            with pytest.raises(EncodeError):
                bound.encode_with(machine, {"exclude": {"count"}})
            return
        assert bound.decode(bound.encode_with(machine, {"exclude": {"count"}})) == Machine(name="a")
        assert bound.decode(bound.encode_with(machine, {"include": {"count"}})) == Machine(count=5)
        found = bound.decode(bound.encode_with(machine, {"exclude_none": True}))
        assert "maybe" not in found.model_fields_set

    def test_reads_its_own_output_in_strict_mode(self) -> None:
        """Pydantic's strict mode, per call and for all calls, takes what was written."""
        machine = Machine(parts=[Part(name="a")], built=datetime(2024, 1, 2, 3, 4, 5))  # noqa: DTZ001
        for bound in (self._bound(Machine), self._bound(Machine, FormatOptions(strict=True))):
            assert bound.decode(bound.encode(machine)) == machine
            assert bound.decode_with(bound.encode(machine), {"strict": True}) == machine

    def test_validates_unless_told_not_to(self) -> None:
        """Values that break a rule are refused, and read where ``validate`` is off."""
        for age in (-1, 100):
            data = self._bound(Checked).encode(Checked.model_construct(age=age))
            with pytest.raises(ValidationError):
                self._bound(Checked).decode(data)
            assert self._bound(Checked, FormatOptions(validate=False)).decode(data).age == age

    def test_the_depth_is_bounded_in_both_directions(self) -> None:
        """What is written can be read; deeper is an error on writing, and a LimitExceededError on reading."""
        bound, shallow = self._bound(Tree), self._bound(Tree, FormatOptions(max_depth=10))
        fits, deep = self._tree(4), self._tree(9)
        assert shallow.decode(shallow.encode(fits)) == fits
        with pytest.raises(LimitExceededError) as caught:
            shallow.decode(bound.encode(deep))
        assert caught.value.limit == "max_depth"
        with pytest.raises(EncodeError):
            shallow.encode(deep)
        assert bound.decode(bound.encode(deep)) == deep
        with pytest.raises(Exception):  # noqa: B017, PT011  (the pipeline makes an EncodeError of whatever it is)
            bound.encode(self._tree(5000))

    def test_nothing_is_an_error(self) -> None:
        """Zero bytes are a DecodeError."""
        for nothing in (b"", bytearray(), memoryview(b"")):
            with pytest.raises(DecodeError):
                self._bound(Machine).decode(nothing)

    def test_every_truncation_is_an_error(self) -> None:
        """A document that was cut, at any place, is a DecodeError or a ValidationError."""
        bound = self._bound(Machine)
        data = bound.encode(Machine(parts=[Part(name="a")]))
        for end in range(len(data)):
            with pytest.raises((DecodeError, ValidationError)):
                bound.decode(data[:end])

    def test_trailing_bytes_are_an_error(self) -> None:
        """Bytes behind a document are a DecodeError, not half an answer."""
        if not self.has_end:
            pytest.skip("a document of this format has no end of its own")
        bound = self._bound(Machine)
        for tail in (b"\x00", b"x", b"\xff" * 100, bound.encode(Machine())):
            with pytest.raises(DecodeError):
                bound.decode(bound.encode(Machine()) + tail)

    @_quiet
    @given(junk=st.binary(max_size=100))
    @example(junk=b"\x00" * 100)
    @example(junk=b"\xff" * 100)
    @example(junk=b"{" * 5000)
    def test_junk_is_one_of_two_errors(self, junk: bytes) -> None:
        """Arbitrary bytes, also behind a good beginning, raise nothing but DecodeError and ValidationError."""
        bound = self._bound(Machine)
        good = bound.encode(Machine())
        for data in (junk, good[:20] + junk, good[:-3] + junk):
            self._refused_or_read(bound.decode, data)

    def test_every_flipped_bit_is_an_error_or_a_model(self) -> None:
        """Damage raises nothing but DecodeError and ValidationError."""
        bound = self._bound(Part)
        data = bound.encode(Part(name=_SECRET))
        for bit in range(len(data) * 8):
            damaged = bytearray(data)
            damaged[bit // 8] ^= 1 << bit % 8
            self._refused_or_read(bound.decode, bytes(damaged))

    def test_no_error_shows_the_payload(self) -> None:
        """Our errors, their causes included, repeat nothing of what was read."""
        bound = self._bound(Part)
        data = bound.encode(Part(name=_SECRET))
        for damaged in (data[:-1], _SECRET.encode(), data + _SECRET.encode()):
            with pytest.raises((DecodeError, ValidationError)) as caught:
                bound.decode(damaged)
            if isinstance(caught.value, SerializationError):
                shown = traceback.format_exception(caught.value)
                assert not any(_SECRET in text for text in (*shown, str(caught.value), repr(caught.value)))

    def test_the_same_value_gives_the_same_bytes(self) -> None:
        """Output depends on nothing but the value."""
        machine = Machine(parts=[Part(name="a")])
        first = self._bound(Machine).encode(machine)
        self._bound(Machine).encode(Machine(name="other"))
        assert self._bound(Machine).encode(machine.model_copy(deep=True)) == first

    def test_works_from_many_threads(self) -> None:
        """One bound pair of functions serves all threads at once."""
        bound = self._bound(Machine)

        def round_trip(number: int) -> bool:
            machine = Machine(count=number, parts=[Part(name=str(number))] * 20)
            return all(bound.decode(bound.encode(machine)) == machine for _ in range(5))

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(round_trip, range(32)))

    def _bound(self, declared: Any, options: FormatOptions | None = None) -> BoundFormat:
        return self.format.bind(plan_for(declared), options or FormatOptions())

    @staticmethod
    def _tree(height: int) -> Tree:
        tree = Tree()
        for _ in range(height):
            tree = Tree.model_construct(below=[tree])
        return tree

    @staticmethod
    def _refused_or_read(decode: Callable[[Any], Any], data: bytes) -> None:
        try:
            decode(data)
        except (DecodeError, ValidationError):
            return
