"""The user's code runs as often as in one call of Pydantic's, in the same order, whatever becomes of the call.

Every kind of code writes down that it was called. Documents succeed, are refused by it, or are declined by the core for a
reason that stands before, behind or inside it: in none of these may anything be called again.
"""

# ruff: noqa: E501, UP045

from collections.abc import Callable
from inspect import signature
from itertools import count
from typing import Annotated, Any, Literal, Optional

import pytest
from encoders import Declined
from parity.outcomes import outcome
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    WrapSerializer,
    WrapValidator,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from pydantic_serialization._native import core
from pydantic_serialization.plan.compiler import compile_plan
from pydantic_serialization.plan.native import bind_decoder, bind_encoder

pytestmark = pytest.mark.skipif(core is None, reason="compares the native core with pydantic")

calls: list[Any] = []


def note(name: str, value: Any) -> Any:
    calls.append((name, repr(value)))
    if value == 7:
        raise ValueError("seven")
    if value == 8:
        raise TypeError("eight")
    return value


def noting(name: str) -> Callable[[Any], Any]:
    return lambda value: note(name, value)


def around(value: Any, handler: Any) -> Any:
    note("wrap, before", value)
    return note("wrap, after", handler(value))


class FieldDecorators(BaseModel):
    v: int = 1

    @field_validator("v", mode="before")
    @classmethod
    def _before(cls, value: Any) -> Any:
        return note("before", value)

    @field_validator("v")
    @classmethod
    def _after(cls, value: Any) -> Any:
        return note("after", value)

    @field_validator("v", mode="wrap")
    @classmethod
    def _wrap(cls, value: Any, handler: Any) -> Any:
        return around(value, handler)


class FieldAfter(BaseModel):
    v: int = 1

    @field_validator("v")
    @classmethod
    def _after(cls, value: Any, info: Any) -> Any:
        return note(f"after {info.field_name} {info.data}", value)


class ModelAfter(BaseModel):
    v: int = 1

    @model_validator(mode="after")
    def _after(self) -> "ModelAfter":
        note("model after", self.v)
        return self


class ModelBefore(BaseModel):
    v: int = 1

    @model_validator(mode="before")
    @classmethod
    def _before(cls, data: Any) -> Any:
        note("model before", data.get("v") if isinstance(data, dict) else data)
        return data


class ModelWrap(BaseModel):
    v: int = 1

    @model_validator(mode="wrap")
    @classmethod
    def _wrap(cls, data: Any, handler: Any) -> Any:
        note("model wrap", data)
        return handler(data)


class PostInit(BaseModel):
    v: int = 1
    _private: list[int] = PrivateAttr(default_factory=lambda: [note("private", 0)])

    def model_post_init(self, context: Any) -> None:
        note("post init", self.v)


class OwnInit(BaseModel):
    v: int = 1

    def __init__(self, **values: Any) -> None:
        note("init", values.get("v"))
        super().__init__(**values)


class Factories(BaseModel):
    v: int = Field(default_factory=lambda: note("factory", 1))
    w: list[int] = Field(default_factory=lambda: [note("factory", 2)])


class Literals(BaseModel):
    kind: Literal["code"] = "code"
    v: Annotated[int, AfterValidator(noting("tagged"))] = 1


class Plain(BaseModel):
    kind: Literal["plain"]
    v: int = 1


READ: dict[str, Any] = {
    "field decorators": FieldDecorators,
    "field after, with info": FieldAfter,
    "model after": ModelAfter,
    "model before": ModelBefore,
    "model wrap": ModelWrap,
    "post init": PostInit,
    "own init": OwnInit,
    "factories": Factories,
    "tagged": Annotated[Literals | Plain, Field(discriminator="kind")],
} | {
    name: create_model(name, v=(Annotated[int, validator], 1))
    for name, validator in {
        "after": AfterValidator(noting("after")),
        "before": BeforeValidator(noting("before")),
        "wrap": WrapValidator(around),
        "plain": PlainValidator(noting("plain")),
    }.items()
}
BODIES = (
    '{"kind":"code","v":2}', '{"kind":"code"}', "{}", '{"v":7}', '{"kind":"code","v":8}', '{"kind":"code","v":"3"}', '{"v":2.0}',
    '{"v":2.5}', '{"v":"x"}', '{"v":2,"v":7}', '{"v":7,"v":2}', '{"v":NaN}', "null", "5", "[]", '{"v":null}', '{"v":2,"zzz":[1e999]}',
    '{"kind":"code","v":2,"kind":"plain"}',
)  # fmt: skip


def observed(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    calls.clear()
    return outcome(call, *arguments, **options), list(calls)


def holder(declared: Any) -> Any:
    """Return a model that holds a type at many places, with plain fields before and behind."""
    return create_model(
        "Holder",
        first=(int, 1),
        one=(declared | None, None),
        many=(list[declared], []),
        by_key=(dict[str, declared], {}),
        pair=(Optional[tuple[declared, declared]], None),
        either=(declared | list[int] | None, None),
        either_last=(list[int] | declared | None, None),
        last=(str, ""),
    )


@pytest.mark.parametrize("name", READ)
def test_reading_calls_as_often_as_pydantic(name: str) -> None:
    """For each kind of code, at each place, in each kind of document: the same calls, value, error."""
    declared = READ[name]
    wrapped = holder(declared)
    plans = {"alone": compile_plan(declared), "list": compile_plan(list[declared]), "held": compile_plan(wrapped)}
    good = '{"kind":"code","v":3}'
    compared = count()
    for body in BODIES:
        documents = [
            ("alone", body),
            ("alone", body + "x"),
            ("list", f"[{good},{body},{good}]"),
            ("list", f"[{body},{body}]"),
        ]
        for inner in (
            f'"one":{body}', f'"many":[{good},{body}]', f'"many":[{body},{good},{body}]', f'"by_key":{{"a":{good},"b":{body}}}',
            f'"pair":[{good},{body}]', f'"either":{body}', f'"either_last":{body}', f'"one":{body},"one":{good}',
            f'"one":{good},"many":[{body}],"by_key":{{"k":{body}}},"either":{good}', f'"last":5,"one":{body}',
        ):  # fmt: skip
            for before, behind in (
                ("", ""),
                ('"first":"no",', ""),
                ("", ',"last":5'),
                ("", ',"last":"\\ud800"'),
                ("", ',"zzz":01'),
            ):
                documents.append(("held", f"{{{before}{inner}{behind}}}"))
        for key, document in documents:
            plan = plans[key]
            expected = observed(plan.validator.validate_json, document)
            assert observed(bind_decoder(plan, plan.validator.validate_json), document) == expected, document
            next(compared)
    assert next(compared) > 500


def test_a_declined_document_has_called_nothing() -> None:
    """The core itself calls nothing of a document that it hands on."""
    assert core is not None
    for name, declared in READ.items():
        plan = compile_plan(holder(declared))
        if plan.decoding.program is None:
            continue

        def decline(*_: Any) -> Any:
            raise Declined

        decode = core.decoder(plan.decoding.program, decline, max_depth=200, views=False)
        good = '{"kind":"code","v":3}'
        for document in (
            f'{{"one":{good},"last":5}}',
            f'{{"many":[{good},{good}],"by_key":{{"k":1',
            f'{{"one":{good},"first":1.0}}',
        ):
            calls.clear()
            with pytest.raises(Declined):
                decode(document)
            assert calls == [], name


# -- writing ----------------------------------------------------------------------------------------------------


# Pydantic has `exclude_if` since 2.12.
Excluded: Any = (
    Field(exclude_if=lambda value: note("exclude_if", value) == 100)
    if "exclude_if" in signature(Field).parameters
    else None
)


class Writing(BaseModel):
    before: int = 0
    plain: Annotated[int, PlainSerializer(noting("plain"))] = 1
    typed: Annotated[int, PlainSerializer(noting("typed"), return_type=int)] = 2
    wrap: Annotated[int, WrapSerializer(around)] = 3
    decorated: int = 4
    between: str = ""
    by_default: Annotated[int, Excluded] = 5
    behind: list[int] = []

    @field_serializer("decorated", mode="wrap")
    def _write(self, value: Any, handler: Any, info: Any) -> Any:
        note(f"decorated {info.mode}", value)
        return handler(value)

    @computed_field
    @property
    def total(self) -> int:
        return note("total", self.before)


class Wrapping(BaseModel):
    v: int = 1

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        note("model wrap", self.v)
        return handler(self)


class Whole(BaseModel):
    v: int = 1

    @model_serializer
    def _write(self) -> Any:
        return {"x": note("model plain", self.v)}


def changed(model: type[BaseModel], **values: Any) -> BaseModel:
    instance = model()
    instance.__dict__.update(values)
    return instance


WRITTEN: list[Any] = [Writing(), Wrapping(), Whole(), changed(Wrapping, v=7), changed(Whole, v=8)]
for field in ("plain", "typed", "wrap", "decorated", "before", "by_default"):
    WRITTEN += [changed(Writing, **{field: 7}), changed(Writing, **{field: 8})]
WRITTEN += [changed(Writing, behind=[object]), changed(Writing, behind="\ud800"), changed(Writing, before=object)]


@pytest.mark.parametrize("index", range(len(WRITTEN)))
def test_writing_calls_as_often_as_pydantic(index: int) -> None:
    """For each kind of code that succeeds or fails, and for values that nobody can write: the same calls, bytes, error."""
    value = WRITTEN[index]
    cls = type(value)
    outer = create_model(
        "Outer", first=(int, 1), one=(cls, ...), many=(list[cls], []), anything=(Any, None), last=(int, 2)
    )
    for declared, held in (
        (cls, value),
        (list[cls], [cls(), value, cls()]),
        (dict[str, cls], {"a": cls(), "b": value}),
        (outer, outer.model_construct(one=value, many=[cls(), value])),
        (outer, outer.model_construct(one=cls(), many=[cls()], anything=[value])),
        (Any, [cls(), {"k": value}]),
    ):
        plan = compile_plan(declared)
        for options in (
            {},
            {"exclude_none": True},
            {"exclude_unset": True},
            {"by_alias": True},
            {"warnings": False},
            {"round_trip": True},
        ):
            expected = observed(plan.serializer.to_json, held, **options)
            assert observed(bind_encoder(plan, plan.serializer.to_json), held, **options) == expected


SEVERAL = pytest.mark.xfail(
    reason="where several parts warn, the whole is written again so that one warning lists them all"
)


@pytest.mark.parametrize("number", [1, pytest.param(2, marks=SEVERAL)])
def test_code_that_makes_pydantic_warn(number: int) -> None:
    """A serializer whose result has not the type that it declares makes one warning, and is not called again for it."""
    wrong = Annotated[int, PlainSerializer(lambda value: str(note("wrong", value)), return_type=int)]
    model = create_model("Wrong", a=(int, 1), **{f"b{index}": (wrong, 2) for index in range(number)}, c=(int, 3))
    plan = compile_plan(model)
    expected = observed(plan.serializer.to_json, model())
    assert observed(bind_encoder(plan, plan.serializer.to_json), model()) == expected
    assert expected[0][-1] != []
