"""The application: one manager and one cache for all of it, started and stopped with it."""

from __future__ import annotations

import inspect
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection  # noqa: TC002  (FastAPI reads it)

from pydantic_serialization.cache import CacheManager
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.integrations._cache import checked_cache
from pydantic_serialization.integrations.fastapi.cache_policy import check_cached
from pydantic_serialization.integrations.fastapi.openapi import fill_in
from pydantic_serialization.integrations.fastapi.route import ModelRoute, model_route
from pydantic_serialization.integrations.fastapi.runtime import STATE, Runtime, runtime_of
from pydantic_serialization.manager import OptimizedSerializationManager, create_serialization_manager

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from starlette.types import Lifespan

    from pydantic_serialization.config import SerializationConfig, SerializationFormat


_ROUTERS: Final = "APIRouter(route_class=ModelRoute)"


def setup(
    app: FastAPI,
    *,
    manager: OptimizedSerializationManager | None = None,
    cache: CacheManager | None = None,
    config: SerializationConfig | None = None,
    formats: Iterable[SerializationFormat | str] = ("json",),
    route_class: type[APIRoute] | None = None,
    openapi: bool = True,
) -> Runtime:
    """Put the library into an application. Call it right after the application is made, before its routes are.

    The application's own routes become :class:`ModelRoute` (routers name their ``route_class`` themselves), the manager
    is started and stopped with the application, around the lifespan that the application has, and the OpenAPI document
    shows every format.

    Args:
        app: The application.
        manager: The manager; one made from ``config`` and ``cache`` if ``None``.
        cache: The cache; the manager's own if ``None``.
        config: Settings for the manager.
        formats: What the application's own routes speak, the preferred format first; see :func:`model_route`.
        route_class: The class of the application's own routes, in place of ``formats``.
        openapi: Have the OpenAPI document show the schemas of all formats.

    Returns:
        What the application holds from now on; :data:`RuntimeDep` gives it to endpoints.

    Raises:
        ConfigurationError: the application has routes already, or is none; two of the arguments contradict each other.
        UnknownFormatError: nobody knows a format.
    """
    if not isinstance(app, FastAPI):
        message = f"setup() takes a FastAPI application, not {type(app).__name__}; routers name their class: {_ROUTERS}"
        raise ConfigurationError(message)
    checked_cache(cache)
    if manager is not None and (cache is not None or config is not None):
        message = "a manager brings its own cache and configuration: give either the manager, or cache and config"
        raise ConfigurationError(message)
    added = [route for route in app.routes if isinstance(route, APIRoute)]
    if added:
        message = f"{added[0].path!r} was added before setup(app): it would stay FastAPI's own; call setup(app) first"
        raise ConfigurationError(message)
    if hasattr(app.state, STATE):
        message = "setup(app) was called for this application before"
        raise ConfigurationError(message)
    runtime = Runtime(manager if manager is not None else create_serialization_manager(config, cache))
    app.state.pydantic_serialization = runtime
    chosen = (formats,) if isinstance(formats, str) else tuple(formats)
    app.router.route_class = route_class or (ModelRoute if chosen == ("json",) else model_route(*chosen))
    app.router.lifespan_context = lifespan(runtime.manager, inner=app.router.lifespan_context)
    if openapi:
        fill_in(app)
    return runtime


def lifespan(*resources: Any, inner: Lifespan[Any] | None = None) -> Lifespan[Any]:
    """Return a lifespan that starts resources in order, and stops them in reverse.

    If one cannot be started, those before it are stopped. The user's own lifespan runs inside, and its state is kept.
    The first manager among the resources is what :data:`ManagerDep` and :data:`CacheDep` give.

    Args:
        *resources: Managers, caches, pools, profilers: whatever has ``start`` and ``stop`` (or ``close``), which may be
            ``async def``, or is a context manager, asynchronous or not.
        inner: The user's lifespan.

    Raises:
        TypeError: a resource is none of these.
    """
    for resource in resources:
        _check_resource(resource)

    @asynccontextmanager
    async def run(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        check_cached(app)
        async with AsyncExitStack() as stack:
            for resource in resources:
                await _enter(stack, resource)
                if isinstance(resource, OptimizedSerializationManager) and not hasattr(app.state, STATE):
                    app.state.pydantic_serialization = Runtime(resource)
            yield None if inner is None else await stack.enter_async_context(inner(app))

    return cast("Lifespan[Any]", run)


def _check_resource(resource: Any) -> None:
    if not any(hasattr(resource, name) for name in ("__aenter__", "__enter__", "start")):
        message = (
            f"{type(resource).__name__} cannot be started: a resource is a context manager, or has start() and stop()"
        )
        raise TypeError(message)


async def _enter(stack: AsyncExitStack, resource: Any) -> None:
    if hasattr(resource, "__aenter__"):
        await stack.enter_async_context(resource)
    elif hasattr(resource, "__enter__"):
        stack.enter_context(resource)
    else:
        await _awaited(resource.start())
        stop = getattr(resource, "stop", None) or getattr(resource, "close", None)
        if stop is not None:
            stack.push_async_callback(_call, stop)


async def _call(function: Callable[[], Any]) -> None:
    await _awaited(function())


async def _awaited(result: Any) -> None:
    if inspect.isawaitable(result):
        await result


async def get_runtime(connection: HTTPConnection) -> Runtime:
    """Return what the application holds: a dependency."""
    return runtime_of(connection)


async def get_manager(runtime: Annotated[Runtime, Depends(get_runtime)]) -> OptimizedSerializationManager:
    """Return the application's manager: a dependency; tests may override it in ``app.dependency_overrides``."""
    return runtime.manager


async def get_cache(runtime: Annotated[Runtime, Depends(get_runtime)]) -> CacheManager:
    """Return the application's cache: a dependency."""
    return runtime.cache


RuntimeDep = Annotated[Runtime, Depends(get_runtime)]
"""A parameter with the application's manager and cache."""

ManagerDep = Annotated[OptimizedSerializationManager, Depends(get_manager)]
"""A parameter with the application's manager."""

CacheDep = Annotated[CacheManager, Depends(get_cache)]
"""A parameter with the application's cache."""
