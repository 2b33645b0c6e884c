"""Test the test: implementations with one wrong detail each, which the comparison has to notice.

Each does what Pydantic does but for its detail, so a mismatch is the detail's. One implementation has no wrong detail;
nothing may be noticed about it.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from conformance.comparison import Comparison

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import TypeAdapter

    from conformance.comparison import Mismatch
    from conformance.sides import Bind
    from pydantic_serialization.plan import ModelPlan

RIGHT = "nothing wrong"
_SECONDS = 0.5
"""For one implementation and one test: the first difference is enough."""


def _writing(change: Callable[[bytes], bytes]) -> Bind:
    """Return a binding that changes what Pydantic writes."""

    def bind(_plan: ModelPlan, fallback: Callable[..., Any]) -> Callable[..., Any]:
        def write(value: Any, **options: Any) -> Any:
            return change(fallback(value, **options))

        return write

    return bind


def _options(**changed: Any) -> Bind:
    """Return a binding that writes or reads with options of its own; ``None`` leaves an option out."""

    def bind(_plan: ModelPlan, fallback: Callable[..., Any]) -> Callable[..., Any]:
        def run(value: Any, **options: Any) -> Any:
            merged = {**options, **changed}
            return fallback(
                value, **{name: item for name, item in merged.items() if item is not None or name not in changed}
            )

        return run

    return bind


def _reading(change: Callable[[Any, bytes], Any]) -> Bind:
    """Return a binding that changes what Pydantic reads: the value, and the document that it was read from."""

    def bind(_plan: ModelPlan, fallback: Callable[..., Any]) -> Callable[..., Any]:
        def read(data: Any, **options: Any) -> Any:
            value = fallback(data, **options)
            text = data.encode(errors="surrogatepass") if isinstance(data, str) else data
            return change(value, bytes(text))

        return read

    return bind


def _document(change: Callable[[bytes], bytes]) -> Bind:
    """Return a binding that reads another document than it is given."""

    def bind(_plan: ModelPlan, fallback: Callable[..., Any]) -> Callable[..., Any]:
        def read(data: Any, **options: Any) -> Any:
            return fallback(change(data) if isinstance(data, bytes) else data, **options)

        return read

    return bind


def _first_object_sorted(text: bytes) -> bytes:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return json.dumps(dict(sorted(value.items())), separators=(",", ":")).encode() if isinstance(value, dict) else text


def _each(change: Callable[[BaseModel], None]) -> Callable[[Any, bytes], Any]:
    def run(value: Any, _text: bytes) -> Any:
        if isinstance(value, BaseModel):
            change(value)
        return value

    return run


def _held(value: BaseModel) -> dict[str, Any]:
    held: dict[str, Any] = value.__dict__
    return held


def _all_set(value: BaseModel) -> None:
    value.__pydantic_fields_set__.update(_held(value))


def _none_set(value: BaseModel) -> None:
    value.__pydantic_fields_set__.clear()


def _no_extra(value: BaseModel) -> None:
    object.__setattr__(value, "__pydantic_extra__", None)


def _no_private(value: BaseModel) -> None:
    object.__setattr__(value, "__pydantic_private__", None)


def _utc(value: BaseModel) -> None:
    for name, item in _held(value).items():
        if isinstance(item, datetime) and item.tzinfo is not None:
            _held(value)[name] = item.replace(tzinfo=timezone(item.utcoffset()))  # type: ignore[arg-type]


def _whole_floats(value: BaseModel) -> None:
    for name, item in _held(value).items():
        if type(item) is float and item.is_integer():
            _held(value)[name] = int(item)


def _shared_defaults(value: BaseModel) -> None:
    for name, field in type(value).__pydantic_fields__.items():
        if name not in value.__pydantic_fields_set__ and isinstance(field.default, (list, dict, set)):
            _held(value)[name] = field.default


def _copied_defaults(value: BaseModel) -> None:
    for name, item in list(_held(value).items()):
        if isinstance(item, tuple | frozenset) and item:
            _held(value)[name] = copy.copy(type(item)(list(item)))


def _document_order(value: Any, text: bytes) -> Any:
    if isinstance(value, BaseModel):
        keys = [key for key in json.loads(text) if key in value.__dict__]
        object.__setattr__(value, "__dict__", {key: value.__dict__[key] for key in [*keys, *value.__dict__]})
    return value


def _first_wins(text: bytes) -> bytes:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except ValueError:
        return text
    if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, tuple) for pair in pairs):
        return text
    keys = [key for key, _ in pairs]
    return (
        json.dumps(json.loads(text, object_pairs_hook=lambda found: dict(reversed(found)))).encode()
        if (len(set(keys)) < len(keys))
        else text
    )


WRITERS: dict[str, Bind] = {
    "members in the order of their names": _writing(_first_object_sorted),
    "+00:00 for Z": _writing(lambda text: re.sub(rb'(\d\d:\d\d(?:\.\d+)?)Z"', rb'\1+00:00"', text)),
    "1e16 for 1e+16, or the other way round": _writing(
        lambda text: re.sub(
            rb"(\d)e(\+?)(\d+)", lambda found: found[1] + (b"e" if found[2] else b"e+") + found[3], text
        )
    ),
    "1 for 1.0": _writing(lambda text: re.sub(rb"([:\[,]-?\d+)\.0([,}\]])", rb"\1\2", text)),
    "0.0 for -0.0": _writing(lambda text: text.replace(b"-0.0", b"0.0")),
    "NaN for null": _writing(lambda text: text.replace(b"null", b"NaN")),
    "an escaped slash": _writing(lambda text: text.replace(b"/", b"\\/")),
    "an escaped DEL": _writing(lambda text: text.replace(b"\x7f", b"\\u007f")),
    "\\u000a for \\n": _writing(lambda text: text.replace(b"\\n", b"\\u000a")),
    "base64 with + and /": _writing(
        lambda text: re.sub(rb'"[\w-]+=*"', lambda found: found[0].replace(b"-", b"+"), text)
    ),
    "exclude_unset forgotten": _options(exclude_unset=None),
    "exclude_none forgotten": _options(exclude_none=None),
    "exclude_defaults forgotten": _options(exclude_defaults=None),
    "by_alias forgotten": _options(by_alias=None),
    "round_trip forgotten": _options(round_trip=None),
    "include forgotten": _options(include=None),
    "indent forgotten": _options(indent=None),
    "context forgotten": _options(context=None),
    "no warnings": _options(warnings=False),
    "a subclass written with all its fields": _options(serialize_as_any=True),
    "aliases always": _options(by_alias=True),
    "unset members left out": _options(exclude_unset=True),
    "null members left out": _options(exclude_none=True),
    "no computed fields": _options(round_trip=True),
}
READERS: dict[str, Bind] = {
    "every field counts as set": _reading(_each(_all_set)),
    "no field counts as set": _reading(_each(_none_set)),
    "extras lost": _reading(_each(_no_extra)),
    "private attributes lost": _reading(_each(_no_private)),
    "another class of time zone": _reading(_each(_utc)),
    "an int in a float field": _reading(_each(_whole_floats)),
    "a shared mutable default": _reading(_each(_shared_defaults)),
    "fields in the order of the document": _reading(_document_order),
    "strict by default": _options(strict=True),
    "strict forgotten": _options(strict=None),
    "extra forgotten": _options(extra=None),
    "by_name forgotten": _options(by_name=None, by_alias=None),
    "trailing text accepted": _document(lambda text: text[: text.rfind(b"}") + 1] or text),
    "a byte order mark accepted": _document(lambda text: text.removeprefix(b"\xef\xbb\xbf")),
    "invalid UTF-8 replaced": _document(lambda text: text.decode(errors="replace").encode()),
    "01 read as 1": _document(lambda text: re.sub(rb"([:\[,])0(\d)", rb"\1\2", text)),
    "NaN read as null": _document(lambda text: text.replace(b"NaN", b"null")),
    "the first of two members wins": _document(_first_wins),
}


def nothing(_plan: ModelPlan, fallback: Callable[..., Any]) -> Callable[..., Any]:
    """Bind nothing: the direction is left to Pydantic, and not compared."""
    return fallback


def right(_plan: ModelPlan, fallback: Callable[..., Any]) -> Callable[..., Any]:
    """Bind what does exactly what Pydantic does."""

    def run(value: Any, **options: Any) -> Any:
        return fallback(value, **options)

    return run


class SelfCheck:
    """Runs every wrong implementation until it is noticed.

    Attributes:
        caught: For each implementation the first mismatch, or ``None`` while it is not noticed.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.mismatches: list[Mismatch] = []
        self.caught: dict[str, str | None] = {RIGHT: None}
        self._open = {RIGHT: Comparison(right, right, seconds=_SECONDS)}
        for name, bind in WRITERS.items():
            self._open[f"writes: {name}"] = Comparison(bind, nothing, seconds=_SECONDS)
        for name, bind in READERS.items():
            self._open[f"reads: {name}"] = Comparison(nothing, bind, seconds=_SECONDS)
        self.caught.update(dict.fromkeys(self._open))

    def run(self, test: str, models: list[BaseModel], uses: list[tuple[TypeAdapter[Any], Any]]) -> None:
        """Compare what one test has made."""
        for name, comparison in list(self._open.items()):
            comparison.run(test, models, uses)
            if comparison.mismatches:
                first = comparison.mismatches[0]
                self.caught[name] = f"{test}: {first.call} {first.input[:100]}"
                del self._open[name]
        self.counts["wrong implementations noticed"] = sum(1 for found in self.caught.values() if found)
