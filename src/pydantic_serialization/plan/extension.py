"""Values of MessagePack's extension types, whose meaning only an application knows."""

from __future__ import annotations

from typing import Annotated, Final, final

from pydantic import BaseModel, ConfigDict, Field

TIMESTAMP: Final = -1
"""The extension type of moments."""


@final
class Extension(BaseModel):
    """A value of an extension type of MessagePack; JSON formats have it as an object with the data in base64.

    A field that is declared so is read from such a value and written as one. An undeclared value (``Any``) is read as one,
    and written as its JSON form, as all undeclared values are.

    https://github.com/msgpack/msgpack/blob/master/spec.md, section Extension types.

    Attributes:
        code: The type: 0 to 127 are for applications; negative ones are the specification's own, and cannot be written.
        data: The content.
    """

    model_config = ConfigDict(
        frozen=True, defer_build=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )

    code: Annotated[int, Field(ge=-128, le=127)]
    data: bytes
