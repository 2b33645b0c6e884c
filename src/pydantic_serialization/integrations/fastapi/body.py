"""Request bodies: JSON read straight into models where that gives what FastAPI gives, and other formats at all.

FastAPI parses JSON with the standard library and validates the resulting tree. Pydantic, reading JSON text, decides some
types differently: strict models, unions with types that JSON writes as text, decimals from numbers. So models are read
straight from the text only where none of these is in the schema, no code of the user's would run, and the native core is
certain of the document; FastAPI's validation lets such instances pass. Everything else goes FastAPI's way, from the
beginning, so that every error is FastAPI's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import from_json

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_decoder
from pydantic_serialization.plan.walk import read_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_serialization.plan import ModelPlan
    from pydantic_serialization.plan.walk import Node

_ALIKE: Final = frozenset(
    {
        *("definitions", "definition-ref", "model", "model-fields", "model-field", "default", "nullable"),
        *("list", "set", "frozenset", "dict", "literal", "enum"),
        *("none", "bool", "int", "float", "str", "date", "time", "datetime", "timedelta", "uuid"),
    }
)
"""Kinds of nodes that read JSON text as they read what the standard library makes of it."""


class _Declined(Exception):  # noqa: N818  (no error: FastAPI does the work)
    """The native core is not certain of a document."""


def _decline(_: Any, **__: Any) -> Any:
    raise _Declined


def json_reader(route: Any) -> Callable[[bytes], Any] | None:
    """Return what reads the JSON body of a route for FastAPI's validation; ``None`` if FastAPI reads no JSON there.

    The function returns what is to be validated: instances of the declared model, which validation lets pass, or the
    tree of plain values that the standard library would give. It raises whatever for a document that only FastAPI can
    judge.

    Args:
        route: The route, or what stands for it where a router includes it.
    """
    if not takes_document(route):
        return None
    decode = _model_reader(route)
    if decode is None:
        return from_json

    def read(data: bytes) -> Any:
        try:
            return decode(data)
        except _Declined:
            return from_json(data)

    return read


def _model_reader(route: Any) -> Callable[[bytes], Any] | None:
    """Return the native reader of the body's models, where it gives what FastAPI gives."""
    field = only_body_field(route)
    if field is None:
        return None
    annotation = field.field_info.annotation
    if not _is_model_or_list(annotation):
        return None
    try:
        plan = plan_for(annotation)
    except UnsupportedTypeError:
        return None
    decode = bind_decoder(plan, _decline) if reads_alike(plan) else _decline
    return None if decode is _decline else decode


def takes_document(route: Any) -> bool:
    """Say whether FastAPI reads the body of a route, and not as a form."""
    fields = list(body_fields(route.dependant))
    return bool(fields) and not any(map(is_form, fields))


def body_fields(dependant: Any) -> Iterator[Any]:
    """Yield the body parameters of an endpoint and of its dependencies, one for each use."""
    yield from dependant.body_params
    for dependency in dependant.dependencies:
        yield from body_fields(dependency)


def only_body_field(route: Any) -> Any | None:
    """Return the parameter that takes the whole body of a route, if there is one, of the endpoint's own, and no other.

    Two that share the body would share one object, where FastAPI makes one for each.
    """
    fields = list(body_fields(route.dependant))
    if len(fields) != 1 or not route.dependant.body_params or route._embed_body_fields:  # noqa: SLF001
        return None
    return None if is_form(fields[0]) else fields[0]


def is_form(field: Any) -> bool:
    """Say whether a body parameter comes from a form."""
    return any(cls.__name__ in {"Form", "File"} for cls in type(field.field_info).__mro__)


def _is_model_or_list(annotation: Any) -> bool:
    if get_origin(annotation) is list:
        (annotation,) = get_args(annotation) or (None,)
    return isinstance(annotation, type) and get_origin(annotation) is None and issubclass(annotation, BaseModel)


def reads_alike(plan: ModelPlan) -> bool:
    """Say whether JSON text gives what the standard library's tree of it gives, and no code of the user's runs."""
    return plan.wire_schema is plan.schema and all(map(_node_reads_alike, read_nodes(dict(plan.schema), {})))


def _node_reads_alike(node: Node) -> bool:
    kind = node["type"]
    if kind not in _ALIKE or node.get("strict") or node.get("coerce_numbers_to_str"):
        return False
    if kind == "literal":
        return all(type(item) is str for item in node["expected"])
    if kind == "enum":
        return node.get("missing") is None and all(type(member.value) is str for member in node["members"])
    if kind == "dict":
        return bool(node.get("keys_schema", {"type": "any"})["type"] == "str")
    if kind == "model-field":
        return not isinstance(node.get("validation_alias"), list)
    if kind == "model":
        config = node.get("config") or {}
        return not (
            node.get("custom_init")
            or node.get("post_init")
            or node.get("root_model")
            or config.get("strict")
            or config.get("coerce_numbers_to_str")
            or node.get("revalidate_instances", "never") != "never"
            or config.get("revalidate_instances", "never") != "never"
            or config.get("extra_fields_behavior") == "allow"
        )
    if kind == "model-fields":
        return node.get("extra_behavior") != "allow" and not node.get("from_attributes")
    if kind == "default":
        return node.get("on_error", "raise") == "raise" and not node.get("validate_default")
    return True
