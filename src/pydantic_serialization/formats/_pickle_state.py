"""Check instances that came out of an unsigned pickle, as their type's validation leaves them.

Unpickling sets attributes without validating, so the type's rules are checked afterwards: by Pydantic, on a copy. The
instance itself is kept or refused, never altered, so that shared references, private attributes and the set of given
fields stay as they were written. Validators may change in place what they are given, at any depth of it: where a type
has any (:func:`has_validators`), all checks are made on a second reading of the pickle.

==================  ==================================================================================
types, constraints  checked in strict mode: a value must already be what its field declares
``after``           run: what they refuse is refused
``before``          not run: they shape raw input, and what they left is in the instance
``wrap``, plain     run: they must leave the value as it is
defaults            not filled in: a pickle names every field; accepted as they are, as Pydantic does
==================  ==================================================================================

A validator may change the type of what it gets (``Annotated[HttpUrl, AfterValidator(str)]``). Its value may fail strict
mode, and is then accepted if validation in lax mode arrives at the very same value. So is a default of another type than
its field declares (``price: Decimal = 0``), if it is the very same value.

Instances inside an instance are accepted by their class, because each of them is checked by itself: an instance that is
shared a thousand times is checked once.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from pydantic_serialization.formats._stack import state_within_stack
from pydantic_serialization.plan.purity.declared import is_declared, is_known_pure
from pydantic_serialization.plan.rebuild import build_validator
from pydantic_serialization.plan.stack import need_to_check
from pydantic_serialization.plan.trusted import without_checks
from pydantic_serialization.plan.walk import Node, read_nodes, root_config, transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import CoreSchema

_INSTANCES = frozenset({"model", "dataclass"})
_AROUND = frozenset({"function-after", "function-wrap"})
_VALIDATORS = _AROUND | {"function-plain"}
_FACTORIES = (list, dict, set, frozenset, tuple, str, bytes, int, float, bool)
"""What makes an equal value each time. Any other factory is code of the user's."""


class StateChecker:
    """Checks values of one type. Only where Pydantic can build from a changed schema (``CAN_REBUILD``).

    Args:
        schema: Core schema of the type.
        inside: Look into the type's own instances; else they are accepted by their class.
        validate: ``False`` leaves out constraints, and what ``after`` validators refuse.
    """

    def __init__(self, schema: CoreSchema, *, inside: bool, validate: bool) -> None:
        declared: Node = dict(schema)
        if not validate:
            declared = transform(declared, without_checks)
        self._declared = transform(declared, _state_node)
        self._inside = inside
        self._config = root_config(self._declared)
        schema_of_states = self._closed(transform(self._declared, _without_default))
        self._need = need_to_check(schema_of_states)
        strict = build_validator(transform(schema_of_states, _unchanging_node), self._config)
        self._strict = state_within_stack(strict.validate_python, self._need)

    def check(self, value: Any, *, strict: bool, context: Any) -> None:
        """Return if ``value`` is what validation leaves.

        Raises:
            pydantic.ValidationError: it is not.
            LimitExceededError: it is nested too deep for what is left of the stack.
        """
        options = {"context": context, "by_name": True, "by_alias": False}
        try:
            self._strict(value, strict=True, **options)
        except ValidationError:
            if not same(value, self._tolerant(value, strict=strict, **options)):
                raise

    def _closed(self, node: Node) -> Node:
        return transform(_looking_inside(node) if self._inside else node, _closed_node)

    @cached_property
    def _tolerant(self) -> Any:
        node = self._closed(transform(self._declared, _with_default))
        return state_within_stack(build_validator(node, self._config).validate_python, self._need)


def has_validators(schema: CoreSchema) -> bool:
    """Say whether checking values of the type runs code of the user's, which may change what it is given."""
    functions = [node["function"]["function"] for node in read_nodes(dict(schema), {}) if node["type"] in _VALIDATORS]
    # Whoever declares a validator to be pure speaks of what it returns.
    return any(is_declared(function) or not is_known_pure(function) for function in functions)


def same(left: Any, right: Any) -> bool:
    """Say whether two values are equal and of the same types, at every depth. Private attributes do not count."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and _all_same(left, right)
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if dataclasses.is_dataclass(left) or hasattr(left, "__pydantic_fields_set__"):
        return same(_attributes(left), _attributes(right))
    if isinstance(left, (set, frozenset)):
        return left == right and {(type(item), item) for item in left} == {(type(item), item) for item in right}
    return bool(left == right or (left != left and right != right))


def _all_same(left: Any, right: Any) -> bool:
    for one, other in zip(left, right, strict=True):  # noqa: SIM110  (all() would take C's stack for each level)
        if not same(one, other):
            return False
    return True


def _attributes(value: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {**vars(value), **(value.__pydantic_extra__ or {})}


def _state_node(node: Node) -> Node:
    """Return the node that checks what ``node`` leaves. Innermost nodes come first."""
    kind = node["type"]
    if kind in _INSTANCES:
        return _instance_node(node)
    if kind == "json":
        return _standing_for(node, node.get("schema") or {"type": "any"})
    if kind == "function-before":
        return _standing_for(node, node["schema"])
    return node


def _without_default(node: Node) -> Node:
    if node["type"] != "default":
        return node
    inner = node["schema"]
    # Pydantic does not validate a default, and None as the default of a field that is not optional is common.
    return _standing_for(node, {"type": "nullable", "schema": inner} if node.get("default", 0) is None else inner)


def _with_default(node: Node) -> Node:
    """Return the node that accepts the default as it is, beside what its schema accepts."""
    factory: Any = node.get("default_factory")
    if node["type"] != "default" or ("default" not in node and factory not in _FACTORIES):
        return _without_default(node)
    default = node["default"] if "default" in node else factory()

    def accept(value: Any, validate: Callable[[Any], Any]) -> Any:
        return value if same(value, default) else validate(value)

    function = {"type": "no-info", "function": accept}
    return _standing_for(node, {"type": "function-wrap", "function": function, "schema": node["schema"]})


def _unchanging_node(node: Node) -> Node:
    if node["type"] in {"function-wrap", "function-plain"} and isinstance(node.get("function"), dict):
        function = node["function"]
        return {**node, "function": {**function, "function": _unchanging(function["function"])}}
    return node


def _standing_for(node: Node, inner: Node) -> Node:
    return {**inner, "ref": node["ref"]} if "ref" in node else inner


def _instance_node(node: Node) -> Node:
    """Return the node for instances: checked as they are, not by calling constructors."""
    changed: Node = {**node, "revalidate_instances": "never"}
    if node["type"] == "model":
        changed["custom_init"] = False
        return changed
    changed["post_init"] = False
    arguments: Node = node["schema"]
    if arguments["type"] == "dataclass-args":
        fields = [{**field, "init": True} for field in arguments["fields"] if not field.get("init_only")]
        changed["schema"] = {**arguments, "fields": fields}
    return changed


def _closed_node(node: Node) -> Node:
    """Return the node for an instance that is accepted by its class.

    Pydantic's own would make one of what stands in its place; a root model also in strict mode, and at every depth.
    """
    if node["type"] not in _INSTANCES or node["revalidate_instances"] != "never":
        return node
    return _standing_for(node, {"type": "is-instance", "cls": node["cls"]})


def _unchanging(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a validator that accepts what ``function`` leaves as it is."""

    def check(value: Any, *rest: Any) -> Any:
        if not same(value, function(value, *rest)):
            raise PydanticCustomError("changed_by_validator", "Input would be changed by its validator")
        return value

    return check


def _looking_inside(node: Node) -> Node:
    """Return the schema with the outermost model or dataclass checked inside, and the same class elsewhere not."""
    if node["type"] == "definitions":
        definitions = {item["ref"]: item for item in node["definitions"]}
        return {**node, "schema": _opened(node["schema"], definitions, is_observed=False)}
    return _opened(node, {}, is_observed=False)


def _opened(node: Node, definitions: dict[str, Node], *, is_observed: bool) -> Node:
    kind = node["type"]
    if kind == "definition-ref":
        target = {key: value for key, value in definitions[node["schema_ref"]].items() if key != "ref"}
        return _opened(target, definitions, is_observed=is_observed)
    if kind in _AROUND:
        return {**node, "schema": _opened(node["schema"], definitions, is_observed=True)}
    if kind not in _INSTANCES:
        return node
    opened = {**node, "revalidate_instances": "always"}
    if not is_observed:
        # The copy is seen by nobody; with validators of the model around it, it needs its private attributes.
        opened.pop("post_init", None)
    return opened
