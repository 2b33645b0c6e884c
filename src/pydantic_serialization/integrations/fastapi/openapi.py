"""What the OpenAPI document says about formats: each has an entry beside JSON's, with the same schema.

Errors have one for problem details besides, with the schema of RFC 9457.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.integrations.fastapi.media_types import JSON, JSON_LINES, offer_name
from pydantic_serialization.integrations.fastapi.problems import PROBLEM_JSON, SCHEMA

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.routing import APIRoute

    from pydantic_serialization.integrations.fastapi.binding import RouteBinding

_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_PROBLEMS: Final = "x-problem-details"
"""The note at an operation whose errors may be problem details, until :func:`fill_in` has looked at it."""
_PROBLEM_SCHEMA: Final = "ProblemDetails"
_OF_ERRORS: Final = ("4", "5", "d")
"""How statuses of errors begin, ``default`` among them."""


def document(route: APIRoute, binding: RouteBinding) -> None:
    """Have the document name the formats of a route. Their schemas are put in by :func:`fill_in`.

    FastAPI merges ``openapi_extra`` into what it writes about a route, and knows the names of schemas only then.
    """
    by_fastapi = JSON if binding.stream is None else JSON_LINES
    options = binding.options
    written = [offer.media_type for offer in binding.offers if offer.media_type != by_fastapi]
    responses: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    if written:
        responses[str(route.status_code or 200)] = {"content": {name: {} for name in written}}
        responses["406"] = {"description": "Not Acceptable"}
    if binding.bodies is not None:
        extra["requestBody"] = {"content": {name: {} for name in binding.bodies.accepted if name != JSON}}
    if binding.bodies is not None or (binding.takes_body and options.request_codings):
        responses["415"] = {"description": "Unsupported Media Type"}
    if options.format_parameter is not None:
        extra["parameters"] = [_format_parameter(options.format_parameter, binding)]
    if options.problem_details != "never":
        extra[_PROBLEMS] = options.problem_details
    if responses:
        extra["responses"] = responses
    own: Any = route.openapi_extra or {}
    if extra:
        route.openapi_extra = _merged(extra, own)


def _format_parameter(name: str, binding: RouteBinding) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": "The format of the response, in place of what Accept says.",
        "schema": {"type": "string", "enum": [offer_name(offer) for offer in binding.offers]},
    }


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
    schemas = made.get("components", {}).get("schemas", {})
    has_problems = False
    for path in made.get("paths", {}).values():
        for method, operation in path.items():
            if method not in _METHODS:
                continue
            _copy_schema(operation.get("requestBody", {}).get("content", {}))
            contents = {status: answer.get("content", {}) for status, answer in operation.get("responses", {}).items()}
            ours = [name for content in contents.values() for name, entry in content.items() if not entry]
            problems = operation.pop(_PROBLEMS, "never")
            for status, content in contents.items():
                if status[:1] in _OF_ERRORS and JSON in content:  # errors are in the format of the response
                    content.update({name: {} for name in ours if name not in {*content, JSON_LINES}})
                    _copy_schema(content)
                    has_problems |= _add_problem(content, problems, schemas)
                else:
                    _copy_schema(content)
    if has_problems and _PROBLEM_SCHEMA not in schemas:
        made.setdefault("components", {}).setdefault("schemas", {})[_PROBLEM_SCHEMA] = SCHEMA


def _add_problem(content: dict[str, Any], problems: str, schemas: dict[str, Any]) -> bool:
    """Give an error its entry for problem details. Returns whether it refers to their schema."""
    if problems == "never" or PROBLEM_JSON in content:
        return False
    is_named = schemas.get(_PROBLEM_SCHEMA, SCHEMA) is SCHEMA  # a model of the user's may have the name
    schema = {"$ref": f"#/components/schemas/{_PROBLEM_SCHEMA}"} if is_named else SCHEMA
    if problems == "always":
        content.clear()
    content[PROBLEM_JSON] = {"schema": schema}
    return is_named


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
