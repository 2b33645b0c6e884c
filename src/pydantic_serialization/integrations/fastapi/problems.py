"""Errors as problem details (RFC 9457): what FastAPI, or a handler of the user's, says of an error, in standard terms."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

PROBLEM_JSON: Final = "application/problem+json"

SCHEMA: Final[dict[str, Any]] = {
    "title": "ProblemDetails",
    "description": "What went wrong, as RFC 9457 has it.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "default": "about:blank", "title": "Type"},
        "title": {"type": "string", "title": "Title"},
        "status": {"type": "integer", "title": "Status"},
        "detail": {"type": "string", "title": "Detail"},
        "errors": {"type": "array", "items": {}, "title": "Errors"},
    },
    "required": ["type", "title", "status"],
    "additionalProperties": True,
}
"""The JSON schema of a problem; an error may bring members of its own."""


def problem_of(status: int, body: bytes) -> bytes | None:
    """Return the problem details that say what a JSON error body says; ``None`` if it is no object.

    A ``detail`` that is text stays; one that is an object has its members become the problem's own, so that
    ``HTTPException(403, {"type": "https://example.com/out-of-credit", "title": "...", "balance": 30})`` is a complete
    problem; a list, such as FastAPI's of what is wrong with a request, becomes ``errors``. All other members are kept.

    Args:
        status: The status of the response.
        body: A JSON document.

    Raises:
        ValueError: it is none.
    """
    said = json.loads(body)
    if not isinstance(said, dict):
        return None
    members = dict(said)
    detail = members.pop("detail", None)
    if isinstance(detail, dict):
        members.update(detail)
    elif isinstance(detail, list):
        members["detail"] = f"{len(detail)} errors" if len(detail) != 1 else "1 error"
        members["errors"] = detail
    elif detail is not None:
        members["detail"] = str(detail)
    problem = {"type": "about:blank", "title": _title(status), **members, "status": status}
    return json.dumps(problem, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
