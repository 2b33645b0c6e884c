"""Depth of JSON text and of trees, without recursion and without a parse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json
from strategies import json_values

from pydantic_serialization.formats._depth import json_depth_exceeds, tree_depth_exceeds


def depth_of(value: Any) -> int:
    """Return the levels of lists and dicts, by recursion."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(depth_of, items), default=0)


awkward = st.text('[]{}"\\ab', max_size=8)
trees = st.recursive(
    st.none() | awkward | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(awkward, inner, max_size=3),
    max_leaves=20,
)


@given(value=trees | json_values, limit=st.integers(0, 8), indent=st.none() | st.just(1))
def test_the_depth_of_text_is_that_of_its_tree(value: Any, limit: int, indent: int | None) -> None:
    """Brackets in strings do not count, however they are quoted."""
    text = to_json(value, indent=indent)
    assert json_depth_exceeds(text, limit) is (depth_of(value) > limit)
    assert json_depth_exceeds(memoryview(text), limit) is (depth_of(value) > limit)
    assert json_depth_exceeds(bytearray(text), limit) is (depth_of(value) > limit)
    assert tree_depth_exceeds(value, limit) is (depth_of(value) > limit)


@given(data=st.binary(max_size=60) | st.text('[]{}"\\', max_size=60).map(str.encode), limit=st.integers(0, 5))
def test_text_that_is_no_json_has_some_answer(data: bytes, limit: int) -> None:
    """Anything is answered without an error, and nothing is deeper than it has opening brackets."""
    if json_depth_exceeds(data, limit):
        assert len(data) > limit


@pytest.mark.parametrize(("opening", "exceeds"), [(b"[", True), (b'{"a":', True), (b'["', True), (b'"["', False)])
def test_long_text_is_answered(opening: bytes, exceeds: bool) -> None:
    """A megabyte of brackets is answered at once, in strings and outside."""
    assert json_depth_exceeds(opening * 200_000, 200) is exceeds


def test_trees_deeper_than_the_interpreters_stack_are_answered() -> None:
    """The walk over a tree does not recurse."""
    tree: Any = 1
    for _ in range(50_000):
        tree = [tree]
    assert tree_depth_exceeds(tree, 200)
    assert not tree_depth_exceeds(tree, 50_000)
