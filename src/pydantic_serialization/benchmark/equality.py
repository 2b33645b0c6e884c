"""Whether what was read is what was written."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import BaseModel


def same(first: Any, second: Any) -> bool:
    """Say whether two values are equal, where NaN equals NaN: it is still the value that was sent."""
    # Arrays and other types have an == without a truth value: then their parts decide.
    with suppress(Exception):
        if bool(first == second):
            return True
    if type(first) is not type(second):
        return False
    if isinstance(first, float):
        return first != first and second != second
    if isinstance(first, BaseModel):
        return (
            first.model_fields_set == second.model_fields_set
            and same(first.__dict__, second.__dict__)
            and same(first.__pydantic_extra__, second.__pydantic_extra__)
        )
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(item, second[key]) for key, item in first.items())
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return False
