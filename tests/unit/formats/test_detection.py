"""Detection of formats: certain, or not at all."""

from __future__ import annotations

import pickle
from typing import Any

import ormsgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import to_json
from strategies import json_values

from pydantic_serialization.formats.detection import detect_format, telling_bytes


@given(value=json_values, before=st.text(" \t\r\n", max_size=9), after=st.text(" \t\r\n", max_size=99))
@example(value={}, before="", after=" " * 99)
@example(value=[], before="", after="")
@example(value="", before="", after="\n")
def test_json_is_recognised_or_nothing(value: Any, before: str, after: str) -> None:
    """JSON text is recognised, in white space too, or left undecided; never taken for something else."""
    data = before.encode() + to_json(value) + after.encode()
    found = detect_format(data)
    assert found in {"json", None}
    if isinstance(value, (dict, list, str)):
        assert found == "json"
    assert detect_format(memoryview(data)) == detect_format(bytearray(data)) == found


@given(value=json_values | st.binary())
def test_messagepack_is_never_taken_for_something_else(value: Any) -> None:
    """No MessagePack document is recognised as JSON or pickle."""
    assert detect_format(ormsgpack.packb(value)) is None


@given(value=json_values, protocol=st.integers(2, 5))
def test_pickles_are_recognised(value: Any, protocol: int) -> None:
    """Pickles of the protocols with a header are recognised."""
    assert detect_format(pickle.dumps(value, protocol)) == "pickle"


@pytest.mark.parametrize(
    "data", [b"", b" ", b"1", b"{", b"[", b'"', b"x", b"\x80", b"\x80\x05", b"\x80\x06.", b"-", b"+1", b"tru"]
)
def test_what_is_unclear_is_left_open(data: bytes) -> None:
    """Short, cut or unknown beginnings are no format."""
    assert detect_format(data) is None


@given(data=st.binary(max_size=200))
@example(data=b"{" + b" " * 64)
@example(data=b'"' + b"\n" * 100)
def test_any_bytes_have_an_answer(data: bytes) -> None:
    """Detection never fails, and decides only at bytes that it says it may decide at."""
    found = detect_format(data)
    assert found in {"json", "pickle", None}
    if found is not None:
        assert data[0] in telling_bytes("msgpack")
    if found == "pickle":
        assert data[0] in telling_bytes("json")
    if found == "json":
        assert data[0] in telling_bytes("pickle")
