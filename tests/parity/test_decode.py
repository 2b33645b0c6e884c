"""Reading by the native core gives what Pydantic gives: values, errors and warnings, for documents right and wrong."""

from __future__ import annotations

from typing import Any

import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st
from parity.documents import garbled, variants
from parity.outcomes import outcome
from pydantic import TypeAdapter

from pydantic_serialization._native import core
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_decoder

pytestmark = pytest.mark.skipif(core is None, reason="compares the native core with pydantic")

OPTIONS: tuple[dict[str, Any], ...] = ({}, {"strict": True}, {"strict": False, "context": {"a": 1}})


def reader(entry: zoo.Entry) -> Any:
    """Return the native function of an entry, with Pydantic's behind it.

    A new one for each document: a function whose documents are all declined stops to try.
    """
    plan = plan_for(entry.type)
    return bind_decoder(plan, plan.validator.validate_json)


def written(entry: zoo.Entry) -> list[str]:
    """Return the documents of an entry's values, as far as they have one."""
    documents = []
    for value in entry.values:
        try:
            documents.append(TypeAdapter(entry.type).dump_json(value, **entry.dump).decode())
        except ValueError:
            continue
    return documents


readable = [entry for entry in zoo.ENTRIES if plan_for(entry.type).decoding.program is not None]
ids = [entry.name for entry in readable]


def compare(entry: zoo.Entry, document: bytes | str, **options: Any) -> None:
    """Fail unless both read a document in the same way."""
    expected = outcome(plan_for(entry.type).validator.validate_json, document, **options)
    found = outcome(reader(entry), document, **options)
    assert found == expected, document


def test_most_of_the_zoo_is_read_natively() -> None:
    """The comparison is of the native core: few entries are declined, each with a reason."""
    assert len(readable) > 0.85 * len(zoo.ENTRIES)
    for entry in zoo.ENTRIES:
        decoding = plan_for(entry.type).decoding
        assert (decoding.program is None) == (decoding.declined is not None)


@pytest.mark.parametrize("entry", readable, ids=ids)
def test_almost_right_documents_are_read_as_pydantic_reads_them(entry: zoo.Entry) -> None:
    """Wherever one thing of a document is changed, the value or the error is Pydantic's."""
    for document in written(entry):
        for options in OPTIONS:
            for variant in list(dict.fromkeys(variants(document)))[:: 1 if not options else 3]:
                compare(entry, variant.encode(), **options)


@pytest.mark.parametrize("entry", readable, ids=ids)
@given(data=st.data())
def test_garbled_documents_are_read_as_pydantic_reads_them(entry: zoo.Entry, data: st.DataObject) -> None:
    """Bytes at random places of a document make the same value or the same error."""
    documents = written(entry)
    if documents:
        document = data.draw(st.sampled_from(documents)).encode()
        compare(entry, data.draw(garbled(document)))


@pytest.mark.parametrize("entry", readable, ids=ids)
def test_every_kind_of_input_is_read(entry: zoo.Entry) -> None:
    """Text, bytes and byte arrays are read alike; what is none of them is refused by Pydantic."""
    for document in written(entry):
        compare(entry, document)
        compare(entry, bytearray(document.encode()))
        compare(entry, memoryview(document.encode()))
        compare(entry, document.encode(), by_alias=True, by_name=True)
        compare(entry, document.encode(), extra="allow")
