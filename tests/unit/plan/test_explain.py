"""``explain`` names every field, and ends for models that contain themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
import zoo

from pydantic_serialization import BACKEND, UnsupportedTypeError, explain


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_every_type_is_explained(entry: zoo.Entry) -> None:
    """Any type has an explanation that prints, and turns into JSON."""
    found = explain(entry.type)
    assert found.backend == BACKEND
    assert found.path in {"native", "pydantic"}
    assert found.path == "native" or found.reason
    assert str(found).startswith(f"{found.model}: {found.path}")
    assert json.loads(json.dumps(found.as_dict()))["model"] == found.model


def test_the_tree_has_a_line_for_each_field() -> None:
    """Nested models stand below their field; a model that stands higher up is not repeated."""
    lines = str(explain(zoo.Person)).splitlines()
    assert len(lines) == 1 + 4 + 2
    assert lines[2].startswith("├── home: Address")
    assert lines[3].startswith("│   ├── street: str")
    assert len(str(explain(zoo.Node)).splitlines()) == 4
    assert len(str(explain(zoo.Husband)).splitlines()) >= 4


def test_what_is_no_type_is_an_error() -> None:
    """An instance in place of a class is told so."""
    bad: Any = zoo.Cat()
    with pytest.raises(UnsupportedTypeError):
        explain(bad)
