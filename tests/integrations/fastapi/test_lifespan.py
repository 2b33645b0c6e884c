"""The application's resources: started in order, stopped in reverse, whatever fails."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import ormsgpack
import pytest
from fastapi import APIRouter, FastAPI, Request
from integrations.fastapi.support import call
from pydantic import BaseModel

from pydantic_serialization import CacheManager, ConfigurationError, create_serialization_manager
from pydantic_serialization.integrations.fastapi import (
    CacheDep,
    ManagerDep,
    ModelRoute,
    RuntimeDep,
    cached,
    get_manager,
    lifespan,
    model_route,
    setup,
)


class Item(BaseModel):
    id: int


class Resource:
    """Notes when it is started and stopped."""

    def __init__(self, name: str, notes: list[str], *, fails: bool = False) -> None:
        self.name, self.notes, self.fails = name, notes, fails

    async def start(self) -> None:
        if self.fails:
            raise OSError(self.name)
        self.notes.append(f"start {self.name}")

    async def stop(self) -> None:
        self.notes.append(f"stop {self.name}")


class SyncResource(Resource):
    def start(self) -> None:  # type: ignore[override]
        self.notes.append(f"start {self.name}")

    def close(self) -> None:
        self.notes.append(f"close {self.name}")

    stop = None  # type: ignore[assignment]


def noting(notes: list[str]) -> Any:
    """Return a user's lifespan, which notes when it begins and ends, and gives requests a state."""

    @asynccontextmanager
    async def users(app: FastAPI) -> AsyncIterator[dict[str, int]]:
        notes.append("start")
        yield {"number": 3}
        notes.append("stop")

    return users


async def run(app: FastAPI, inside: Any = None) -> dict[str, Any]:
    """Start and stop an application as a server does. Returns the state of its lifespan."""
    state: dict[str, Any] = {}
    messages = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[Any] = []

    async def receive() -> Any:
        kind = next(messages)
        if kind == "lifespan.shutdown" and inside is not None:
            inside()
        return {"type": kind}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}, receive, send)
    assert sent[-1]["type"] == "lifespan.shutdown.complete"
    return state


def test_order() -> None:
    """Resources start in order, then the user's lifespan; they stop in reverse; the user's state is kept."""
    notes: list[str] = []

    @asynccontextmanager
    async def users(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        notes.append("user starts")
        yield {"key": "value"}
        notes.append("user stops")

    @contextmanager
    def plain() -> Any:
        notes.append("enter")
        yield
        notes.append("exit")

    resources = (Resource("a", notes), SyncResource("b", notes), plain())
    app = FastAPI(lifespan=lifespan(*resources, inner=users))
    state = asyncio.run(run(app, lambda: notes.append("serving")))
    assert state == {"key": "value"}
    assert notes == ["start a", "start b", "enter", "user starts", "serving", "user stops", "exit", "close b", "stop a"]


def test_a_start_that_fails_stops_what_was_started() -> None:
    """If one resource cannot start, those before it are stopped, and the error is told."""
    notes: list[str] = []
    app = FastAPI(lifespan=lifespan(Resource("a", notes), Resource("b", notes), Resource("c", notes, fails=True)))
    with pytest.raises(OSError, match="c"):
        asyncio.run(run(app))
    assert notes == ["start a", "start b", "stop b", "stop a"]


def test_the_users_lifespan_fails() -> None:
    """If the user's lifespan cannot start, the resources are stopped."""
    notes: list[str] = []

    @asynccontextmanager
    async def users(app: FastAPI) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    app = FastAPI(lifespan=lifespan(Resource("a", notes), inner=users))
    with pytest.raises(RuntimeError, match="no database"):
        asyncio.run(run(app))
    assert notes == ["start a", "stop a"]


def test_what_is_no_resource() -> None:
    """Something that cannot be started is refused when it is named."""
    with pytest.raises(TypeError, match="int cannot be started"):
        lifespan(3)


def test_setup_keeps_the_lifespan() -> None:
    """``setup`` starts the manager around the lifespan that the application has."""
    notes: list[str] = []
    app = FastAPI(lifespan=noting(notes))
    setup(app)

    assert asyncio.run(run(app)) == {"number": 3}
    assert notes == ["start", "stop"]


@pytest.mark.filterwarnings("ignore:The on_startup and on_shutdown:DeprecationWarning")
def test_setup_keeps_startup_handlers() -> None:
    """Handlers of the older kind still run."""
    notes: list[str] = []
    app = FastAPI(on_startup=[lambda: notes.append("start")], on_shutdown=[lambda: notes.append("stop")])
    setup(app)
    asyncio.run(run(app))
    assert notes == ["start", "stop"]


@pytest.mark.parametrize("explicit", [False, True])
def test_dependencies(explicit: bool) -> None:
    """Manager and cache are one for the application, in included routers too; tests can override them."""
    manager = create_serialization_manager()
    if explicit:
        app = FastAPI(lifespan=lifespan(manager))
        asyncio.run(run(app))
    else:
        app = FastAPI()
        assert setup(app, manager=manager).manager is manager
    router = APIRouter(route_class=ModelRoute)

    @router.get("/same")
    async def same(runtime: RuntimeDep, held: ManagerDep, cache: CacheDep) -> list[bool]:
        return [held is manager, cache is manager.cache_manager, runtime.manager is manager, runtime.cache is cache]

    app.include_router(router, prefix="/inner")
    assert call(app, "/inner/same").json() == [True] * 4
    app.dependency_overrides[get_manager] = create_serialization_manager
    assert call(app, "/inner/same").json() == [False, True, True, True]


def test_a_cache_of_ones_own() -> None:
    """The cache that is given is the one that is used."""
    cache = CacheManager()
    app = FastAPI()
    assert setup(app, cache=cache).cache is cache
    with pytest.raises(ConfigurationError, match="brings its own cache"):
        setup(FastAPI(), manager=create_serialization_manager(), cache=cache)


def test_setup_comes_first() -> None:
    """Routes that were added before would stay FastAPI's: told at once. So is calling it twice."""
    app = FastAPI()

    @app.get("/item")
    async def item() -> Item:
        return Item(id=1)

    with pytest.raises(ConfigurationError, match="'/item' was added before"):
        setup(app)
    app = FastAPI()
    setup(app)
    with pytest.raises(ConfigurationError, match="before"):
        setup(app)
    with pytest.raises(ConfigurationError, match=r"not APIRouter.*APIRouter\(route_class=ModelRoute\)"):
        setup(APIRouter())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"manager\.cache_manager, not Optimized"):
        setup(FastAPI(), cache=create_serialization_manager())  # type: ignore[arg-type]


def test_without_setup_the_error_names_the_way_out() -> None:
    """A dependency in an application without a manager says what is missing."""
    app = FastAPI()

    @app.get("/item")
    async def item(manager: ManagerDep) -> Item:
        return Item(id=1)

    assert "call setup(app)" in call(app, "/item").error


@pytest.mark.parametrize("by_setup", [False, True])
def test_fastapis_test_client(by_setup: bool) -> None:
    """What applications are tested with starts and stops everything, and gets states, formats and kept responses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older versions of Starlette are warned of by newer ones of anyio
        from fastapi.testclient import TestClient
    notes: list[str] = []
    if by_setup:
        app = FastAPI(lifespan=noting(notes))
        setup(app)
    else:
        app = FastAPI(lifespan=lifespan(create_serialization_manager(), inner=noting(notes)))
    router = APIRouter(route_class=model_route("json", "msgpack"))

    @router.get("/item")
    @cached(60)
    async def item(request: Request, cache: CacheDep) -> Item:
        notes.append("run")
        return Item(id=request.state.number)

    app.include_router(router, prefix="/inner")
    with TestClient(app) as client:
        first, second = client.get("/inner/item"), client.get("/inner/item")
        assert first.json() == second.json() == {"id": 3}
        assert client.get("/inner/item", headers={"if-none-match": first.headers["etag"]}).status_code == 304
        packed = client.get("/inner/item", headers={"accept": "application/msgpack"})
        assert ormsgpack.unpackb(packed.content) == {"id": 3}
    assert notes == ["start", "run", "run", "stop"]


@pytest.mark.parametrize("included", [False, True])
def test_a_cache_without_effect_is_told_at_the_start(included: bool) -> None:
    """``cached`` on a route of FastAPI's own would do nothing: the application does not start."""
    app = FastAPI()
    setup(app)
    router = APIRouter()

    @router.get("/item")
    @cached(60)
    async def item() -> Item:
        return Item(id=1)

    if included:
        app.include_router(router, prefix="/inner")
    else:
        app.router.routes += router.routes
    with pytest.raises(ConfigurationError, match="route_class=ModelRoute"):
        asyncio.run(run(app))


def test_the_order_of_decorators_is_told_at_the_start() -> None:
    """``cached`` above the route's decorator comes too late: the application does not start."""
    app = FastAPI()
    setup(app)

    @cached(60)
    @app.get("/item")
    async def item() -> Item:
        return Item(id=1)

    with pytest.raises(ConfigurationError, match="below"):
        asyncio.run(run(app))


def test_route_classes_of_routers() -> None:
    """Each router speaks the formats of its own class."""
    app = FastAPI()
    setup(app, formats=("json", "msgpack"))
    plain, packed = APIRouter(route_class=ModelRoute), APIRouter(route_class=model_route("msgpack"))
    for router in (app.router, plain, packed):

        @router.get("/item")
        async def item() -> Item:
            return Item(id=1)

    app.include_router(plain, prefix="/plain")
    app.include_router(packed, prefix="/packed")
    types = [
        call(app, f"{prefix}/item", accept="application/msgpack").header("content-type")
        for prefix in ("", "/plain", "/packed")
    ]
    assert types == ["application/msgpack", "application/json", "application/msgpack"]
    assert call(app, "/packed/item", accept="application/json").status == 406
