"""Which requests may share a cached response.

Two requests share one only if everything that FastAPI hands to the endpoint and its dependencies out of them is the same:
the address, the headers and cookies that are declared as parameters or security schemes, and, unless the endpoint is
declared to be public, whatever says who is asking.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, get_args

from fastapi.security.base import SecurityBase
from pydantic import AliasChoices, AliasPath, BaseModel

from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

_WAY_OUT = "declare each header as a parameter, or leave out extra='allow' and code that runs before validation"


def headers_in_key(dependant: Any, vary: Iterable[str], private_by: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the headers that a route's responses depend on, in lower case, each once.

    Args:
        dependant: What FastAPI knows about the endpoint and its dependencies.
        vary: Further headers.
        private_by: Headers that say who is asking; none for responses that all may see.

    Raises:
        ConfigurationError: a parameter is a model that sees all headers.
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
    """Return the names of the headers that a parameter may come from.

    Raises:
        ConfigurationError: it is a model that sees all headers.
    """
    info = field.field_info
    models = [item for item in (info.annotation, *get_args(info.annotation)) if _is_model(item)]
    names = [field.alias, field.name, *_aliases(info)]
    for model in models:
        if _sees_all_headers(model) or info.metadata:
            message = f"a cached response cannot depend on {model.__name__}, which sees all headers: {_WAY_OUT}"
            raise ConfigurationError(message)
        for name, part in model.model_fields.items():
            names += [name, *_aliases(part)]
    # FastAPI turns underscores into hyphens unless it is told not to; both spellings do no harm.
    return list(dict.fromkeys(spelling.lower() for name in names for spelling in (name.replace("_", "-"), name)))


def _aliases(info: Any) -> list[str]:
    """Return all names that a parameter may have outside."""
    given = [info.alias, info.validation_alias]
    given += info.validation_alias.choices if isinstance(info.validation_alias, AliasChoices) else ()
    return [str(alias.path[0]) if isinstance(alias, AliasPath) else alias for alias in given if not _is_choice(alias)]


def _is_choice(alias: Any) -> bool:
    return alias is None or isinstance(alias, AliasChoices)


def _is_model(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, BaseModel)


def _sees_all_headers(model: type[BaseModel]) -> bool:
    """Say whether a model of headers gets to see those that it does not name: FastAPI hands over all of them."""
    decorators = model.__pydantic_decorators__
    validators = [item.info.mode for item in decorators.model_validators.values()]
    return (
        model.model_config.get("extra") == "allow"
        or any(mode != "after" for mode in validators)
        or bool(decorators.root_validators)
        or model.__pydantic_custom_init__
    )


class RequestKeys:
    """The keys of one route's responses.

    They are digests: what says who is asking must not be read in the keys of a store. Parts are hashed with their lengths
    in front, so that no two lists of parts are the same bytes.

    Args:
        headers: Names of the headers that the responses depend on.
        *parts: What tells the route from others.
    """

    def __init__(self, headers: tuple[str, ...], *parts: bytes) -> None:
        self._headers = {name.encode("latin-1") for name in headers}
        self._seed = blake2b(_joined((*parts, *sorted(self._headers))), digest_size=20)

    def key(self, request: Request, media_type: str, what: str | None) -> str:
        """Return the key of a request's response.

        Args:
            request: The request.
            media_type: What the response is.
            what: What is asked for, in place of scheme, host, path and query as they came.
        """
        scope, wanted = request.scope, self._headers
        parts = [media_type.encode()]
        if what is None:
            parts += [scope["scheme"].encode(), scope.get("root_path", "").encode(), scope["path"].encode()]
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            parts += [scope.get("query_string", b""), b",".join(hosts)]
        else:
            parts += [b"key", what.encode()]
        if wanted:
            # In the order in which they came: another order gives another key, which costs a miss and nothing else.
            for pair in scope["headers"]:
                if pair[0] in wanted:
                    parts += pair
        seed = self._seed.copy()
        seed.update(_joined(parts))
        return f"response:{seed.hexdigest()}"


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join([b"%d:%b" % (len(part), part) for part in parts])
