"""What the OpenAPI document says about formats: each has an entry beside JSON's, with the same schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.integrations.fastapi.media_types import JSON, JSON_LINES

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.routing import APIRoute

    from pydantic_serialization.integrations.fastapi.binding import RouteBinding

_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_OF_ERRORS: Final = ("4", "5", "d")
"""How statuses of errors begin, ``default`` among them."""


def document(route: APIRoute, binding: RouteBinding) -> None:
    """Have the document name the formats of a route. Their schemas are put in by :func:`fill_in`.

    FastAPI merges ``openapi_extra`` into what it writes about a route, and knows the names of schemas only then.
    """
    by_fastapi = JSON if binding.stream is None else JSON_LINES
    written = [offer.media_type for offer in binding.offers if offer.media_type != by_fastapi]
    extra: dict[str, Any] = {}
    if written:
        responses = extra["responses"] = {}
        responses[str(route.status_code or 200)] = {"content": {name: {} for name in written}}
        responses["406"] = {"description": "Not Acceptable"}
    if binding.bodies is not None:
        extra["requestBody"] = {"content": {name: {} for name in binding.bodies.accepted if name != JSON}}
        responses = extra.setdefault("responses", {})
        responses["415"] = {"description": "Unsupported Media Type"}
    own: Any = route.openapi_extra or {}
    if extra:
        route.openapi_extra = _merged(extra, own)


def _merged(ours: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return both, the user's own where they differ."""
    merged = {**ours, **own}
    for key in ours.keys() & own.keys():
        if isinstance(ours[key], dict) and isinstance(own[key], dict):
            merged[key] = _merged(ours[key], own[key])
    return merged


def fill_in(app: FastAPI) -> None:
    """Have the application's document show the schema of every format."""
    generate = app.openapi
    filled: list[dict[str, Any]] = []

    def openapi() -> dict[str, Any]:
        made = generate()
        if not filled or filled[0] is not made:  # FastAPI keeps what it has made, until routes are added
            _fill(made)
            filled[:] = [made]
        return made

    app.openapi = openapi  # type: ignore[method-assign]


def _fill(made: dict[str, Any]) -> None:
    for path in made.get("paths", {}).values():
        for method, operation in path.items():
            if method not in _METHODS:
                continue
            _copy_schema(operation.get("requestBody", {}).get("content", {}))
            contents = {status: answer.get("content", {}) for status, answer in operation.get("responses", {}).items()}
            ours = [name for content in contents.values() for name, entry in content.items() if not entry]
            for status, content in contents.items():
                if status[:1] in _OF_ERRORS and JSON in content:  # errors are in the format of the response
                    content.update({name: {} for name in ours if name not in {*content, JSON_LINES}})
                _copy_schema(content)


def _copy_schema(content: dict[str, Any]) -> None:
    """Give the entries that say nothing what JSON's says."""
    stated = content.get(JSON) or content.get(JSON_LINES)
    if not stated:
        return
    for name, entry in content.items():
        if not entry:
            content[name] = _said_of(name, stated)


def _said_of(name: str, stated: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of a format. A stream is a sequence of items, but in JSON, where it is one array."""
    items = stated.get("schema", {}).get("items")
    if name == JSON_LINES and items:
        return {"itemSchema": items}
    if name == JSON and "itemSchema" in stated:
        return {"schema": {"type": "array", "items": stated["itemSchema"]}}
    return dict(stated)
