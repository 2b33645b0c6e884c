"""Errors as problem details: RFC 9457, where the client asks for them."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import json
from collections.abc import Iterator
from typing import Any, Literal

import ormsgpack
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from hypothesis import given
from hypothesis import strategies as st
from integrations.fastapi.support import Answer, call
from pydantic import BaseModel

from pydantic_serialization.integrations.fastapi import ModelRoute, model_route, setup
from pydantic_serialization.integrations.fastapi.negotiation import asks_for

PROBLEM = "application/problem+json"
MSGPACK = "application/vnd.msgpack"
BOTH = f"application/json, {PROBLEM}"


class Item(BaseModel):
    id: int


class OutOfStockError(Exception):
    """An error of the user's, with a handler."""


def make_app(
    *formats: str, problem_details: Literal["accept", "always", "never"] = "accept", **options: Any
) -> FastAPI:
    app = FastAPI()
    setup(app, route_class=model_route(*formats, problem_details=problem_details, **options))

    @app.exception_handler(OutOfStockError)
    async def out_of_stock(request: Request, error: OutOfStockError) -> JSONResponse:
        return JSONResponse({"code": 7, "detail": "out of stock"}, 409)

    @app.get("/item/{number}")
    async def item(number: int) -> Item:
        if number == 404:
            raise HTTPException(404, "no item", headers={"x-own": "1"})
        if number == 409:
            raise OutOfStockError
        if number == 403:
            detail = {"type": "https://example.com/credit", "title": "Out of credit", "balance": 30, "status": 1}
            raise HTTPException(403, detail)
        if number == 499:
            raise HTTPException(499, "left")
        return Item(id=number)

    @app.get("/own")
    async def own() -> Any:
        return JSONResponse({"type": "about:blank", "status": 400}, 400, media_type=PROBLEM)

    @app.get("/list")
    async def as_list() -> Any:
        return JSONResponse(["a"], 400)

    @app.get("/stream")
    async def stream() -> Any:
        def chunks() -> Iterator[bytes]:
            yield b'{"detail":'
            yield b'"in parts"}'

        return StreamingResponse(chunks(), 400, media_type="application/json")

    @app.post("/item")
    async def post(item: Item) -> Item:
        return item

    return app


def problem(answer: Answer) -> dict[str, Any]:
    assert answer.header("content-type") == PROBLEM
    assert answer.header("content-length") == str(len(answer.body))
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status
    return document


@pytest.mark.parametrize("formats", [("json",), ("json", "msgpack"), ("msgpack", "json")])
def test_what_an_error_says(formats: tuple[str, ...]) -> None:
    """A text is the detail; an object's members are the problem's own; a list becomes ``errors``; headers stay."""
    app = make_app(*formats)
    assert problem(call(app, "/item/404", accept=BOTH)) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no item",
    }
    assert call(app, "/item/404", accept=BOTH).header("x-own") == "1"
    assert problem(call(app, "/item/403", accept=BOTH)) == {
        "type": "https://example.com/credit",
        "title": "Out of credit",
        "status": 403,
        "balance": 30,
    }
    assert problem(call(app, "/item/409", accept=BOTH)) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "out of stock",
        "code": 7,
    }
    assert problem(call(app, "/item/499", accept=BOTH))["title"] == "Error"
    assert problem(call(app, "/stream", accept=BOTH))["detail"] == "in parts"


def test_what_is_wrong_with_a_request() -> None:
    """FastAPI's list of what is wrong with a request is in ``errors``, item by item."""
    app = make_app("json", "msgpack")
    for path, method, body in (("/item/x", "GET", b""), ("/item", "POST", b"{}"), ("/item", "POST", b"{")):
        stock = call(app, path, method, body, content_type="application/json").json()["detail"]
        found = problem(call(app, path, method, body, content_type="application/json", accept=BOTH))
        assert (found["status"], found["errors"], found["detail"]) == (422, stock, "1 error")


def test_refusals_of_the_negotiation_itself() -> None:
    """406 and 415 are problems like any other; a client that accepts nothing but problems gets no item."""
    app = make_app("json", "msgpack")
    assert problem(call(app, "/item/1", accept=PROBLEM))["status"] == 406
    answer = call(app, "/item", "POST", b"x", content_type="text/plain", accept=BOTH)
    assert problem(answer)["status"] == 415
    assert "application/json" in str(answer.header("accept"))


ASKING = [
    (BOTH, True),
    (f"*/*, {PROBLEM}", True),
    (f"{PROBLEM}, */*;q=0.1", True),
    ("Application/Problem+JSON, application/json", True),
    (f"{PROBLEM};q=0.5, text/html", True),
    (f"application/json, {PROBLEM};q=0.5", False),
    (f"*/*, {PROBLEM};q=0", False),
    (f"{PROBLEM}x", False),
    ("*/*", False),
    ("application/*", False),
    ("application/json", False),
    (None, False),
]


@pytest.mark.parametrize(("accept", "expected"), ASKING)
def test_asking(accept: str | None, expected: bool) -> None:
    """It has to be named, and ranked no lower than JSON: who does not know it never gets it."""
    assert asks_for(accept, PROBLEM, "application/json") is expected
    answer = call(make_app("json"), "/item/404", **({} if accept is None else {"accept": accept}))
    assert answer.header("content-type") == (PROBLEM if expected else "application/json")
    assert "accept" in str(answer.header("vary")).lower()
    if not expected:
        assert answer.json() == {"detail": "no item"}


def test_beside_another_format() -> None:
    """Of MessagePack and problem details an error is what is ranked higher, and a problem among equals."""
    app = make_app("json", "msgpack")
    assert call(app, "/item/1", accept=f"{MSGPACK}, {PROBLEM}").header("content-type") == MSGPACK
    assert problem(call(app, "/item/404", accept=f"{MSGPACK}, {PROBLEM}"))["detail"] == "no item"
    packed = call(app, "/item/404", accept=f"{MSGPACK}, {PROBLEM};q=0.9")
    assert (packed.header("content-type"), ormsgpack.unpackb(packed.body)) == (MSGPACK, {"detail": "no item"})


def test_always_and_never() -> None:
    """``always`` does not ask, ``never`` does not listen; FastAPI's errors stay FastAPI's on a plain route."""
    assert problem(call(make_app(problem_details="always"), "/item/404"))["detail"] == "no item"
    assert problem(call(make_app("json", "msgpack", problem_details="always"), "/item/404", accept=MSGPACK))
    assert call(make_app(problem_details="never"), "/item/404", accept=BOTH).json() == {"detail": "no item"}
    app = FastAPI()
    app.router.route_class = ModelRoute

    @app.get("/")
    async def endpoint() -> Item:
        raise HTTPException(404, "no item")

    answer = call(app, "/", accept=BOTH)
    assert (answer.json(), answer.header("vary")) == ({"detail": "no item"}, None)


def test_what_is_no_object_or_a_problem_already_stays() -> None:
    """A problem of the user's own is sent as it is, and so is a document that has no members."""
    app = make_app("json", "msgpack")
    assert call(app, "/own", accept=BOTH).json() == {"type": "about:blank", "status": 400}
    answer = call(app, "/list", accept=BOTH)
    assert (answer.header("content-type"), answer.json()) == ("application/json", ["a"])


def test_successes_do_not_depend_on_it() -> None:
    """Where there is nothing but JSON only errors vary, and the documents of successes are not touched."""
    answer = call(make_app("json"), "/item/1", accept=BOTH)
    assert (answer.json(), answer.header("content-type"), answer.header("vary")) == (
        {"id": 1},
        "application/json",
        None,
    )


MEMBERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["type", "title", "status", "detail"]), MEMBERS))
def test_nothing_is_lost(said: dict[str, Any]) -> None:
    """Whatever an error says is in its problem, and the status is the response's."""
    app = FastAPI()
    app.router.route_class = model_route(problem_details="always")

    @app.get("/")
    async def endpoint() -> Any:
        return JSONResponse(said, 418)

    found = problem(call(app, "/"))
    detail = said.pop("detail", None)
    if isinstance(detail, dict):
        said.update(detail)
    for name, value in said.items():
        if name not in {"status", "detail", "errors"}:
            assert found[name] == value
    assert {"type", "title", "status"} <= found.keys()


def test_openapi() -> None:
    """Every documented error has an entry for it, with the schema of RFC 9457, and no note of ours is left."""
    app = make_app("json", "msgpack")

    @app.get("/documented", responses={404: {"model": Item}, 400: {"content": {PROBLEM: {"example": {}}}}})
    async def documented(limit: int) -> Item:
        return Item(id=limit)

    made = call(app, "/openapi.json").json()
    responses = made["paths"]["/documented"]["get"]["responses"]
    ref = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    for status in ("404", "422"):
        assert list(responses[status]["content"]) == ["application/json", MSGPACK, PROBLEM]
        assert responses[status]["content"][PROBLEM] == ref
    assert responses["400"]["content"] == {PROBLEM: {"example": {}}}
    assert made["components"]["schemas"]["ProblemDetails"]["required"] == ["type", "title", "status"]
    assert "x-problem-details" not in json.dumps(made)
    assert PROBLEM not in json.dumps(call(make_app("json", problem_details="never"), "/openapi.json").json())
    made = call(make_app("json", problem_details="always"), "/openapi.json").json()
    assert made["paths"]["/item/{number}"]["get"]["responses"]["422"]["content"] == {PROBLEM: ref}


def test_openapi_beside_a_model_of_that_name() -> None:
    """A model of the user's that is called ProblemDetails keeps its place."""

    class ProblemDetails(BaseModel):
        mine: int

    app = make_app("json")

    @app.get("/mine")
    async def mine() -> ProblemDetails:
        return ProblemDetails(mine=1)

    made = call(app, "/openapi.json").json()
    assert list(made["components"]["schemas"]["ProblemDetails"]["properties"]) == ["mine"]
    entry = made["paths"]["/item/{number}"]["get"]["responses"]["422"]["content"][PROBLEM]
    assert entry["schema"]["required"] == ["type", "title", "status"]
