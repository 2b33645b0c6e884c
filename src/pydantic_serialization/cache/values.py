"""What is accepted as a value, a length of time, a share and a bound."""

from __future__ import annotations

from typing import TypeGuard

from pydantic_serialization.errors import ConfigurationError, UnsupportedTypeError


def as_bytes(value: object, what: str) -> bytes:
    """Return ``value`` as ``bytes``, copied if it is another bytes-like type.

    Args:
        value: The value.
        what: Where it came from, as the beginning of the error's sentence.

    Raises:
        UnsupportedTypeError: (a ``TypeError``) it is not bytes-like.
    """
    if type(value) is bytes:
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    message = (
        f"the cache stores bytes, and {what} {type(value).__qualname__!r}: serialize it first, for example with"
        " OptimizedSerializationManager.serialize_sync(), or use the decorator @serialized"
    )
    raise UnsupportedTypeError(message)


def as_seconds(value: object, name: str, *, zero: bool = False) -> float:
    """Return ``value`` if it is a length of time; infinity is one.

    Args:
        value: Seconds.
        name: Name of the argument, for the error.
        zero: Whether zero is allowed.

    Raises:
        ConfigurationError: (a ``ValueError``) it is no number, not a number, negative, or zero where it must not be.
    """
    if _is_number(value) and (value > 0 or (zero and value == 0)):
        return value
    message = f"{name} must be a {'non-negative' if zero else 'positive'} number of seconds, not {_shown(value)}"
    raise ConfigurationError(message)


def as_share(value: object, name: str) -> float:
    """Return ``value`` if it is between 0 and 1; ``name`` is for the error.

    Raises:
        ConfigurationError: (a ``ValueError``) it is not.
    """
    if _is_number(value) and 0 <= value <= 1:
        return value
    message = f"{name} must be a share from 0 to 1, not {_shown(value)}"
    raise ConfigurationError(message)


def as_bound(value: object, name: str) -> int:
    """Return ``value`` if it is a whole number of at least 1; ``name`` is for the error.

    Raises:
        ConfigurationError: (a ``ValueError``) it is not.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    message = f"{name} must be a whole number of at least 1, not {_shown(value)}"
    raise ConfigurationError(message)


def as_count(value: object, name: str) -> int:
    """Return ``value`` if it is a whole number of at least 0; ``name`` is for the error.

    Raises:
        ConfigurationError: (a ``ValueError``) it is not.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    message = f"{name} must be a whole number of at least 0, not {_shown(value)}"
    raise ConfigurationError(message)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: object) -> str:
    # A misplaced argument may be anything, also a secret.
    return repr(value) if _is_number(value) else f"a {type(value).__qualname__}"
