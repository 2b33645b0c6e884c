"""JSON lines: a document on each line, whatever the options and the class's own methods do."""

from __future__ import annotations

import json
from typing import Any

import pytest
import zoo
from pydantic import BaseModel, ValidationError

from pydantic_serialization import decoder, encoder
from pydantic_serialization.errors import DecodeError, UnsupportedTypeError
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.formats.jsonl import JsonlFormat
from pydantic_serialization.plan import plan_for

CATS = [zoo.Cat(lives=1), zoo.Cat(lives=2)]


def test_each_item_is_a_line() -> None:
    """Lines end with a line feed; nothing else separates them."""
    assert encoder(list[zoo.Cat], "jsonl")(CATS) == b'{"kind":"cat","lives":1}\n{"kind":"cat","lives":2}\n'
    assert encoder(list[zoo.Cat], "JSONL")([]) == b""


@pytest.mark.parametrize("options", [{"indent": 2}, {"indent": 0}, {"ensure_ascii": True}, {"exclude": {"lives"}}])
def test_options_do_not_break_lines(options: dict[str, Any]) -> None:
    """``indent`` would put line feeds into documents; the lines stay lines."""
    bound = JsonlFormat().bind(plan_for(list[zoo.Cat]), FormatOptions())
    data = bound.encode_with(CATS, options)  # type: ignore[arg-type]
    assert data.count(b"\n") == 2
    assert [json.loads(line)["kind"] for line in data.splitlines()] == ["cat", "cat"]


def test_a_classes_own_pretty_json_is_a_line() -> None:
    """A class whose own method indents is still written on one line, line feeds in strings kept."""

    class Pretty(BaseModel):
        text: str

        def model_dump_json(self, **options: Any) -> str:
            return super().model_dump_json(indent=4)

    data = encoder(list[Pretty], "jsonl")([Pretty(text="a\nb"), Pretty(text="c")])
    assert data.count(b"\n") == 2
    assert decoder(list[Pretty], "jsonl")(data) == [Pretty(text="a\nb"), Pretty(text="c")]


@pytest.mark.parametrize(
    "data",
    [
        b'{"lives":1}\n{"lives":2}',
        b'\n{"lives":1}\r\n\r\n \t\n{"lives":2}\n\n',
        bytearray(b'{"lives":1}\n{"lives":2}\n'),
        memoryview(b'{"lives":1}\n{"lives":2}\n'),
        memoryview(bytes(b for c in b'{"lives":1}\n{"lives":2}' for b in (c, 0)))[::2],
    ],
)
def test_blank_lines_and_every_buffer_are_read(data: Any) -> None:
    r"""Blank lines are skipped, ``\r\n`` is accepted, and any buffer is read."""
    assert decoder(list[zoo.Cat], "jsonl")(data) == CATS


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
def test_only_a_line_feed_ends_a_line(separator: str) -> None:
    """Other characters that Python takes for line ends may stand in strings, and separate nothing outside."""
    bound = JsonlFormat().bind(plan_for(list[zoo.Dog]), FormatOptions())
    dogs = [zoo.Dog(name=f"a{separator}b")]
    assert bound.decode(bound.encode(dogs)) == dogs
    with pytest.raises(DecodeError):
        bound.decode(b"{}\n" + separator.encode() + b"\n{}")


def test_errors_name_the_line() -> None:
    """The number of the bad line is in the path of our errors and in a note of Pydantic's."""
    read = decoder(list[zoo.Cat], "jsonl")
    with pytest.raises(DecodeError) as caught:
        read(b'{"lives":1}\n\n{"lives":')
    assert caught.value.path == ("line 3",)
    with pytest.raises(ValidationError) as refused:
        read(b'{"lives":1}\n{"lives":"x"}')
    assert refused.value.__notes__ == ["in line 2"]


@pytest.mark.parametrize("declared", [zoo.Cat, dict[str, zoo.Cat], tuple[zoo.Cat, ...], set[int], int])
def test_only_lists_have_lines(declared: Any) -> None:
    """Another type is refused when it is bound, with the way out."""
    with pytest.raises(UnsupportedTypeError, match="list"):
        decoder(declared, "jsonl")


def test_a_classes_own_method_writes_and_reads_the_lines() -> None:
    """What a class's own methods say is on the line, and read again."""
    written = encoder(list[zoo.OwnDump], "jsonl")([zoo.OwnDump(a=1), zoo.OwnDump(a=2)])
    assert written == b'{"A":1}\n{"A":2}\n'
    assert decoder(list[zoo.OwnDump], "jsonl")(written) == [zoo.OwnDump(a=1), zoo.OwnDump(a=2)]
