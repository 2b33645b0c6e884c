"""A query parameter that names the format, where a route has one."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

from collections.abc import AsyncIterator
from typing import Annotated, Any

import ormsgpack
import pytest
from fastapi import Depends, FastAPI, HTTPException, Query
from integrations.fastapi.support import FASTAPI, call
from pydantic import BaseModel

from pydantic_serialization import ConfigurationError
from pydantic_serialization.integrations.fastapi import cached, model_route, setup

MSGPACK = "application/vnd.msgpack"


class Item(BaseModel):
    id: int


RUNS: list[int] = []


def make_app(*formats: str, **options: Any) -> FastAPI:
    app = FastAPI()
    setup(app, route_class=model_route(*formats, **{"format_parameter": "format", **options}))

    @app.get("/item/{number}")
    async def item(number: int) -> Item:
        RUNS.append(number)
        if number == 0:
            raise HTTPException(404, "no item")
        return Item(id=number)

    @app.get("/cached")
    @cached(60)
    async def from_cache() -> Item:
        RUNS.append(-1)
        return Item(id=1)

    return app


@pytest.mark.parametrize("accept", [None, "application/json", MSGPACK, "text/html"])
def test_it_wins_over_accept(accept: str | None) -> None:
    """The format that is named is sent, whatever the client accepts; errors are in it too."""
    app = make_app("json", "msgpack")
    headers = {} if accept is None else {"accept": accept}
    packed = call(app, "/item/7?format=msgpack", **headers)
    assert (packed.header("content-type"), ormsgpack.unpackb(packed.body)) == (MSGPACK, {"id": 7})
    text = call(app, "/item/7?format=json", **headers)
    assert (text.header("content-type"), text.json()) == ("application/json", {"id": 7})
    missing = call(app, "/item/0?format=msgpack", **headers)
    assert (missing.status, ormsgpack.unpackb(missing.body)) == (404, {"detail": "no item"})
    assert call(app, "/item/7?format=json&format=msgpack", **headers).body == packed.body


def test_without_it_accept_decides() -> None:
    """Where it does not come everything is as it is without."""
    app = make_app("json", "msgpack")
    assert call(app, "/item/7", accept=MSGPACK).header("content-type") == MSGPACK
    assert call(app, "/item/7").header("content-type") == "application/json"
    assert call(app, "/item/7", accept="text/html").status == 406


@pytest.mark.parametrize("formats", [("json",), ("json", "msgpack"), ("orjson", "msgpack")])
@pytest.mark.parametrize("name", ["", "xml", "pickle", "JSON", "application/json", "<script>"])
def test_unknown_names(name: str, formats: tuple[str, ...]) -> None:
    """There is nothing at such an address: 404 says what there is, and nothing of what came; the endpoint does not run."""
    RUNS.clear()
    answer = call(make_app(*formats), f"/item/7?format={name}")
    there_is = "json" if len(formats) == 1 else "json, msgpack"
    assert (answer.status, answer.json(), RUNS) == (404, {"detail": f"format is one of {there_is}"}, [])


def test_it_is_off_by_default() -> None:
    """A parameter of that name is the endpoint's business, unless a route is told otherwise."""
    answer = call(make_app("json", "msgpack", format_parameter=None), "/item/7?format=msgpack")
    assert answer.json() == {"id": 7}


class Filters(BaseModel):
    format: str = "a"


async def depended(format: str = "x") -> str:  # noqa: A002
    return format


def test_a_parameter_of_the_endpoints_own_is_refused() -> None:
    """Two meanings of one name would surprise somebody: of the endpoint, of a dependency, of a model of parameters."""
    app = make_app("json", "msgpack")

    def direct(format: str) -> str:  # noqa: A002
        return format

    def aliased(wanted: Annotated[str, Query(alias="format")]) -> str:
        return wanted

    def through(wanted: Annotated[str, Depends(depended)]) -> str:
        return wanted

    def model(filters: Annotated[Filters, Query()]) -> str:
        return filters.format

    for endpoint in (direct, aliased, through, model):
        with pytest.raises(ConfigurationError, match="choose another format_parameter"):
            app.get(f"/{endpoint.__name__}")(endpoint)


def test_cached_responses() -> None:
    """Each format has its own entry."""
    app = make_app("json", "msgpack")
    RUNS.clear()
    for _ in range(2):
        assert call(app, "/cached?format=json").json() == {"id": 1}
        assert ormsgpack.unpackb(call(app, "/cached?format=msgpack").body) == {"id": 1}
    assert RUNS == [-1, -1]


@pytest.mark.skipif(FASTAPI < (0, 134), reason="generators as endpoints came with FastAPI 0.134")
def test_streams() -> None:
    """A stream has the formats that it may be in."""
    app = make_app("json", "msgpack")

    @app.get("/items")
    async def items() -> AsyncIterator[Item]:
        yield Item(id=1)

    assert call(app, "/items?format=json").json() == [{"id": 1}]
    assert call(app, "/items?format=jsonl").body == b'{"id":1}\n'
    assert ormsgpack.unpackb(call(app, "/items?format=msgpack").body) == {"id": 1}


def test_openapi() -> None:
    """The document has the parameter, with the formats of the route."""
    operation = make_app("json", "msgpack").openapi()["paths"]["/item/{number}"]["get"]
    (parameter,) = (item for item in operation["parameters"] if item["in"] == "query")
    assert (parameter["name"], parameter["required"]) == ("format", False)
    assert parameter["schema"]["enum"] == ["json", "msgpack"]
    assert [item["name"] for item in operation["parameters"]] == ["number", "format"]
