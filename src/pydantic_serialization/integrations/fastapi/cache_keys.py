"""Which requests may share a cached response.

Two requests share one only if everything that FastAPI hands to the endpoint and its dependencies out of them is the same:
the address, the headers and cookies that are declared as parameters or security schemes, and, unless the endpoint is
declared to be public, whatever says who is asking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from fastapi.security.base import SecurityBase
from pydantic import BaseModel

from pydantic_serialization.cache import encode_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request


def headers_in_key(dependant: Any, vary: Iterable[str], private_by: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the headers that a route's responses depend on, in lower case, each once.

    Args:
        dependant: What FastAPI knows about the endpoint and its dependencies.
        vary: Further headers.
        private_by: Headers that say who is asking; none for responses that all may see.
    """
    private = tuple(name.lower() for name in private_by)
    found = [*private, *(name.lower() for name in vary)]
    for item in _tree(dependant):
        for field in item.header_params:
            found += _header_names(field)
        if item.cookie_params:
            found.append("cookie")
        scheme = item.call
        if private and isinstance(scheme, SecurityBase):
            place, name = getattr(scheme.model, "in_", None), getattr(scheme.model, "name", None)
            where = getattr(place, "value", place)
            found.append(
                name.lower() if where == "header" and name else "cookie" if where == "cookie" else "authorization"
            )
    return tuple(dict.fromkeys(found))


def _tree(dependant: Any) -> Iterable[Any]:
    yield dependant
    for dependency in dependant.dependencies:
        yield from _tree(dependency)


def _header_names(field: Any) -> list[str]:
    """Return the names of the headers that a parameter may come from."""
    annotation = field.field_info.annotation
    model = next((item for item in (annotation, *get_args(annotation)) if _is_model(item)), None)
    names = [field.alias] if model is None else []
    if model is not None:
        for name, info in model.model_fields.items():
            names += [name, *(alias for alias in (info.alias, info.validation_alias) if isinstance(alias, str))]
    # FastAPI turns underscores into hyphens unless it is told not to; both spellings do no harm.
    return list(dict.fromkeys(spelling.lower() for name in names for spelling in (name.replace("_", "-"), name)))


def _is_model(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, BaseModel)


def address_of(request: Request) -> tuple[bytes | str, ...]:
    """Return what a request asks for: scheme, host, path and query, as they came."""
    scope = request.scope
    host = b", ".join(value for name, value in scope["headers"] if name == b"host")
    return (scope.get("scheme", ""), host, scope.get("root_path", ""), scope["path"], scope.get("query_string", b""))


def request_key(request: Request, headers: tuple[bytes, ...], *parts: Any) -> str:
    """Return the key of a request's response.

    Args:
        request: The request.
        headers: Names of the headers that it depends on.
        *parts: What else it depends on.
    """
    values: dict[bytes, list[bytes]] = {name: [] for name in headers}
    for name, value in request.scope["headers"]:
        if name in values:
            values[name].append(value)
    # Always a digest: what says who is asking must not be read in the keys of a store.
    return f"response:{_digest(encode_headers(values), *parts)}"


def encode_headers(values: dict[bytes, list[bytes]]) -> tuple[Any, ...]:
    """Return the values of headers as one part of a key."""
    return tuple((name, tuple(found)) for name, found in values.items())


def _digest(*parts: Any) -> str:
    from hashlib import blake2b  # noqa: PLC0415

    return blake2b(encode_parts(*parts).encode(), digest_size=20).hexdigest()
