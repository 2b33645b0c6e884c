"""Reading MessagePack by the native core gives what reading through Python gives, for documents right and wrong."""

from __future__ import annotations

from typing import Any

import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st
from parity.msgpack_documents import garbled, variants
from parity.msgpack_sides import documents_of, sides_of, written
from parity.outcomes import outcome

from pydantic_serialization._native import core
from pydantic_serialization.plan import plan_for

OPTIONS: tuple[dict[str, Any], ...] = ({}, {"strict": True}, {"strict": False, "context": {"a": 1}})
readable = [entry for entry in zoo.ENTRIES if sides_of(entry.type).program is not None]
ids = [entry.name for entry in readable]


def compare(declared: Any, document: Any, **options: Any) -> Any:
    """Fail unless both read a document in the same way; return what they make of it."""
    sides = sides_of(declared)
    expected = outcome(sides.python, document, **options)
    assert outcome(sides.native, document, **options) == expected, document
    return expected


def decline(*_: Any, **__: Any) -> Any:
    """Stand behind the core."""
    return "declined"


def test_most_of_the_zoo_is_read_natively() -> None:
    """The comparison is of the native core: only those values are declined of which JSON text is, too."""
    assert core is not None
    assert len(readable) > 0.85 * len(zoo.ENTRIES)
    assert any(sides_of(entry.type).mark is not None for entry in readable)
    for entry in readable:
        program = plan_for(entry.type).decoding.program
        for value in entry.values:
            document, text = written(entry, value), json_of(entry, value)
            if document is None or text is None or program is None:
                continue
            read = core.decoder(program, decline, max_depth=200, views=False)
            if read(text) != "declined":
                assert sides_of(entry.type).decoder(decline)(document) != "declined", entry.name


def json_of(entry: zoo.Entry, value: Any) -> bytes | None:
    """Return the JSON text of a value, if it has one."""
    try:
        return plan_for(entry.type).serializer.to_json(value, **entry.dump)
    except ValueError:
        return None


@pytest.mark.parametrize("entry", readable, ids=ids)
def test_almost_right_documents_are_read_alike(entry: zoo.Entry) -> None:
    """Wherever one thing of a document is changed, the value or the error is that of the way through Python."""
    for document in documents_of(entry):
        for options in OPTIONS:
            for variant in list(dict.fromkeys(variants(document)))[:: 1 if not options else 5]:
                compare(entry.type, variant, **options)


@pytest.mark.parametrize("entry", readable, ids=ids)
@given(data=st.data())
def test_garbled_documents_are_read_alike(entry: zoo.Entry, data: st.DataObject) -> None:
    """Bytes flipped, cut off, repeated or put in at random make the same value or the same error."""
    documents = documents_of(entry)
    if documents:
        compare(entry.type, data.draw(garbled(data.draw(st.sampled_from(documents)))))


@pytest.mark.parametrize("entry", readable, ids=ids)
def test_every_kind_of_input_is_read(entry: zoo.Entry) -> None:
    """Bytes, byte arrays and views are read alike; what is none of them is refused."""
    for document in documents_of(entry):
        for given_as in (bytearray(document), memoryview(document), memoryview(bytearray(document)), document[:0]):
            compare(entry.type, given_as)
        compare(entry.type, memoryview(document + document)[: len(document)])
        compare(entry.type, memoryview(document)[::2])
        compare(entry.type, document, by_alias=True, by_name=True)
        compare(entry.type, document, extra="allow")
