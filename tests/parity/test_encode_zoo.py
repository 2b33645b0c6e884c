"""The native encoder writes what Pydantic writes, for every model of the zoo and every option; and it does so natively."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import zoo
from encoders import UNDECLARED_MODELS, Declined, assert_same, complete, native, outcome, plan_of

from pydantic_serialization._native import core
from pydantic_serialization.plan.rebuild import CAN_REBUILD

pytestmark = pytest.mark.skipif(core is None, reason="needs the native core")

ids = [entry.name for entry in zoo.ENTRIES]

_FLAGS = ("exclude_none", "exclude_unset", "exclude_defaults", "round_trip")
OPTIONS: list[dict[str, Any]] = [
    {**({} if by_alias is ... else {"by_alias": by_alias}), **dict.fromkeys(chosen, True)}
    for by_alias in (..., None, True, False)
    for size in range(len(_FLAGS) + 1)
    for chosen in itertools.combinations(_FLAGS, size)
]
OTHERS: list[dict[str, Any]] = [
    {"indent": 2},
    {"ensure_ascii": True},
    {"include": None, "exclude": None, "context": {"a": 1}, "fallback": None, "serialize_as_any": False},
    {"include": {"a", "text", "name"}},
    {"exclude": {"a", "text", "name"}},
    {"exclude_computed_fields": True},
    {"serialize_as_any": True},
    {"polymorphic_serialization": False},
    {"polymorphic_serialization": True},
    {"warnings": False},
    {"warnings": True},
    {"warnings": "none"},
    {"warnings": "warn"},
    {"warnings": "error"},
    {"warnings": "loud"},
    {"exclude_none": 1},
    {"by_alias": "yes"},
    {"no_such_option": 1},
    {"fallback": str},
]

# Why a whole call of a type goes through Pydantic. Everything else of the zoo is native.
NOT_NATIVE = {
    "raw-bytes": "an error of Pydantic's",
    "extra-typed": "its class keeps the extra attributes elsewhere",
    "named-tuple": "no node of the core",
    **({} if CAN_REBUILD else {"model-serializers": "a wrap serializer of the whole model"}),
    **({} if UNDECLARED_MODELS else {"serialize-as-any": "warnings are not those of a part"}),
}


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=ids)
def test_options_that_are_native_change_nothing(entry: zoo.Entry) -> None:
    """Bytes, exceptions and warnings are Pydantic's under every combination of the options that the core knows."""
    for value, options in itertools.product(entry.values, OPTIONS):
        assert_same(entry.type, value, **options)


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=ids)
def test_other_options_reach_pydantic(entry: zoo.Entry) -> None:
    """Options that the core leaves to Pydantic, and wrong ones, do what they do there."""
    for value, options in itertools.product(entry.values, OTHERS):
        assert_same(entry.type, value, **options)


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=ids)
def test_text_is_the_decoded_bytes(entry: zoo.Entry) -> None:
    """With ``text`` the result is a ``str`` with the same content."""
    for value in entry.values:
        found = outcome(complete(entry.type, text=True), value)
        expected = outcome(plan_of(entry.type).serializer.to_json, value)
        if isinstance(expected[0], bytes):
            expected = (expected[0].decode(), expected[1])
        assert found == expected


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=ids)
def test_the_zoo_is_native(entry: zoo.Entry) -> None:
    """Every type of the zoo is written by the core itself, but for those that say why not."""
    if entry.name in NOT_NATIVE:
        compiled = plan_of(entry.type).encoding
        if compiled.program is None:
            assert compiled.declined is not None
            assert compiled.declined.reason
            return
        with pytest.raises(Declined):
            native(entry.type)(entry.values[0])
        return
    encode = native(entry.type)
    for value in entry.values:
        # Several small parts are not worth the call that makes one warning of theirs.
        options = {"warnings": False} if entry.name == "containers" else {}
        assert encode(value, **options) == plan_of(entry.type).serializer.to_json(value)


def test_detours_name_their_fields() -> None:
    """What goes through Pydantic inside a native type is said by class and field, with the reason."""
    detours = plan_of(zoo.Serializers).encoding.detours
    assert set(detours[zoo.Serializers]) == {"wrapped"}
    assert "_first" in detours[zoo.Serializers]["wrapped"].reason
    assert not plan_of(zoo.Person).encoding.detours
