"""Hypothesis strategies for the models of the zoo, for options, and for plain values."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import zoo
from hypothesis import strategies as st

CODECS = (None, "gzip", "zstd", "lz4", "brotli")
"""``None`` means without compression."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""Any text that UTF-8 has bytes for."""

finite = st.floats(allow_nan=False, allow_infinity=False)
small_ints = st.integers(-(2**63), 2**64 - 1)

zones = st.none() | st.builds(
    lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-23 * 60 - 59, 23 * 60 + 59)
)
moments = st.datetimes(timezones=zones)
durations = st.timedeltas(timedelta(days=-9999), timedelta(days=9999))

json_values = st.recursive(
    st.none() | st.booleans() | small_ints | finite | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
"""What JSON and MessagePack both have."""

addresses = st.builds(zoo.Address, street=texts, city=texts)
cats = st.builds(zoo.Cat, lives=small_ints)
dogs = st.builds(zoo.Dog, kind=st.sampled_from(["dog", "wolf"]), name=texts)
nodes = st.recursive(
    st.builds(zoo.Node, value=small_ints, parent_name=st.none() | texts),
    lambda inner: st.builds(zoo.Node, value=small_ints, children=st.lists(inner, max_size=3)),
    max_leaves=8,
)

everything = st.builds(
    zoo.Everything,
    id=st.uuids(),
    name=texts,
    email=st.none() | texts,
    age=st.none() | st.integers(0, 2**64 - 1),
    balance=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
    ratio=finite,
    active=st.booleans(),
    color=st.sampled_from(zoo.Color),
    created=moments,
    took=durations,
    home=addresses,
    pets=st.lists(cats | dogs, max_size=3),
    scores=st.dictionaries(texts, st.lists(small_ints, max_size=3), max_size=3),
    tags=st.sets(texts, max_size=3),
    pair=st.tuples(small_ints, texts),
    node=st.none() | nodes,
    extra=json_values,
    when=st.dates() | st.just("soon"),
)
"""Instances with every field given."""

some_of_everything = st.sets(st.sampled_from(sorted(zoo.Everything.model_fields)), min_size=1).flatmap(
    lambda names: everything.map(
        lambda full: zoo.Everything(**{name: value for name, value in dict(full).items() if name in names})
    )
)
"""Instances with some fields given and the others left to their defaults."""

holders_of_bytes = st.builds(
    zoo.BytesBesideUnions,
    raw=st.binary(max_size=40),
    when=st.dates(),
    key=st.uuids(),
    either=st.binary(max_size=9) | texts,
    other=st.binary(max_size=9) | texts,
    tags=st.sets(small_ints, max_size=4),
    anything=json_values,
)

times = st.builds(zoo.Times, at=moments, day=st.dates(), clock=st.times(), took=durations)
unions = st.builds(
    zoo.Unions,
    smart=small_ints | texts,
    scalar=finite | st.integers(-(2**53), 2**53),
    pet=cats | dogs,
    tagged=cats | dogs,
    left=small_ints,
    many=st.lists(cats | dogs | small_ints, max_size=3),
    called=small_ints | texts,
)
extras = st.dictionaries(texts.filter(lambda name: name != "a"), json_values, max_size=3).map(
    lambda values: zoo.ExtraAllowed.model_validate({"a": 1, **values})
)

models: st.SearchStrategy[Any] = st.one_of(everything, some_of_everything, times, unions, nodes, extras)
"""Models that every format keeps."""

names_of_everything = st.sets(st.sampled_from(sorted(zoo.Everything.model_fields)), max_size=6)

dump_options: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "by_alias": st.none() | st.booleans(),
        "exclude_none": st.booleans(),
        "exclude_unset": st.booleans(),
        "exclude_defaults": st.booleans(),
        "round_trip": st.booleans(),
        "include": st.none() | names_of_everything,
        "exclude": names_of_everything
        | st.sampled_from([{"home": {"city"}}, {"pets": {0: True}}, {"pets": {"__all__": {"lives"}}}]),
        "context": st.none() | st.just({"a": 1}),
        "serialize_as_any": st.booleans(),
        "warnings": st.sampled_from([True, False, "none", "warn", "error"]),
    },
)
"""Pydantic's options for writing :class:`zoo.Everything`."""

text_options: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"indent": st.none() | st.integers(0, 4), "ensure_ascii": st.booleans()}
)
"""Pydantic's options that only JSON text has."""
