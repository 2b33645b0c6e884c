"""Run a statement, get models; with a cache, without running it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, overload

from pydantic import ValidationError

from pydantic_serialization.cache.keys import check_tags
from pydantic_serialization.cache.parts import encode_parts
from pydantic_serialization.errors import ConfigurationError, DecodeError
from pydantic_serialization.integrations._cache import checked_cache
from pydantic_serialization.integrations._round_trip import RoundTrip, plain_serializer
from pydantic_serialization.integrations.sqlalchemy.rows import run_statement
from pydantic_serialization.integrations.sqlalchemy.sessions import has_read, is_changing, sees_the_past
from pydantic_serialization.integrations.sqlalchemy.statements import statement_key
from pydantic_serialization.manager.result_keys import key_tag
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.store import type_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ClauseElement, Executable
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session

    from pydantic_serialization.cache import CacheManager

ModelT = TypeVar("ModelT")

_FORMAT: Final = "orjson"
_LIMIT: Final = 1024

_forms: dict[Any, RoundTrip] = {}


@overload
async def fetch_models(
    session: AsyncSession,
    statement: Executable,
    model: type[ModelT],
    *,
    cache: CacheManager | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    key: str | None = None,
    namespace: str = "",
) -> list[ModelT]: ...


@overload
async def fetch_models(
    session: AsyncSession,
    statement: Executable,
    model: Any,
    *,
    cache: CacheManager | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    key: str | None = None,
    namespace: str = "",
) -> list[Any]: ...


async def fetch_models(
    session: AsyncSession,
    statement: Executable,
    model: Any,
    *,
    cache: CacheManager | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    key: str | None = None,
    namespace: str = "",
) -> list[Any]:
    """Run a query and return its rows as validated models, from the cache if they are there.

    A statement that selects one entity gives the model its attributes, related rows included; one that selects columns
    gives them by name. Models need no ``from_attributes``. Nothing is loaded lazily: what the model reads and the
    statement has not loaded is an error that names the attribute and the option to add.

    In the cache are bytes, so each caller gets models of its own. Callers that miss at once share one query. A session
    that has unwritten or uncommitted changes reads past the cache, and stores nothing in it; one whose transaction sees
    the state of an earlier moment (``REPEATABLE READ``, ``SERIALIZABLE``) stores nothing either.

    Args:
        session: An asynchronous session.
        statement: A query.
        model: The type of one row: a model class, or anything that Pydantic makes a ``TypeAdapter`` of.
        cache: Where results are kept, such as ``manager.cache_manager``; ``None`` keeps none.
        ttl: Seconds for which they are; the cache's own time if ``None``.
        tags: Names by which ``manager.invalidate(tags=...)`` drops them: after the commit of a change, not before.
        key: A name to keep the result under, in place of one made of the statement. It has to say everything that the
            rows depend on; ``manager.invalidate(key)`` drops the result.
        namespace: What the rows depend on and the statement does not show, such as a tenant behind row-level security.

    Raises:
        pydantic.ValidationError: a row does not fit the model.
        ConfigurationError: (a ``ValueError``) the model needs what the statement has not loaded; ``ttl``, ``tags`` or
            ``key`` without ``cache``; a session of the other kind.
        UnsupportedTypeError: (a ``TypeError``) no key can be made of the statement, or the model does not read back.
    """
    if not hasattr(session, "sync_session"):
        message = f"{type(session).__name__} is no AsyncSession: for a Session there is fetch_models_sync"
        raise ConfigurationError(message)
    checked_cache(cache)
    if cache is None or is_changing(session.sync_session):
        _refuse_without_cache(cache, ttl, tags, key)
        return await session.run_sync(run_statement, statement, model)
    entry = _Entry(session.sync_session, statement, model, tags, key, namespace)

    async def load() -> bytes | None:
        if has_read(session.sync_session) and await session.run_sync(sees_the_past):
            return None
        return entry.stored(await session.run_sync(run_statement, statement, model))

    for _ in range(2):
        found = await cache.get_or_load(entry.key, load, ttl=ttl, tags=entry.tags)
        if found is None:
            return await session.run_sync(run_statement, statement, model)
        try:
            return entry.models(found)
        except (DecodeError, ValidationError):
            if entry.is_fresh:
                raise
        await cache.delete(entry.key)  # whatever it is, it is not what was stored
    return await session.run_sync(run_statement, statement, model)


@overload
def fetch_models_sync(
    session: Session,
    statement: Executable,
    model: type[ModelT],
    *,
    cache: CacheManager | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    key: str | None = None,
    namespace: str = "",
) -> list[ModelT]: ...


@overload
def fetch_models_sync(
    session: Session,
    statement: Executable,
    model: Any,
    *,
    cache: CacheManager | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    key: str | None = None,
    namespace: str = "",
) -> list[Any]: ...


def fetch_models_sync(
    session: Session,
    statement: Executable,
    model: Any,
    *,
    cache: CacheManager | None = None,
    ttl: float | None = None,
    tags: Iterable[str] = (),
    key: str | None = None,
    namespace: str = "",
) -> list[Any]:
    """Do what :func:`fetch_models` does, with a synchronous session."""
    if hasattr(session, "sync_session"):
        message = f"{type(session).__name__} is asynchronous: await fetch_models"
        raise ConfigurationError(message)
    checked_cache(cache)
    if cache is None or is_changing(session):
        _refuse_without_cache(cache, ttl, tags, key)
        return run_statement(session, statement, model)
    entry = _Entry(session, statement, model, tags, key, namespace)

    def load() -> bytes | None:
        if has_read(session) and sees_the_past(session):
            return None
        return entry.stored(run_statement(session, statement, model))

    for _ in range(2):
        found = cache.get_or_load_sync(entry.key, load, ttl=ttl, tags=entry.tags)
        if found is None:
            return run_statement(session, statement, model)
        try:
            return entry.models(found)
        except (DecodeError, ValidationError):
            if entry.is_fresh:
                raise
        cache.delete_sync(entry.key)
    return run_statement(session, statement, model)


class _Entry:
    """Where the result of one call is kept, and how."""

    def __init__(
        self, session: Session, statement: Executable, model: Any, tags: Iterable[str], key: str | None, namespace: str
    ) -> None:
        self._form = _form_of(model)
        self.is_fresh = False
        name = key
        self.tags = check_tags(tags)
        if key is not None:
            self.tags = (*self.tags, key_tag(key))
        else:
            name = statement_key(
                statement, session.get_bind(clause=cast("ClauseElement", statement)), namespace=namespace
            )
        kind = "statement" if key is None else "name"
        self.key = encode_parts("sqlalchemy", kind, plan_for(model).name, self._form.fingerprint, name)

    def stored(self, models: list[Any]) -> bytes:
        """Return what is kept of the models."""
        self.is_fresh = True
        return self._form.dumps(models)

    def models(self, data: bytes) -> list[Any]:
        """Return the models of what was kept."""
        found: list[Any] = self._form.loads(data)
        return found


def _form_of(model: Any) -> RoundTrip:
    known = type_key(model)
    form = _forms.get(known)
    if form is None:
        form = RoundTrip(list[model], _FORMAT, plain_serializer(), place="the cache")
        if len(_forms) >= _LIMIT:
            _forms.clear()
        _forms[known] = form
    return form


def _refuse_without_cache(cache: CacheManager | None, ttl: float | None, tags: Iterable[str], key: str | None) -> None:
    if cache is None and (ttl is not None or tags or key is not None):
        message = "ttl, tags and key are about the cache, and there is none: pass cache=manager.cache_manager"
        raise ConfigurationError(message)
