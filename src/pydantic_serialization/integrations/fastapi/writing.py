"""How what an endpoint returns becomes bytes: exactly FastAPI's, or not at all.

A writer is bound once for a route and a format. It returns ``None`` for a value that it is not certain of; FastAPI then
validates and writes the value itself, and reports what is wrong with it.

What is written is decided by the declared type at every depth, never by the type of the value: an instance of a subclass
would bring its own fields along.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin

from fastapi.datastructures import DefaultPlaceholder
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.integrations.fastapi.media_types import JSON, http_format
from pydantic_serialization.integrations.fastapi.plain_json import write_undeclared
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_encoder
from pydantic_serialization.plan.walk import read_nodes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.plan import ModelPlan

    Writer = Callable[[Any], bytes | None]

_OPTIONS = ("include", "exclude", "exclude_unset", "exclude_defaults", "exclude_none")
_SIMPLE = (list, dict, str, int, float, bool, type(None))


def dump_options(route: Any) -> dict[str, Any]:
    """Return the options that a route's response is written with, as Pydantic calls them."""
    found = {name: getattr(route, f"response_model_{name}") for name in _OPTIONS}
    chosen = {name: value for name, value in found.items() if value is not None and value is not False}
    return {"by_alias": route.response_model_by_alias, **chosen}


def is_default_response(route: Any) -> bool:
    """Say whether FastAPI writes JSON by itself: no response class was asked for."""
    chosen = route.response_class
    return isinstance(chosen, DefaultPlaceholder) and chosen.value is JSONResponse


def json_writer(route: Any, *, unannotated: bool) -> Writer | None:
    """Return the writer that gives FastAPI's own JSON for a route, or ``None`` where FastAPI has to write.

    Args:
        route: The route, or what stands for it where a router includes it.
        unannotated: Write models of endpoints without a declared type, too.
    """
    if not is_default_response(route):
        return None
    field = route.response_field
    if field is None:
        return write_undeclared if unannotated and route.response_model is None else None
    try:
        plan = plan_for(route.response_model)
    except UnsupportedTypeError:
        return None
    options = dump_options(route)
    serialize = getattr(field, "serialize_json", None)
    if serialize is None:  # FastAPI before 0.130 writes what is declared as it writes what is not
        return _exactly(plan) if options == {"by_alias": True} else None
    encode = serialize if plan.wire_schema is not plan.schema else bind_encoder(plan, serialize)
    return _checked(partial(encode, **options), field, plan)


def format_writer(route: Any, format_name: str) -> Writer | None:
    """Return the writer of another format than JSON, or ``None`` where the format or the route cannot be negotiated."""
    if not is_default_response(route):
        return None
    field = route.response_field
    try:
        if field is None:
            return None if route.response_model is not None else _Undeclared(format_name)
        plan = plan_for(route.response_model)
        bound = http_format(format_name).bind(plan, FormatOptions())
    except UnsupportedTypeError:
        return None
    options = cast("DumpOptions", dump_options(route))
    return _checked(lambda value: bound.encode_with(value, options), field, plan, always=True)


def write_as_fastapi(route: Any, value: Any) -> Response | None:
    """Return the response that FastAPI makes of a value, ``None`` if it refuses it."""
    field, response_class = route.response_field, route.response_class
    made_by = response_class.value if isinstance(response_class, DefaultPlaceholder) else response_class
    if field is None:
        return cast("Response", made_by(jsonable_encoder(value)))
    valid, errors = field.validate(value, {}, loc=("response",))
    if errors:
        return None
    options = dump_options(route)
    if is_default_response(route) and hasattr(field, "serialize_json"):
        return Response(field.serialize_json(valid, **options), media_type=JSON)
    content = field.serialize(valid, **options)
    return cast("Response", made_by(content))


def item_writer(
    declared: Any, field: Any, format_name: str, options: dict[str, Any], *, always: bool = False
) -> Writer:
    """Return the writer of an item of a stream; it returns ``None`` for what FastAPI has to write, or to refuse.

    Args:
        declared: The declared type of an item.
        field: FastAPI's field for it.
        format_name: The format of an item.
        options: What items are written with.
        always: Leave nothing to FastAPI but what it has to refuse, because the stream is none that FastAPI knows.

    Raises:
        UnsupportedTypeError: the format cannot represent the type.
    """
    plan = plan_for(declared)
    if format_name in {"json", "orjson"}:
        encode = bind_encoder(plan, field.serialize_json) if plan.wire_schema is plan.schema else field.serialize_json
        return _checked(partial(encode, **options), field, plan, always=always)
    bound = http_format(format_name).bind(plan, FormatOptions())
    return _checked(lambda value: bound.encode_with(value, cast("DumpOptions", options)), field, plan, always=True)


def _exactly(plan: ModelPlan) -> Writer:
    """Return a writer of instances of the declared class, and of lists of them, by the standard library's rules."""
    passes = unchanged_by_validation(plan)
    return lambda value: write_undeclared(value) if passes(value) else None


def _checked(encode: Callable[[Any], bytes], field: Any, plan: ModelPlan, *, always: bool = False) -> Writer:
    """Return a writer that encodes what FastAPI's validation lets through.

    Args:
        encode: Writes a valid value.
        field: FastAPI's field, which validates.
        plan: The declared type.
        always: Validate whatever comes; otherwise values that Pydantic's validation might run the user's code for, or
            use up, are left to FastAPI.
    """
    passes = unchanged_by_validation(plan)
    validate = field.validate
    is_pure = always or not _runs_code(plan)

    def write(value: Any) -> bytes | None:
        if passes(value):
            return encode(value)
        if not is_pure or (not always and type(value) not in _SIMPLE and not isinstance(value, BaseModel)):
            return None
        valid, errors = validate(value, {}, loc=("response",))
        return None if errors else encode(valid)

    return write


def _runs_code(plan: ModelPlan) -> bool:
    """Say whether validating a value may call functions of the user's."""
    return any(
        "function" in node
        or "default_factory" in node
        or node.get("custom_init")
        or node.get("post_init")
        or node["type"] in {"call", "custom-error", "callable", "is-instance"}
        for node in read_nodes(dict(plan.schema), {})
    )


def unchanged_by_validation(plan: ModelPlan) -> Callable[[Any], bool]:
    """Return a test for values that Pydantic's validation gives back as they are, without running any code.

    It knows instances of exactly the declared class, and lists and dicts of them.
    """
    declared = plan.type
    if plan.model is not None:
        model = plan.model
        return (lambda value: type(value) is model) if _is_passive(model) else _never
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is list and len(arguments) == 1 and _is_passive(arguments[0]):
        only = {arguments[0]}
        return lambda value: type(value) is list and set(map(type, value)) <= only
    if origin is dict and len(arguments) == 2 and arguments[0] is str and _is_passive(arguments[1]):
        only, text = {arguments[1]}, {str}
        return lambda value: (
            type(value) is dict and set(map(type, value)) <= text and set(map(type, value.values())) <= only
        )
    return _never


def _is_passive(declared: Any) -> bool:
    """Say whether an instance of a class passes validation untouched: no validator around the model, none asked for."""
    if not isinstance(declared, type) or get_origin(declared) is not None or not issubclass(declared, BaseModel):
        return False
    if declared.model_config.get("revalidate_instances", "never") != "never":
        return False
    schema: Any = plan_for(declared).schema
    definitions: dict[str, Any] = {}
    while schema["type"] in {"definitions", "definition-ref"}:
        if schema["type"] == "definitions":
            definitions.update((item["ref"], item) for item in schema["definitions"])
            schema = schema["schema"]
        else:
            schema = definitions[schema["schema_ref"]]
    return bool(
        schema["type"] == "model"
        and schema["cls"] is declared
        and schema.get("revalidate_instances", "never") == "never"
        and not schema.get("root_model")
    )


def _never(_: Any) -> bool:
    return False


class _Undeclared:
    """Writes what endpoints without a declared type return, as the values that FastAPI would turn into JSON."""

    def __init__(self, format_name: str) -> None:
        self._encode = http_format(format_name).bind(plan_for(Any), FormatOptions()).encode

    def __call__(self, value: Any) -> bytes:
        return self._encode(jsonable_encoder(value))
