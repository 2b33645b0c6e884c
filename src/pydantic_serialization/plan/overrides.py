"""Public methods of Pydantic's that a class has of its own."""

from __future__ import annotations

from pydantic import BaseModel


def has_own(model: type[BaseModel] | None, method: str) -> bool:
    """Say whether the user's class has a public method of its own in place of Pydantic's."""
    own = getattr(model, method, None)
    own = getattr(own, "__func__", own)
    if own is None or hasattr(
        own, "__pydantic_serialization__"
    ):  # put there by accelerate(): it does what Pydantic's does
        return False
    pydantics = getattr(BaseModel, method)
    return own is not getattr(pydantics, "__func__", pydantics)
