"""The restricted reader and writer of pickles that no signature vouches for.

Reading goes through four gates, and what passes one is looked at by the next:

1. the opcodes (:mod:`._pickle_opcodes`): nothing but values, no state for what already exists;
2. the names: only the plan's classes and the table of :mod:`._pickle_values`, looked up without an import;
3. the shape of every object in the result: known types only, no more attributes than the class declares, bounded depth
   and size (a shared container counts once for every time it is reached: a kilobyte can describe a petabyte);
4. the values of every instance (:mod:`._pickle_state`).

The writer refuses what gates 1 and 2 would refuse. An allow-list of names alone has been walked around before (PyTorch,
CVE-2025-32434), which is why the other gates are there, and why unsigned pickles are never read from a shared store.
"""

from __future__ import annotations

import dataclasses
import pickle
from enum import Enum
from functools import cached_property
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from pydantic_serialization.errors import EncodeError, LimitExceededError, UnsupportedTypeError, UntrustedDataError
from pydantic_serialization.formats._items import too_many_items
from pydantic_serialization.formats._pickle_classes import pickled_classes
from pydantic_serialization.formats._pickle_secrets import refuse_secret
from pydantic_serialization.formats._pickle_state import StateChecker, has_validators
from pydantic_serialization.formats._pickle_values import (
    LEAF_TYPES,
    VALUE_NAMES,
    VALUE_PARTS,
    WRITABLE_NAMES,
    WRITABLE_TYPES,
    WRITTEN_FORMS,
)
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.rebuild import CAN_REBUILD

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from io import BytesIO

    from pydantic_serialization.plan import ModelPlan

_LONGEST_NAME = 200
_ALWAYS_ALLOWED_ITEMS = 200_000
_ITEMS_PER_BYTE = 16
_WAY_OUT = "set signing_keys to read and write every class, or use another format"


def printable(name: str) -> str:
    """Return a name out of a document for a message: without control characters, and not too long."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:_LONGEST_NAME])


def _class_name(value: Any) -> str:
    cls = type(value)
    return printable(f"{cls.__module__}.{cls.__qualname__}")


class Unpickler(pickle.Unpickler):
    """Python's unpickler (the one in C), for which only the given names exist.

    Args:
        file: The pickle.
        names: (module, qualified name) to what it stands for.
    """

    def __init__(self, file: BytesIO, names: dict[tuple[str, str], Any]) -> None:
        super().__init__(file)
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for.

        Raises:
            UntrustedDataError: nothing that the requested type contains.
        """
        return _looked_up(self._names, module, name)


def _looked_up(names: Mapping[tuple[str, str], Any], module: str, name: str) -> Any:
    try:
        return names[module, name]
    except KeyError:
        shown = printable(f"{module}.{name}")
        message = f"the pickle names {shown}, which the requested type does not contain; {_WAY_OUT}"
        raise UntrustedDataError(message, format="pickle") from None


class Pickler(pickle.Pickler):
    """Python's pickler (the one in C), which refuses what :class:`Unpickler` would refuse.

    Args:
        file: Where to write.
        types: Types whose instances may be written.
        names: Classes and functions that may be named.
        secrets: Values of secrets may be written.
    """

    def __init__(self, file: BytesIO, types: frozenset[type], names: frozenset[Any], *, secrets: bool) -> None:
        super().__init__(file, protocol=5)
        self._secrets = secrets
        self._types = types
        self._names = names

    def reducer_override(self, obj: Any) -> Any:
        """Return how to write ``obj``: as Python does, except for enumerations and a few value types.

        Raises:
            EncodeError: the class of ``obj`` is not allowed.
        """
        if not self._secrets:
            refuse_secret(obj)
        cls = type(obj)
        if cls in self._types:
            if cls in WRITTEN_FORMS:
                return cls, WRITTEN_FORMS[cls](obj)
            if isinstance(obj, Enum):
                return cls, (obj._value_,)  # what a member is found by; its class may redefine ``value``
            return NotImplemented
        is_name = isinstance(obj, (type, FunctionType, BuiltinFunctionType))
        if is_name and obj in self._names:
            return NotImplemented
        named: Any = obj if is_name else cls
        name = f"{named.__module__}.{named.__qualname__}"
        message = f"an unsigned pickle cannot hold {printable(name)}: the declared type does not contain it; {_WAY_OUT}"
        raise EncodeError(message, format="pickle")


class Rules:
    """What unsigned pickles of one type may hold.

    Args:
        plan: The type.
        max_depth: Levels of containers and instances that may be read.
        max_items: Items that they may have together.
        validate: ``False`` leaves out constraints, and what ``after`` validators refuse.

    Raises:
        UnsupportedTypeError: a class of the plan cannot be found by name.
    """

    def __init__(self, plan: ModelPlan, *, max_depth: int, max_items: int, validate: bool) -> None:
        classes = pickled_classes(plan)
        if not CAN_REBUILD:
            message = "checking unsigned pickles needs pydantic 2.13 or newer; use signing_keys or another format"
            raise UnsupportedTypeError(message, model=plan.name, format="pickle")
        self.types = WRITABLE_TYPES | classes
        self.writable_names = WRITABLE_NAMES | classes
        self.readable_names = {**VALUE_NAMES, **{(cls.__module__, cls.__qualname__): _as_read(cls) for cls in classes}}
        self.classes = classes
        self._plan = plan
        self._max_depth = max_depth
        self._max_items = max_items
        self._validate = validate
        self._has_validators = has_validators(plan.schema)

    def class_named(self, module: str, name: str) -> type:
        """Return the class of the plan that a compact pickle names.

        Raises:
            UntrustedDataError: nothing that the requested type contains.
        """
        found: type = _looked_up(self._named, module, name)
        return found

    @cached_property
    def _named(self) -> dict[tuple[str, str], type]:
        return {(cls.__module__, cls.__qualname__): cls for cls in self.classes}

    @cached_property
    def _leaves(self) -> frozenset[type]:
        return LEAF_TYPES | {cls for cls in self.classes if issubclass(cls, Enum)}

    @cached_property
    def _parts(self) -> dict[type, Callable[[Any], Collection[Any]]]:
        named_tuples = {cls for cls in self.classes if issubclass(cls, tuple)}
        shapes = {cls: shape.parts for cls, shape in self._shapes.items()}
        return {**VALUE_PARTS, **dict.fromkeys(named_tuples, _as_tuple), **shapes}

    @cached_property
    def _shapes(self) -> dict[type, _Shape]:
        instances = [cls for cls in self.classes if not issubclass(cls, (Enum, tuple))]
        return {cls: _Shape.of(cls, validate=self._validate) for cls in instances}

    @cached_property
    def _root(self) -> StateChecker:
        return StateChecker(self._plan.schema, inside=False, validate=self._validate)

    def check(self, value: Any, size: int, *, again: Callable[[], Any], strict: bool, context: Any) -> None:
        """Check what :class:`Unpickler` made of a document.

        Args:
            value: The result.
            size: Length of the document in bytes.
            again: Makes the result once more, for validators that change what they are given.
            strict: Accept no value that strict mode does not.
            context: For validators.

        Raises:
            UntrustedDataError: an object is not as the type's own code makes it.
            LimitExceededError: it is nested too deep, or holds more than a document of its size may.
            pydantic.ValidationError: a value is not what its type declares.
        """
        instances = self._without_computed(value, size)
        if self._has_validators:
            value = again()
            instances = self._without_computed(value, size)
        for instance in instances:
            self._shapes[type(instance)].checker.check(instance, strict=strict, context=context)
        self._root.check(value, strict=strict, context=context)

    def _without_computed(self, value: Any, size: int) -> list[Any]:
        """Return the instances in ``value``, after their cached properties were forgotten."""
        instances = self.instances(value, size)
        for instance in instances:
            self._shapes[type(instance)].forget_computed(instance)
        return instances

    def instances(self, value: Any, size: int) -> list[Any]:
        """Walk over everything in ``value`` and return its models and dataclasses, each once.

        Args:
            value: What was read, or what is to be written.
            size: Length of the document in bytes.

        Raises:
            UntrustedDataError: an object is of an unknown type, or not as the type's own code makes it.
            LimitExceededError: it is nested too deep, or holds more than a document of its size may.
        """
        parts_of, leaves, shapes = self._parts, self._leaves, self._shapes
        expected = max(_ALWAYS_ALLOWED_ITEMS, _ITEMS_PER_BYTE * size)
        budget = min(self._max_items, expected)
        found: dict[int, Any] = {}
        pending = [] if type(value) in leaves else [(value, 1)]
        while pending:
            item, depth = pending.pop()
            cls = type(item)
            if cls in shapes:
                if id(item) in found:
                    continue
                found[id(item)] = item
            parts = self._parts_of(item, parts_of)
            budget -= len(parts)
            if depth > self._max_depth:
                message = f"it is nested deeper than max_depth={self._max_depth} allows"
                raise LimitExceededError(message, limit="max_depth")
            if budget < 0 and expected > self._max_items:
                raise too_many_items(self._max_items)
            if budget < 0:
                raise LimitExceededError("it expands to far more items than it has bytes", limit="max_payload_bytes")
            pending += [(part, depth + 1) for part in parts if type(part) not in leaves]
        return list(found.values())

    def _parts_of(self, item: Any, parts_of: dict[type, Callable[[Any], Collection[Any]]]) -> Collection[Any]:
        function = parts_of.get(type(item))
        if function is None:
            message = f"the pickle holds {_class_name(item)}, which the requested type does not contain; {_WAY_OUT}"
            raise UntrustedDataError(message)
        try:
            return function(item)
        except (ValueError, TypeError, AttributeError, KeyError):
            message = f"the pickle holds an instance of {_class_name(item)} that is not as the class makes it"
            raise UntrustedDataError(message) from None


def _as_read(cls: type) -> Any:
    """Return what the name of a class stands for. Members of an enumeration are shared, so it is called and no more."""
    if not issubclass(cls, Enum):
        return cls

    def member(value: Any) -> Any:
        return cls(value)

    return member


def _as_tuple(value: tuple[Any, ...]) -> Collection[Any]:
    if getattr(value, "__dict__", None):
        raise ValueError
    return value


class _Shape(NamedTuple):
    """What an instance of a model or a dataclass looks like."""

    parts: Callable[[Any], Collection[Any]]
    checker: StateChecker
    computed: frozenset[str]

    @classmethod
    def of(cls, instances: type, *, validate: bool) -> _Shape:
        computed = _computed_names(instances)
        is_model = issubclass(instances, BaseModel)
        parts = _model_parts(instances, computed) if is_model else _dataclass_parts(instances, computed)
        checker = StateChecker(plan_for(instances).schema, inside=True, validate=validate)
        return cls(parts, checker, computed)

    def forget_computed(self, instance: Any) -> None:
        """Delete the values of cached properties: nobody vouches for them, and they are computed again on demand."""
        for name in self.computed:
            instance.__dict__.pop(name, None)


def _computed_names(cls: type) -> frozenset[str]:
    """Return the names of cached properties, whose values are among the attributes without being fields."""
    found = {name for base in cls.__mro__ for name, value in vars(base).items() if isinstance(value, cached_property)}
    return frozenset(found)


def _model_parts(cls: type[BaseModel], computed: frozenset[str]) -> Callable[[Any], Collection[Any]]:
    fields, private = frozenset(cls.__pydantic_fields__), frozenset(cls.__private_attributes__)
    attribute_names = fields | computed
    has_extra = cls.model_config.get("extra") == "allow"

    def parts(value: Any) -> Collection[Any]:
        attributes, extra, secret = value.__dict__, value.__pydantic_extra__, value.__pydantic_private__
        given = value.__pydantic_fields_set__
        if type(given) is not set or type(attributes) is not dict or not attributes.keys() <= attribute_names:
            raise ValueError
        if extra is not None and not (has_extra and type(extra) is dict):
            raise ValueError
        if not given <= (fields | extra.keys() if extra else fields):
            raise ValueError
        if not (secret is None and not private) and not (type(secret) is dict and secret.keys() <= private):
            raise ValueError
        held = [item for name, item in attributes.items() if name not in computed] if computed else attributes.values()
        return [*held, *(extra or {}).values(), *(secret or {}).values()]

    return parts


def _dataclass_parts(cls: type, computed: frozenset[str]) -> Callable[[Any], Collection[Any]]:
    fields = [field.name for field in dataclasses.fields(cls)]
    attribute_names = computed.union(fields)
    has_extra = getattr(cls, "__pydantic_config__", {}).get("extra") == "allow"  # they stand among the attributes

    def parts(value: Any) -> Collection[Any]:
        extra = getattr(value, "__dict__", {}).keys() - attribute_names
        if extra and not (has_extra and all(type(name) is str for name in extra)):
            raise ValueError
        return [getattr(value, name) for name in (*fields, *extra)]

    return parts
