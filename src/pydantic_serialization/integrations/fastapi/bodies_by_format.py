"""Request bodies in other formats than JSON, for FastAPI's own validation.

FastAPI takes what ``request.json()`` returns and validates it. For these formats that is the tree of plain values in the
document, or, for a format that only exists with a schema, the decoded values. So errors have FastAPI's shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, NotRequired, cast

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from typing_extensions import TypedDict

from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import DecodeError, LimitExceededError, UnsupportedTypeError
from pydantic_serialization.formats import FormatOptions, TreeFormat
from pydantic_serialization.formats._depth import tree_depth_exceeds
from pydantic_serialization.formats._errors import decoding_errors
from pydantic_serialization.integrations.fastapi.body import body_fields, is_form
from pydantic_serialization.integrations.fastapi.media_types import JSON, essence, http_format, is_json, offers
from pydantic_serialization.integrations.fastapi.request_coding import read_body
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import Headers
    from starlette.types import Message, Receive

    from pydantic_serialization.integrations.fastapi.options import RouteOptions

MOST_ITEMS: Final[int] = SerializationConfig.model_fields["max_items"].default
"""Items of all arrays and objects: in JSON bodies as many as FastAPI takes, which is any number."""
_DEEPEST = 200
"""Levels of arrays and objects: what JSON bodies may have."""


class BodyFormats(NamedTuple):
    """The formats that the body of a route may be in.

    Attributes:
        readers: What reads a body, by media type.
        accepted: The media types, for the client that sent another one.
    """

    readers: dict[str, tuple[str, Callable[[bytes], Any]]]
    accepted: tuple[str, ...]

    def reader(self, content_type: str) -> tuple[str, Callable[[bytes], Any]] | None:
        """Return the name of a format and what reads it; ``None`` for JSON, which FastAPI reads.

        Raises:
            HTTPException: (415) no such type is understood here.
        """
        if is_json(content_type):
            return None
        found = self.readers.get(essence(content_type))
        if found is None:
            known = ", ".join(self.accepted)
            raise HTTPException(415, f"send one of {known}", headers={"Accept": known})
        return found


def body_formats(route: Any, options: RouteOptions) -> BodyFormats | None:
    """Return what a route reads besides JSON, or ``None`` where FastAPI reads everything."""
    fields = list(body_fields(route.dependant))
    if not fields or any(map(is_form, fields)) or any(_media_type(field) != JSON for field in fields):
        return None
    readers = {}
    accepted = []
    for offer in offers(options.formats):
        if offer.is_json:
            accepted.append(JSON)
            continue
        try:
            read = _reader(route, fields, offer.format)
        except UnsupportedTypeError:
            continue
        accepted.append(offer.media_type)
        readers.update(dict.fromkeys((offer.media_type, *offer.aliases), (offer.format, read)))
    return BodyFormats(readers, tuple(accepted))


def _media_type(field: Any) -> str:
    return str(getattr(field.field_info, "media_type", JSON))


def _reader(route: Any, fields: list[Any], name: str) -> Callable[[bytes], Any]:
    found = http_format(name)
    if isinstance(found, TreeFormat):
        unpack, check_items = found.unpack, found.check_items

        def read(data: bytes) -> Any:
            if check_items is not None and len(data) > MOST_ITEMS:
                check_items(data, MOST_ITEMS)
            tree = unpack(data)
            if tree_depth_exceeds(tree, _DEEPEST):
                message = f"the body is nested deeper than {_DEEPEST} levels"
                raise LimitExceededError(message, limit="max_depth", format=name)
            return tree

        return read
    if route._embed_body_fields:  # noqa: SLF001
        parts: Any = {field.alias: NotRequired[field.field_info.annotation] for field in fields}
        # Called as it is at run time: type checkers only know the form with everything written out.
        declared = cast("Any", TypedDict)("Body", parts)
    else:
        declared = fields[0].field_info.annotation
    return http_format(name).bind(plan_for(declared), FormatOptions()).decode


async def decode_body(request: Request, name: str, read: Callable[[bytes], Any]) -> None:
    """Read the body, and have the request give FastAPI what is in it, once, as if it were JSON.

    Raises:
        RequestValidationError: (422) it is no document of the format, or one of another shape.
        HTTPException: (413) it is over a limit; (400) the client has gone.
    """
    data = await read_body(request)
    if not data:
        return
    try:
        with decoding_errors(name, "the body"):
            value = read(data)
    except LimitExceededError as error:
        raise HTTPException(413, str(error)) from error
    except DecodeError as error:
        problem = {
            "type": f"{name}_invalid",
            "loc": ("body", error.position or 0),
            "msg": f"{name} decode error",
            "input": {},
            "ctx": {"error": str(error)},
        }
        raise RequestValidationError([problem], body=data) from error
    except ValidationError as error:
        problems = [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False)]
        raise RequestValidationError(problems, body=data) from error
    decoded: Any = request
    decoded.decoded, decoded.former_class = value, request.__class__
    decoded.__class__ = _DecodedRequest


class _DecodedRequest(Request):
    """A request whose body says that it is JSON, until FastAPI has read it: FastAPI reads nothing else."""

    decoded: Any
    former_class: type[Request]

    @property
    def headers(self) -> Headers:
        real = super().headers
        return type(real)({**real, "content-type": JSON})

    async def json(self) -> Any:
        value, self.__class__ = self.__dict__.pop("decoded"), self.__dict__.pop("former_class")
        return value


def limited(receive: Receive, limit: int) -> Receive:
    """Return ``receive``, which refuses a body of more than ``limit`` bytes as soon as it is over it."""
    size = 0

    async def receive_some() -> Message:
        nonlocal size
        message = await receive()
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if size > limit:
                raise HTTPException(413, f"a body may have {limit} bytes")
        return message

    return receive_some
