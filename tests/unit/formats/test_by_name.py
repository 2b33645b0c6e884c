"""Pydantic's ``by_name`` and ``by_alias`` for reading, in every format."""

from __future__ import annotations

import pytest
from pydantic import AliasPath, BaseModel, Field

from pydantic_serialization import PydanticModelSerializer


class Renamed(BaseModel):
    id: int = Field(validation_alias=AliasPath("ids", 0), serialization_alias="Id")


@pytest.mark.parametrize("format_name", ["json", "orjson", "msgpack", "pickle"])
def test_what_is_written_by_name_is_read_by_name(format_name: str) -> None:
    """Whatever the aliases are: the names of fields are unique, and need no population by name in the model."""
    serializer = PydanticModelSerializer()
    value = Renamed.model_validate({"ids": [7]})
    data = serializer.serialize_model(value, format_name, by_alias=False)
    assert serializer.deserialize_model(data, Renamed, format_name, by_alias=False, by_name=True) == value
