"""JSON as FastAPI writes it where nothing is declared: ``jsonable_encoder``, and ``json.dumps`` of what that gives.

Pydantic's own JSON of a model is the same text but for a few values, which are looked for here: numbers that Python
prints differently, infinities (which FastAPI refuses), keys that FastAPI leaves out. A type where they cannot be found
with certainty is left to FastAPI.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_encoder
from pydantic_serialization.plan.overrides import has_own

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_serialization.plan import ModelPlan
    from pydantic_serialization.plan.walk import Node

_SMALLEST_PLAIN = 1e-4
"""Below this, Python prints an exponent of two digits and Pydantic the shortest one."""
_LARGEST_PLAIN = 1e16

_HIDDEN = "_sa"
"""``jsonable_encoder`` leaves keys out that begin so."""

_SCALARS = frozenset(
    {"none", "bool", "int", "str", "date", "time", "datetime", "timedelta", "uuid", "decimal", "literal", "url"}
)
"""Types whose JSON form holds no number with a fraction: numbers of any other kind are text, or whole."""


def write_undeclared(value: Any) -> bytes | None:
    """Return FastAPI's JSON of a model, or of a list of models of one class; ``None`` for anything else."""
    kind = type(value)
    if kind is not list:
        return write_model(kind, value) if issubclass(kind, BaseModel) else None
    kinds = set(map(type, value))
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    return write_models(kind, value) if issubclass(kind, BaseModel) else None


def write_model(model: type[BaseModel], value: BaseModel) -> bytes | None:
    """Return FastAPI's JSON of an instance of exactly ``model``; ``None`` where it is not certain."""
    encode = _model_encoder(plan_for(model))
    return None if encode is None else encode(value)


def write_models(model: type[BaseModel], values: list[BaseModel]) -> bytes | None:
    """Return FastAPI's JSON of a list of instances of exactly ``model``; ``None`` where it is not certain."""
    encode = _list_encoder(plan_for(model))
    return None if encode is None else encode(values)


@lru_cache(maxsize=512)
def _model_encoder(plan: ModelPlan) -> Callable[[Any], bytes | None] | None:
    certain = _certain(plan)
    return None if certain is None else _encoder(plan, certain)


@lru_cache(maxsize=512)
def _list_encoder(plan: ModelPlan) -> Callable[[Any], bytes | None] | None:
    certain = _certain(plan)
    if certain is None:
        return None
    return _encoder(plan_for(_list_of(plan.type)), lambda values: all(map(certain, values)))


def _list_of(declared: Any) -> Any:
    return list[declared]


def _encoder(plan: ModelPlan, certain: Callable[[Any], bool]) -> Callable[[Any], bytes | None]:
    encode = bind_encoder(plan, _decline)

    def write(value: Any) -> bytes | None:
        try:
            return encode(value, by_alias=True) if certain(value) else None
        except _Declined:
            return None

    return write


class _Declined(Exception):  # noqa: N818  (no error: FastAPI does the work)
    """The native core is not certain of a value."""


def _decline(_: Any, **__: Any) -> bytes:
    raise _Declined


def _certain(plan: ModelPlan) -> Callable[[Any], bool] | None:
    """Return a test for instances whose JSON is certainly FastAPI's, or ``None`` where there is none for the class."""
    model = plan.model
    if model is None or plan.wire_schema is not plan.schema or has_own(model, "model_dump"):
        return None
    try:
        return _Certainty().test(plan.schema) or _always
    except UnsupportedTypeError:
        return None


class _Certainty:
    """Finds the places in a schema where a value decides."""

    def __init__(self) -> None:
        self._definitions: dict[str, Node] = {}
        self._above: list[int] = []

    def test(self, node: Any) -> Callable[[Any], bool] | None:
        """Return a test for values of a node, or ``None`` where every value is certain.

        Raises:
            UnsupportedTypeError: FastAPI may write values of the node differently, and no test tells.
        """
        kind = node["type"]
        if "serialization" in node:
            self._give_up(kind)
        if kind in _SCALARS:
            if kind == "literal" and not all(isinstance(item, (str, int, type(None))) for item in node["expected"]):
                self._give_up(kind)
            return None
        if kind == "float":
            return _plain_number
        if kind == "enum":
            if any(not isinstance(member.value, (str, int)) for member in node["members"]):
                self._give_up(kind)
            return None
        if kind == "definitions":
            self._definitions.update((item["ref"], item) for item in node["definitions"])
            return self.test(node["schema"])
        if kind == "definition-ref" and node["schema_ref"] in self._definitions:
            return self.test(self._definitions[node["schema_ref"]])
        if kind == "default":
            return self.test(node["schema"])
        if kind in {"function-after", "function-before"}:
            return self.test(node["schema"])
        if kind == "nullable":
            return _if_any(self.test(node["schema"]))
        if kind in {"list", "set", "frozenset"}:
            return _for_all(self.test(node.get("items_schema", {"type": "any"})))
        if kind == "dict":
            return self._dict(node)
        if kind == "model":
            return self._model(node)
        return self._give_up(str(kind))

    def _dict(self, node: Any) -> Callable[[Any], bool]:
        if node.get("keys_schema", {"type": "any"})["type"] != "str":
            self._give_up("dict")
        inner = self.test(node.get("values_schema", {"type": "any"})) or _always

        def test(value: Mapping[str, Any]) -> bool:
            return all(type(key) is str and not key.startswith(_HIDDEN) and inner(item) for key, item in value.items())

        return test

    def _model(self, node: Any) -> Callable[[Any], bool] | None:
        if id(node) in self._above or node.get("root_model"):
            self._give_up("a recursive model")
        config = node.get("config") or {}
        if config.get("extra_fields_behavior") == "allow" or any(name.startswith("ser_json") for name in config):
            self._give_up("model")
        inner = node["schema"]
        while inner["type"] in {"function-after", "function-before", "function-wrap"}:
            inner = inner["schema"]
        if inner["type"] != "model-fields":
            self._give_up("model")
        if inner.get("computed_fields") or inner.get("extra_behavior") == "allow" or "serialization" in inner:
            self._give_up("model")
        self._above.append(id(node))
        tests: list[tuple[str, Callable[[Any], bool]]] = []
        written = []
        for name, field in inner["fields"].items():
            if field.get("serialization_exclude"):
                continue
            written.append(field.get("serialization_alias", name))
            test = self.test(field["schema"])
            if test is not None:
                tests.append((name, test))
        self._above.pop()
        if len(set(written)) < len(written) or any(name.startswith(_HIDDEN) or name == "root" for name in written):
            self._give_up("model")
        if not tests:
            return None
        if len(tests) == 1:
            name, only = tests[0]
            return lambda value: only(getattr(value, name))
        return lambda value: all(test(getattr(value, name)) for name, test in tests)

    def _give_up(self, kind: str) -> NoReturn:
        message = f"{kind} may be written differently by FastAPI"
        raise UnsupportedTypeError(message)


def _if_any(test: Callable[[Any], bool] | None) -> Callable[[Any], bool] | None:
    return None if test is None else lambda value: value is None or test(value)


def _for_all(test: Callable[[Any], bool] | None) -> Callable[[Any], bool] | None:
    return None if test is None else lambda value: all(map(test, value))


def _always(_: Any) -> bool:
    return True


def _plain_number(value: Any) -> bool:
    """Say whether Python and Pydantic print a number alike."""
    return type(value) is float and (
        value == 0 or _SMALLEST_PLAIN <= value < _LARGEST_PLAIN or (-_LARGEST_PLAIN < value <= -_SMALLEST_PLAIN)
    )
