"""Read, write, copy and pickle everything that there is, without looking at the results: for tools that watch the memory.

    python -m parity.exercise [SHARE]

SHARE is the part of the documents that is read, 0.1 unless it is given; ``make valgrind`` runs it.
"""

# ruff: noqa: T201

from __future__ import annotations

import sys
from contextlib import suppress
from random import Random
from typing import Any

import zoo
from parity import campaign, msgpack_documents
from parity.documents import variants
from parity.msgpack_sides import documents_of, sides_of
from pydantic import RootModel, TypeAdapter

from pydantic_serialization import copy_model
from pydantic_serialization._native import core
from pydantic_serialization.formats import compact
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_decoder, bind_encoder

OPTIONS = ({}, {"by_alias": True, "exclude_none": True}, {"exclude_unset": True, "exclude_defaults": True})


def copy_again(value: Any) -> None:
    """Copy a value, pack it, and read the block in parts."""
    with suppress(Exception):
        copy_model(RootModel[Any](value))
    with suppress(Exception):
        wrapped = compact.unwrap(compact.pack([zoo.Cat(), value]) or b"")
        if wrapped is not None:
            classes = [getattr(sys.modules[module], name) for module, name in wrapped.names]
            for size in range(0, len(wrapped.block) + 1, 7):
                with suppress(Exception):
                    compact.restore(wrapped.block[:size], *classes)
            compact.restore(wrapped.block, *classes)


def exercise(share: float) -> None:
    """Read and write the zoo, wrong documents and odd instances of it, and some random classes."""
    random, done = Random(1), 0
    for entry in zoo.ENTRIES:
        plan = plan_for(entry.type)
        encode = bind_encoder(plan, plan.serializer.to_json)
        for value in entry.values:
            for options in OPTIONS:
                with suppress(Exception):
                    encode(value, **options, warnings=False)
            copy_again(value)
            for _ in range(3):
                with suppress(Exception):
                    copy_again(campaign.bent(value, random))
                with suppress(Exception):
                    encode(campaign.bent(value, random), warnings=False)
            try:
                document = TypeAdapter(entry.type).dump_json(value, **entry.dump).decode()
            except ValueError:
                continue
            for variant in variants(document):
                if random.random() < share:
                    done += 1
                    with suppress(Exception):
                        bind_decoder(plan, plan.validator.validate_json, views=True)(variant.encode())
        _unpack(entry, random, share)
    found, counts = campaign.run(3600, 7, worlds=max(3, int(60 * share)))
    print(f"{done} documents of the zoo, {dict(counts)}, {len(found)} differences; {getattr(core, '__file__', None)}")


def _unpack(entry: zoo.Entry, random: Random, share: float) -> None:
    sides = sides_of(entry.type)
    if sides.program is None:
        return
    for document in documents_of(entry):
        for variant in msgpack_documents.variants(document):
            for changed in (variant, msgpack_documents.mutated(variant, random)):
                if random.random() < share / 2:
                    with suppress(Exception):
                        sides.decoder(lambda *_, **__: None)(changed)


if __name__ == "__main__":
    exercise(float(sys.argv[1]) if len(sys.argv) > 1 else 0.1)
