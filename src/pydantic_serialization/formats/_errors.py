"""Turn the errors of Pydantic and of format libraries into ours, without showing a value."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from pydantic_serialization.errors import DecodeError, EncodeError, LimitExceededError, SerializationError
from pydantic_serialization.formats._depth import value_depth_exceeds
from pydantic_serialization.formats._digits import MOST_DIGITS
from pydantic_serialization.plan.stack import DEEPEST_READ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_TOO_DEEP = re.compile(r"recursion limit|depth exceeded", re.IGNORECASE)
_UNKNOWN_TYPE = re.compile(r"Unable to serialize unknown type: <(?:class|enum) '([\w.<>]+)'>")
_CALLED = re.compile(r"Error calling function `([\w.<>]+)`: (\w+)")
_NO_TEXT = "invalid utf-8"
_DEEPEST_PATH = 32
_MOST_LOOKED_AT = 100_000
_TOO_LONG = 10**MOST_DIGITS
_TOO_LONG_TO_READ = "number out of range"
_TOO_DEEP_TO_WRITE = "it is nested too deep"


def too_deep_to_read(value: Any, limit: int, model: str, format_name: str) -> EncodeError:
    """Return the error for a value that could be written, but not read back."""
    message = f"the value is nested deeper than max_depth={limit}, so it could not be read back"
    return EncodeError(message, model=model, format=format_name, path=deep_part(value, limit))


def too_long_to_read(value: Any, model: str, format_name: str) -> EncodeError:
    """Return the error for a value with an integer that could be written, but not read back."""
    message = f"an integer has more than {MOST_DIGITS} digits, so it could not be read back; declare it as a string"
    path = place_of(value, lambda part: isinstance(part, int) and abs(part) >= _TOO_LONG)
    return EncodeError(message, model=model, format=format_name, path=path)


def deep_part(value: Any, limit: int) -> tuple[str | int, ...]:
    """Return the field, or the place in a container, below which a value is nested deeper than ``limit`` levels."""
    return next(((name,) for name, part in _named_parts(value) if value_depth_exceeds(part, limit - 1)), ())


def place_of(value: Any, is_wrong: Callable[[Any], bool]) -> tuple[str | int, ...]:
    """Return where in ``value`` the first part is that is wrong; nowhere if none of the first hundred thousand is."""
    pending: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    for _ in range(_MOST_LOOKED_AT):
        if not pending:
            break
        part, path = pending.pop()
        if is_wrong(part):
            return path
        if len(path) < _DEEPEST_PATH:
            pending += [(inner, (*path, name)) for name, inner in reversed(_named_parts(part))]
    return ()


def _is_no_text(part: Any) -> bool:
    if not isinstance(part, bytes):
        return False
    try:
        part.decode()
    except UnicodeDecodeError:
        return True
    return False


def _named_parts(value: Any) -> list[tuple[str | int, Any]]:
    """Return what is directly inside a value. Of a key of a dict, which is payload, only the place is told."""
    if isinstance(value, BaseModel):
        return [*value.__dict__.items(), *(value.__pydantic_extra__ or {}).items()]
    if isinstance(value, dict):
        return [(f"<key {index}>", part) for index, part in enumerate(value.values())]
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    return list(getattr(value, "__dict__", {}).items()) if not isinstance(value, type) else []


def json_error(error: ValidationError, data: Any, model: str, format_name: str) -> Exception:
    """Return the error to raise for what Pydantic's JSON reader said.

    A document of the wrong shape stays a ``ValidationError``. What is not a document becomes a ``DecodeError``:
    Pydantic reports that as a validation error too, whose text repeats the whole input.

    Args:
        error: What Pydantic raised.
        data: The document that Pydantic was given; ``None`` where that is not known. Text inside a document (``Json``, or
            what a validator reads as JSON) may be no JSON either.
        model: Name of the type.
        format_name: What errors call the format.
    """
    problems = error.errors(include_url=False, include_context=True, include_input=False)
    first = problems[0]
    if first["type"] != "json_invalid" or first["loc"] != ():
        return error
    if data is not None and error.errors(include_url=False)[0]["input"] is not data:
        return error
    reason = str(first.get("ctx", {}).get("error", "invalid JSON"))
    return unreadable_json(reason, model, format_name)


def no_text(error: PydanticSerializationError, tree: Any, format_name: str) -> Exception:
    """Return the error to raise where the tree of a document has no form in JSON: that it holds undeclared binary data.

    Args:
        error: What Pydantic raised. Anything else (depth) stays as it is.
        tree: What was read.
        format_name: What errors call the format.
    """
    if _NO_TEXT not in str(error):
        return error
    message = "binary data that is not UTF-8 stands where no bytes are declared"
    return DecodeError(message, format=format_name, path=place_of(tree, _is_no_text))


def unreadable_json(reason: str, model: str | None, format_name: str) -> DecodeError:
    """Return the error for a text that Pydantic's parser refuses, for a reason which repeats nothing of it."""
    if "recursion limit" in reason:
        message = "the document is nested deeper than max_depth allows"
        return LimitExceededError(message, limit="max_depth", model=model, format=format_name)
    if reason.startswith(_TOO_LONG_TO_READ):
        message = (
            f"an integer has more than {MOST_DIGITS} digits, Python's int_max_str_digits, "
            f"which Pydantic's reader keeps to; pass it as a string{reason.removeprefix(_TOO_LONG_TO_READ)}"
        )
        return LimitExceededError(message, limit="int_max_str_digits", model=model, format=format_name)
    return DecodeError(f"not a JSON document: {reason}", model=model, format=format_name)


@contextmanager
def decoding_errors(
    format_name: str, model: str, fault: Callable[[], tuple[str, int] | None] | None = None
) -> Iterator[None]:
    """Turn whatever a format library raises into a ``DecodeError`` that names the kind of the fault, not the data.

    Args:
        format_name: What errors call the format.
        model: Name of the type.
        fault: Returns what is wrong with the data, and where, if that can be told.
    """
    try:
        yield
    except SerializationError as error:
        error.model = error.model or model
        raise
    except (ValidationError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  (every library has errors of its own)
        if isinstance(error, RecursionError) or _TOO_DEEP.search(str(error)):
            message = "the document is nested deeper than max_depth allows"
            raise LimitExceededError(message, limit="max_depth", model=model, format=format_name) from None
        found = fault() if fault is not None and isinstance(error, ValueError) else None
        if found is not None:
            message = f"not a {format_name} document: {found[0]}"
            raise DecodeError(message, model=model, format=format_name, position=found[1]) from None
        # The library's text may quote the data, so only the kind of the error is kept.
        message = f"not a {format_name} document ({type(error).__name__})"
        raise DecodeError(message, model=model, format=format_name) from None


def is_misspelt_option(error: Exception) -> bool:
    """Say whether the caller used an option that the writer does not know: a mistake in the call, not in the value."""
    return isinstance(error, TypeError) and "unexpected keyword argument" in str(error)


def repeats_payload(error: Exception) -> bool:
    """Say whether Pydantic's text quotes the value, as it does where ``warnings="error"`` finds an undeclared type."""
    return isinstance(error, PydanticSerializationError) and "input_value=" in str(error)


def encode_error(error: Exception, value: Any, model: str, format_name: str) -> EncodeError:
    """Return the ``EncodeError`` for whatever writing ``value`` raised, with the path of the fault."""
    reason = _reason(error)
    # Each step of the other way to the place would walk as deep once more.
    path = deep_part(value, DEEPEST_READ) if reason == _TOO_DEEP_TO_WRITE else failing_path(value)
    return EncodeError(f"cannot write this value: {reason}", model=model, format=format_name, path=path)


def _reason(error: Exception) -> str:
    if repeats_payload(error):
        return "a value is not of its declared type"
    text = str(error)
    unknown = _UNKNOWN_TYPE.search(text)
    if unknown is not None:
        return f"pydantic has no serializer for {unknown[1]}; add a field_serializer or PlainSerializer for it"
    if "surrogates" in text or isinstance(error, UnicodeEncodeError):
        return "a string holds a lone surrogate, which UTF-8 has no bytes for"
    if "Circular reference" in text:
        return "it contains itself"
    if "depth exceeded" in text or "recursion" in text.lower() or isinstance(error, RecursionError):
        return _TOO_DEEP_TO_WRITE
    if _NO_TEXT in text:
        return "bytes are not UTF-8; set ser_json_bytes='base64' on the model, or use a binary format"
    if "nteger exceeds 64-bit" in text or isinstance(error, OverflowError):
        return "an integer is beyond 64 bits"
    called = _CALLED.search(text) if isinstance(error, PydanticSerializationError) else None
    if called is not None:
        return f"{called[1]} raised {called[2]}"
    return type(error.__cause__ or error).__name__


def failing_path(value: Any) -> tuple[str | int, ...]:
    """Return where in ``value`` writing fails, by writing its parts alone. Runs only after writing has failed."""
    path: list[str | int] = []
    # A field's name is the application's; the key of a dict is part of the payload, so only its place is told.
    above: list[Any] = []
    while len(path) < _DEEPEST_PATH and not any(value is seen for seen in above):
        above.append(value)
        step = _failing_part(value)
        if step is None:
            break
        path.append(step[0])
        value = step[1]
    return tuple(path)


def _failing_part(value: Any) -> tuple[str | int, Any] | None:
    if isinstance(value, BaseModel):
        serializer = type(value).__pydantic_serializer__
        for name in [*value.__dict__, *(value.__pydantic_extra__ or ()), *type(value).model_computed_fields]:
            if not _writes(lambda name=name: serializer.to_json(value, include={name}, warnings=False)):
                # Not getattr(): a computed field is what may have failed.
                return name, value.__dict__.get(name, (value.__pydantic_extra__ or {}).get(name))
        return None
    items: Mapping[Any, Any] | Sequence[Any]
    if isinstance(value, dict):
        items = value
        for index, (key, item) in enumerate(items.items()):
            if not _writes(lambda key=key, item=item: to_json({key: item})):
                return f"<key {index}>", item
    elif isinstance(value, (list, tuple)):
        items = value
        for index, item in enumerate(items):
            if not _writes(lambda item=item: to_json(item)):
                return index, item
    return None


def _writes(attempt: Any) -> bool:
    try:
        attempt()
    except Exception:  # noqa: BLE001  (only whether it fails matters here; the real error was raised before)
        return False
    return True
