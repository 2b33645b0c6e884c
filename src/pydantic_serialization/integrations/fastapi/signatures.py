"""Signatures of endpoints: what FastAPI reads in them, and what only routes of ours may leave out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

from fastapi import Depends

from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

_REFUSAL: Final = "pydantic_serialization_refusal"


def refuse_elsewhere(endpoint: Any, message: str) -> None:
    """Have routes of FastAPI's own refuse to call an endpoint, which would seem to do what it does not do there.

    They read a dependency in its signature that always fails. The function itself, called by a test, say, is as it was.

    Args:
        endpoint: A function.
        message: What the :class:`ConfigurationError` says.
    """

    async def refuse() -> NoReturn:
        raise ConfigurationError(message)

    refusal = inspect.Parameter(_REFUSAL, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[None, Depends(refuse)])
    endpoint.__signature__ = with_parameter(own_signature(endpoint), refusal)


def own_signature(
    endpoint: Callable[..., Any], read: Callable[..., inspect.Signature] = inspect.signature
) -> inspect.Signature:
    """Return the endpoint's signature, as ``read`` reads it, without what :func:`refuse_elsewhere` has added."""
    signature = read(endpoint)
    return signature.replace(parameters=[item for name, item in signature.parameters.items() if name != _REFUSAL])


def with_parameter(signature: inspect.Signature, added: inspect.Parameter) -> inspect.Signature:
    """Return a signature with one more keyword-only parameter."""
    parameters = list(signature.parameters.values())
    is_open = bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
    parameters.insert(len(parameters) - is_open, added)
    return signature.replace(parameters=parameters)
