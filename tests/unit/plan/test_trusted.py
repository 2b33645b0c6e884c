"""Reading data that was valid once: what refuses is passed over, what shapes is run."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
import zoo
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.trusted import trusting_validator


def read(declared: Any, text: bytes) -> Any:
    """Read JSON text without checks."""
    return trusting_validator(plan_for(declared)).validate_json(text)


def refuse(value: Any) -> Any:
    """Refuse every value."""
    raise ValueError("never")


def test_pydantics_own_conversions_stay() -> None:
    """Types that Pydantic makes by an ``after`` function are made."""
    found = read(zoo.Secrets, b'{"password":"p","token":"t"}')
    assert found.password.get_secret_value() == "p"
    custom = read(zoo.Customs, b'{"code":"abc","folder":"/y","pattern":"b"}')
    assert not zoo.faults(custom, zoo.Customs.model_validate_json(b'{"code":"abc","folder":"/y","pattern":"b"}'))
    assert read(zoo.EnumValues, b'{"color":"red","shape":4}').color == "red"


@pytest.mark.parametrize("refusal", [ValueError("no"), AssertionError("no")])
def test_a_refusal_leaves_the_value(refusal: Exception) -> None:
    """``after`` validators of fields and of models cannot refuse, with and without info."""

    def with_info(value: Any, info: Any) -> Any:
        raise refusal

    class Strictest(BaseModel):
        a: Annotated[int, AfterValidator(refuse)] = 1
        b: Annotated[int, AfterValidator(with_info)] = 1

        @model_validator(mode="after")
        def _never(self) -> Strictest:
            raise refusal

    found = read(Strictest, b'{"a":5,"b":6}')
    assert (type(found), found.a, found.b) == (Strictest, 5, 6)


def test_other_exceptions_of_the_user_are_not_swallowed() -> None:
    """Only what Pydantic takes for a refusal is passed over."""

    def broken(value: Any) -> Any:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        read(Annotated[int, AfterValidator(broken)], b"1")


def test_types_still_have_to_fit() -> None:
    """Trusted is not unchecked: another type, a missing field, an unknown tag are refused."""
    for declared, text in (
        (zoo.BigInts, b'{"number":"x"}'),
        (zoo.Address, b"{}"),
        (zoo.Animals, b'[{"kind":"fish"}]'),
        (zoo.ExtraForbidden, b'{"b":1}'),
    ):
        with pytest.raises(ValidationError):
            read(declared, text)


def test_nested_constraints_are_left_out() -> None:
    """Constraints in lists, keys, nested models and recursive models are left out."""

    class Inner(BaseModel):
        n: Annotated[int, Field(gt=0)]
        more: list[Inner] = []

    class Outer(BaseModel):
        inner: Inner
        table: dict[Annotated[str, Field(max_length=1)], Annotated[int, Field(lt=0)]]
        pattern: Annotated[list[Annotated[str, Field(pattern="^a$")]], Field(max_length=1)]

    found = read(Outer, b'{"inner":{"n":-1,"more":[{"n":-2}]},"table":{"long":5},"pattern":["b","c"]}')
    assert found.inner.more[0].n == -2
    assert found.table == {"long": 5}
    assert found.pattern == ["b", "c"]
