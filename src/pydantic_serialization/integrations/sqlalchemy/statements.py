"""Cache keys of statements: equal only for statements that give equal rows.

A key is made of what SQLAlchemy itself compares to use a compiled statement again (its own cache key, with loader
options and the types of columns, where objects are replaced by their names), the SQL text of the dialect, the bound
values with their types, and the database. Every part carries its type and its length. The example of SQLAlchemy's
documentation, which joins ``str`` of the values with spaces, gives ``("x", "y z")`` and ``("x y", "z")`` one key.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import time, timedelta
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Table
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeEngine

from pydantic_serialization.cache.parts import digest, encode_part
from pydantic_serialization.errors import UnsupportedTypeError

if TYPE_CHECKING:
    from sqlalchemy import Engine, Executable

_LIMIT: Final = 1024
_WAY_OUT = "pass key= with a name of your own for it"

_texts: dict[Any, str] = {}
"""What compiling and describing gave, by SQLAlchemy's own cache key: that is most of the work."""

_engines: WeakKeyDictionary[Engine, str] = WeakKeyDictionary()


def statement_key(statement: Executable, bind: Engine | Connection, *, namespace: str = "") -> str:
    """Return a text that is equal only for statements which give the same rows in the same database.

    Equal in every process, except for databases without a name, such as SQLite's in memory: those are known by their
    engine.

    Args:
        statement: A query.
        bind: What it will run on.
        namespace: Whatever else the rows depend on and the statement does not show: a tenant behind ``search_path`` or
            row-level security.

    Raises:
        UnsupportedTypeError: (a ``TypeError``) the statement changes or locks rows, a bound value cannot be part of a
            key, or an option cannot be told from others.
    """
    _refuse_changes(statement)
    text, values = _shape(statement, bind)
    return digest("".join(map(encode_part, ("statement", namespace, _database(bind), text, *values))))


def _refuse_changes(statement: Any) -> None:
    if getattr(statement, "is_dml", False) or not isinstance(getattr(statement, "_with_options", None), tuple):
        message = f"only a query can be cached, not a {type(statement).__name__}"
        raise UnsupportedTypeError(message)
    if getattr(statement, "_for_update_arg", None) is not None:
        message = "a query that locks rows (with_for_update) cannot be cached: a hit would lock nothing"
        raise UnsupportedTypeError(message)


def _shape(statement: Any, bind: Engine | Connection) -> tuple[str, list[str]]:
    """Return what describes a statement without its bound values, and those values."""
    schemas = _schemas(statement, bind)
    # Private in name, and what SQLAlchemy's documentation builds its own cache of results on (examples/dogpile_caching).
    cache_key = statement._generate_cache_key()  # noqa: SLF001
    if cache_key is None:
        message = f"SQLAlchemy cannot tell this {type(statement).__name__} from others (a type without cache_ok?)"
        raise UnsupportedTypeError(f"{message}: {_WAY_OUT}")
    known = (bind.dialect.name, schemas, cache_key.key)
    text = _texts.get(known)
    if text is None:
        sql = str(statement.compile(dialect=bind.dialect))
        text = digest("".join((encode_part((bind.dialect.name, schemas, sql)), _describe(cache_key.key))))
        if len(_texts) >= _LIMIT:
            _texts.clear()
        _texts[known] = text
    return text, [_bound(parameter) for parameter in cache_key.bindparams]


def _bound(parameter: Any) -> str:
    kind = type(parameter.type)
    value = parameter.effective_value
    try:
        return encode_part((kind.__module__, kind.__qualname__, _plain(value)))
    except UnsupportedTypeError as error:
        message = f"a {type(value).__qualname__}, the value of {_name(parameter)!r}, cannot be part of a cache key"
        raise UnsupportedTypeError(f"{message}: {_WAY_OUT}") from error
    except RecursionError:
        message = f"the value of {_name(parameter)!r} is nested too deeply to be part of a cache key: {_WAY_OUT}"
        raise UnsupportedTypeError(message) from None


def _name(parameter: Any) -> str:
    """Return the name of a bound parameter without the number that SQLAlchemy gives it: ``"%(140 name)s"``."""
    key = str(parameter.key)
    return key.partition(" ")[2].removesuffix(")s") if key.startswith("%(") else key


def _plain(value: Any) -> Any:
    """Return a bound value with those types replaced that databases know and cache keys do not."""
    if isinstance(value, timedelta):
        return ("timedelta", value.days, value.seconds, value.microseconds)
    if isinstance(value, time):
        return ("time", value.isoformat(), value.fold)
    if isinstance(value, (list, tuple)):  # of IN; a tuple of SQLAlchemy's may be of a class of its own
        return (type(value).__name__, *map(_plain, value))
    return value


def _describe(item: Any) -> str:
    """Return the text of one element of SQLAlchemy's cache key."""
    if isinstance(item, tuple):
        parts = [_describe(part) for part in item]
        if item and isinstance(item[0], type) and issubclass(item[0], TypeEngine):
            parts[1:] = sorted(parts[1:])  # its arguments by name, in the order of a set
        return f"({len(parts)}:{''.join(parts)})"
    if get_args(item):  # list[Model], as the argument of a type
        return _describe(("generic", get_origin(item), get_args(item)))
    if isinstance(item, type):
        return encode_part(("class", item.__module__, item.__qualname__))
    if isinstance(item, Mapper):
        return encode_part(("mapper", item.class_.__module__, item.class_.__qualname__))
    if isinstance(item, Table):
        return encode_part(("table", str(item.fullname)))
    if isinstance(item, custom_op):
        return encode_part(("operator", item.opstring, item.precedence, item.is_comparison))
    if isinstance(item, (FunctionType, BuiltinFunctionType)) and "<" not in item.__qualname__:
        return encode_part(("function", item.__module__ or "", item.__qualname__))
    if isinstance(item, str):  # SQLAlchemy's quoted_name too
        return encode_part(str(item))
    if isinstance(item, Mapping):
        return f"{{{len(item)}:{''.join(_describe(pair) for pair in item.items())}}}"
    try:
        return encode_part(item)
    except UnsupportedTypeError:
        message = f"the statement holds a {type(item).__qualname__}, which has no name that a cache key could use"
        raise UnsupportedTypeError(f"{message}: {_WAY_OUT}") from None


def _schemas(statement: Any, bind: Engine | Connection) -> tuple[tuple[str, str], ...]:
    """Return the names of schemas as they are translated on execution, which the SQL text does not show."""
    translated: dict[Any, Any] = {}
    for source in (bind, statement):
        translated.update(source.get_execution_options().get("schema_translate_map") or {})
    return tuple(sorted((str(old), str(new)) for old, new in translated.items()))


def _database(bind: Engine | Connection) -> str:
    engine = bind.engine
    url = engine.url
    name = url.database or ""
    if name and ":memory:" not in name and url.query.get("mode") != "memory":
        return encode_part((url.host, url.port, url.username, name, _described_query(url.query)))
    if engine not in _engines:
        _engines[engine] = secrets.token_hex(16)
    return _engines[engine]


def _described_query(query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    # Hosts of a cluster, options=-csearch_path=...: part of which database it is. Hashed with the rest, never shown.
    return tuple(sorted((name, str(value)) for name, value in query.items()))
