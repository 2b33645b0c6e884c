"""Eight bytes that stand for a schema.

They change when a field, a constraint, an alias, a default or the code of a validator, a serializer or a computed field
changes, and stay the same between processes. JSON schemas would not do: they miss a serializer's code (measured in the
caching research).
"""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import hashlib
import inspect
import re
import types
import uuid
from typing import Any

import pydantic

_SKIPPED = frozenset({"metadata", "title", "custom_error_message"})
_OF_CLASSES = frozenset({"model", "dataclass"})
_NAMES_OF_METHODS = frozenset({"property_name", "post_init"})
_PLAIN = (str, bytes, int, float, complex, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, uuid.UUID)


def fingerprint(schema: Any) -> bytes:
    """Return the first 64 bits of SHA-256 over the canonical form of a core schema.

    Args:
        schema: A core schema of Pydantic.
    """
    digest = hashlib.sha256()
    digest.update(pydantic.VERSION.rpartition(".")[0].encode())
    _Canonical(digest.update).feed(schema)
    return digest.digest()[:8]


class _Canonical:
    """Feeds a schema to a hash in a form that does not depend on addresses or on the order of keys and sets."""

    def __init__(self, update: Any) -> None:
        self._update = update
        self._references: dict[str, int] = {}
        self._functions: set[int] = set()
        self._fields: dict[int, int] = {}
        self._owner: type | None = None

    def feed(self, value: Any) -> None:
        if isinstance(value, dict):
            self._schema(value)
        elif isinstance(value, (list, tuple)):
            self._open("[", len(value))
            for item in value:
                self.feed(item)
        elif isinstance(value, (set, frozenset)):
            self._open("<", len(value))
            for text in sorted(repr(item) for item in value):
                self._text(text)
        elif isinstance(value, enum.Enum):
            self._text(f"{_qualified(type(value))}.{value.name}")
            self.feed(value.value)
        elif value is None or isinstance(value, (bool, *_PLAIN)):
            self._text(f"{type(value).__name__}:{value!r}")
        elif isinstance(value, re.Pattern):
            self._text(f"pattern:{value.pattern!r}:{value.flags}")
        elif isinstance(value, type):
            self._text(f"class:{_qualified(value)}")
        else:
            self._callable_or_object(value)

    def _schema(self, schema: dict[Any, Any]) -> None:
        if schema.get("type") == "model-fields" and self._is_known(schema):
            return
        owner = self._owner
        if schema.get("type") in _OF_CLASSES:
            self._owner = schema["cls"]
        self._open("{", len(schema))
        for key in sorted(schema.keys() - _SKIPPED, key=str):
            self._text(str(key))
            if key in {"ref", "schema_ref"}:
                self._reference(schema[key])
            else:
                self.feed(schema[key])
                if key in _NAMES_OF_METHODS and schema[key]:
                    self._method(schema[key])
        self._owner = owner

    def _method(self, name: str | bool) -> None:
        """Feed what a schema only says that there is: Pydantic looks it up in the class."""
        found = inspect.getattr_static(self._owner, name if isinstance(name, str) else "__post_init__", None)
        if isinstance(found, property):
            found = found.fget
        elif isinstance(found, functools.cached_property):
            found = found.func
        self.feed(found)

    def _is_known(self, fields: dict[str, Any]) -> bool:
        """Refer back to the fields of a model that stands at several places: they are one object then.

        Without that, twenty models that each hold the three before would be gone through a million times.
        """
        number = self._fields.get(id(fields))
        if number is None:
            self._fields[id(fields)] = len(self._fields)
            return False
        self._text(f"fields:{number}")
        return True

    def _callable_or_object(self, value: Any) -> None:
        if isinstance(value, functools.partial):
            self.feed(value.func)
            self.feed(value.args)
            self.feed(dict(value.keywords))
            return
        function = getattr(value, "__func__", value)
        if isinstance(function, types.FunctionType):
            self._function(function)
        else:
            self._text(f"object:{_qualified(type(value))}:{getattr(value, '__qualname__', '')}")

    def _function(self, function: types.FunctionType) -> None:
        self._text(f"function:{_qualified(function)}")
        if id(function) in self._functions:  # a closure may hold the function itself
            return
        self._functions.add(id(function))
        self._code(function.__code__)
        self.feed(function.__defaults__ or ())
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            self.feed(content)

    def _code(self, code: types.CodeType) -> None:
        self._update(code.co_code)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant)
            else:
                self.feed(constant)
        self._text(repr((code.co_names, code.co_varnames, code.co_freevars)))

    def _reference(self, name: str) -> None:
        # References contain the address of the class: only the order in which they appear is stable.
        self._text(f"ref:{self._references.setdefault(name, len(self._references))}")

    def _open(self, bracket: str, length: int) -> None:
        self._text(f"{bracket}{length}")

    def _text(self, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self._update(len(data).to_bytes(4, "little"))
        self._update(data)


def _qualified(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
