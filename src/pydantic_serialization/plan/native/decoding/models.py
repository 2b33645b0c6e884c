"""Programs for models, root models and typed dictionaries."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, RootModel
from pydantic._internal._mock_val_ser import MockValSer
from pydantic_core import SchemaValidator

from pydantic_serialization.plan.native.decoding.certainty import is_certain
from pydantic_serialization.plan.native.decoding.info import info_maker
from pydantic_serialization.plan.native.decoding.user_code import is_native_post_init
from pydantic_serialization.plan.native.instances import has_usual_dict
from pydantic_serialization.plan.native.program import Part, Unsupported
from pydantic_serialization.plan.native.wire import wire_form

if TYPE_CHECKING:
    from pydantic_serialization.plan.native.decoding.compiler import DecodingCompiler
    from pydantic_serialization.plan.walk import Node

Program = tuple[Any, ...]

_SLOTS = ("__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")


def model_program(compiler: DecodingCompiler, node: Node, _config: Node) -> Program:
    """Return the program of a model.

    Raises:
        Unsupported: Pydantic has to read the model.
    """
    try:
        return _model(compiler, node)
    except Unsupported as error:
        # For what is around it, the model is one part, which Pydantic can read by itself.
        raise Part(f"{node['cls'].__name__}: {error.reason}", error.advice, by_user=error.by_user) from None


def _model(compiler: DecodingCompiler, node: Node) -> Program:
    cls, config = node["cls"], node.get("config") or {}
    if node.get("custom_init"):
        return ("init", cls)
    _check_class(cls, node)
    post_init = None
    if node.get("post_init") is not None:
        post_init = (node["post_init"], is_native_post_init(cls, node["post_init"]))
    inner = node["schema"]
    if node.get("root_model"):
        return ("root-model", cls, compiler.in_field(cls, "root", inner, config), post_init)
    functions = []
    keeps_binary = wire_form(inner) is not None
    while inner["type"] in {"definitions", "function-before"}:
        if inner["type"] == "definitions":
            compiler.schemas.update((item["ref"], item) for item in inner["definitions"])
        else:
            call = inner["function"]
            make = info_maker(config or None, call.get("field_name")) if call["type"] == "with-info" else None
            functions.append((call["function"], make))
        inner = inner["schema"]
    if inner["type"] != "model-fields":
        mode = inner["type"].removeprefix("function-")
        raise Unsupported(f"a model validator with mode={mode!r}", "mode='before' and mode='after' run natively")
    fields, keys = compiler.fields.compile(cls, inner["fields"], config)
    program = ("model", cls, fields, keys, _extra(compiler, inner, config), post_init)
    if not functions:
        return program
    if not compiler.python_input.is_alike(inner, config, compiler.schemas):
        raise Unsupported("a model validator with mode='before' around types that differ between JSON and Python")
    compiler.is_lax = True
    return ("before", tuple(functions), program, compiler.validator(inner, config).validate_python, keeps_binary)


def typed_dict_program(compiler: DecodingCompiler, node: Node, config: Node) -> Program:
    """Return the program of a typed dictionary.

    Raises:
        Unsupported: Pydantic has to read it.
    """
    config = {**config, **(node.get("config") or {})}
    fields, keys = compiler.fields.compile(node.get("cls") or dict, node["fields"], config, total=node.get("total"))
    return ("typed-dict", fields, keys, _extra(compiler, node, config))


def _extra(compiler: DecodingCompiler, node: Node, config: Node) -> Any:
    rule = node.get("extra_behavior") or config.get("extra_fields_behavior") or "ignore"
    if rule != "allow":
        return rule
    if "extras_keys_schema" in node:
        raise Unsupported("a declared type for the keys of extra fields")
    if "extras_schema" not in node:
        return ("allow", None)
    program = compiler.program(node["extras_schema"], config)
    if not is_certain(program, compiler.definitions):
        raise Unsupported("a declared type for extra fields that pydantic reads")
    return ("allow", program)


def _check_class(cls: type, node: Node) -> None:
    """See that instances are made as the core makes them.

    Raises:
        Unsupported: they are not.
    """
    if not issubclass(cls, BaseModel):
        raise Unsupported("no subclass of BaseModel")
    if cls.__new__ is not object.__new__:
        raise Unsupported("__new__ is overridden")
    # Of a class that was not used yet the validator is not built, but its schema is known from where it is used.
    if type(cls.__dict__.get("__pydantic_validator__")) not in {SchemaValidator, MockValSer}:
        raise Unsupported("a plug-in of Pydantic watches it")
    if inspect.isabstract(cls):
        raise Unsupported("it is abstract")
    if hasattr(cls, "__del__"):
        raise Unsupported("it has a __del__ method")
    if not has_usual_dict(cls):
        raise Unsupported("__dict__ is overridden")
    base = RootModel if node.get("root_model") else BaseModel
    for name in _SLOTS:
        if inspect.getattr_static(cls, name) is not inspect.getattr_static(base, name):
            raise Unsupported(f"{name} is overridden")
