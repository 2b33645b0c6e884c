"""A pickler and a signer for cashews."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import ValidationError

from pydantic_serialization._optional import require
from pydantic_serialization.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic_serialization.integrations.caches.models import SealedModels

BackendT = TypeVar("BackendT")

_EXPIRE: Final[ContextVar[float | None]] = ContextVar("pydantic_serialization_cashews_expire", default=None)
"""Seconds of the entry that is being written: cashews tells its serializer, and the signer in it only key and value."""


def seal_models(backend: BackendT, models: SealedModels) -> BackendT:
    """Let a backend of cashews store models as sealed frames, each bound to its key; return the backend.

    ::

        seal_models(cache.setup("redis://localhost", check_repr=False), SealedModels(User, list[User]))

    Numbers and bytes go as cashews writes them, numbers unsealed, so that counters count. What cannot be read is a
    miss, and counted by ``SealedModels.unreadable``. A frame is read for the time that its entry was set with, also
    where ``cache.expire`` prolongs the entry. The ``secret`` and ``pickle_type`` of the backend are replaced.

    Args:
        backend: What ``cache.setup`` has returned.
        models: The types that may be cached.

    Raises:
        MissingDependencyError: cashews is not installed.
        TypeError: the backend has no serializer.
    """
    missing: Any = require("cashews.exceptions", extra="cashews", purpose="seal_models").SignIsMissingError
    serializer: Any = getattr(backend, "serializer", None)
    if serializer is None:
        message = f"expected what cache.setup() returns, with a serializer, got a {type(backend).__name__}"
        raise TypeError(message)
    serializer.set_pickler(_Packing(models))
    serializer.set_signer(_Sealing(models, missing))
    if not hasattr(serializer.encode, "__wrapped__"):
        serializer.encode = _timed(serializer.encode)
    return backend


def _timed(encode: Callable[..., Awaitable[bytes]]) -> Callable[..., Awaitable[bytes]]:
    """Return cashews' ``encode``, with the time of the entry where :class:`_Sealing` finds it."""

    @wraps(encode)
    async def encode_timed(backend: Any, key: str, value: Any, expire: float | None) -> bytes:
        token = _EXPIRE.set(expire)
        try:
            return await encode(backend, key, value, expire)
        finally:
            _EXPIRE.reset(token)

    return encode_timed


class _UnreadableError(AttributeError):
    """cashews takes this error of a pickler for a miss."""


class _Packing:
    """A pickler, as cashews calls it: a value and its bytes, not sealed yet."""

    PickleError = UnpicklingError = ()

    def __init__(self, models: SealedModels) -> None:
        self._models = models

    def dumps(self, value: Any) -> bytes:
        return self._models.pack(value)

    def loads(self, value: bytes) -> Any:
        if value.startswith(b"bytes:"):  # cashews writes bytes by itself, behind their name, and reads them so
            return value
        try:
            return self._models.unpack(value)
        except (DecodeError, ValidationError):
            self._models.unreadable += 1
            raise _UnreadableError from None


class _Sealing:
    """A signer, as cashews calls it: the frame around the bytes, bound to the key."""

    def __init__(self, models: SealedModels, missing: type[Exception]) -> None:
        self._models = models
        self._missing = missing

    def sign(self, key: str, value: bytes) -> bytes:
        return self._models.seal(value, key, _EXPIRE.get())

    def check_sign(self, key: str, value: bytes) -> bytes:
        try:
            return self._models.open(value, key)
        except DecodeError:
            self._models.unreadable += 1
            raise self._missing from None
