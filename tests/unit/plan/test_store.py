"""Plans are found again by the very same type, and made anew when a model is rebuilt."""

from __future__ import annotations

import threading
from typing import Annotated, Any, Literal, Optional, Union

import pytest
import zoo
from pydantic import BaseModel, Field, create_model

from pydantic_serialization.plan import list_of, plan_for
from pydantic_serialization.plan.store import type_key

LEFT_FIRST = Annotated[int | str, Field(union_mode="left_to_right")]
ALSO_LEFT_FIRST = Annotated[int | str, Field(union_mode="left_to_right")]


@pytest.mark.parametrize(
    "declared",
    [zoo.Cat, list[int], dict[str, zoo.Cat], int | str, zoo.Page[int], LEFT_FIRST, Any, None, Literal["a"], zoo.Movie],
)
def test_the_same_type_has_one_plan(declared: Any) -> None:
    """A plan is made once."""
    assert plan_for(declared) is plan_for(declared)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (int | str, str | int),
        (Union[int, str], Union[str, int]),  # noqa: UP007
        (list[int | str], list[str | int]),
        (dict[str, list[int | str]], dict[str, list[str | int]]),
        (Literal[1], Literal[True]),
        (Literal["a", "b"], Literal["b", "a"]),
        (LEFT_FIRST, ALSO_LEFT_FIRST),
        (list[LEFT_FIRST], list[int | str]),
        (Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0.0)]),
        (list[int], list),
        (tuple[int, str], tuple[str, int]),
    ],
)
def test_types_that_python_takes_for_equal_have_plans_of_their_own(one: Any, other: Any) -> None:
    """Order of unions, kinds of literals and identity of metadata matter to Pydantic, so they do here."""
    assert type_key(one) != type_key(other)
    assert plan_for(one) is not plan_for(other)


def test_equal_spellings_share_a_plan() -> None:
    """``list[int]`` written twice is one type."""
    assert plan_for(list[int]) is plan_for(list[int])
    assert type_key(Optional[int]) == type_key(Optional[int])  # noqa: UP045


def test_metadata_that_cannot_be_hashed() -> None:
    """Unhashable metadata is part of a key by its identity."""
    declared = Annotated[int, ["a"]]
    assert plan_for(declared) is plan_for(declared)
    assert plan_for(declared) is not plan_for(Annotated[int, ["a"]])


def test_a_rebuilt_model_has_a_new_plan() -> None:
    """After ``model_rebuild`` the old serializer is not used any more."""
    model = create_model("Rebuilt", a=(int, 1))
    before = plan_for(model)
    assert before.is_current()
    model.model_rebuild(force=True)
    assert not before.is_current()
    assert plan_for(model) is not before
    assert plan_for(model).is_current()


def test_the_store_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes made at run time do not pile up."""
    from pydantic_serialization.plan import store

    monkeypatch.setattr(store, "_LIMIT", 8)
    monkeypatch.setattr(store, "_plans", {})
    for number in range(30):
        plan_for(create_model(f"Made{number}", a=(int, 1)))
        assert len(store._plans) <= 8


def test_threads_get_the_same_plan() -> None:
    """Many threads that ask at once get plans that work."""
    model = create_model("Asked", a=(int, 1))
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(plan_for(model))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(plan.model is model for plan in found)


def test_batches_are_declared_by_their_one_class() -> None:
    """Models of one class are a list of it; a mixture is a list of anything."""

    class Other(BaseModel):
        a: int = 1

    assert list_of([zoo.Cat(), zoo.Cat()]) == list[zoo.Cat]
    assert list_of([zoo.Cat(), Other()]) == list[Any]
    assert list_of([]) == list[Any]
