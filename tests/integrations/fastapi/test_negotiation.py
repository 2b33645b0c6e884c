"""Formats by Accept and Content-Type: RFC 9110, at an application with two ways to its routes."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import ormsgpack
import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st
from integrations.fastapi import cbor_format
from integrations.fastapi.support import FASTAPI, call
from pydantic import BaseModel

from pydantic_serialization import ConfigurationError, UnknownFormatError, UnsupportedTypeError, register_format
from pydantic_serialization._registry import FORMATS
from pydantic_serialization.formats import TreeFormat
from pydantic_serialization.integrations.fastapi import ModelResponse, model_route, negotiate, setup
from pydantic_serialization.integrations.fastapi.negotiation import choose_coding
from pydantic_serialization.plan.rebuild import CAN_REBUILD

MSGPACK = "application/vnd.msgpack"
PROBLEM = "application/problem+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


class Item(BaseModel):
    """What clients may see."""

    id: int
    name: str
    price: float = 1.5


class Blob(BaseModel):
    raw: bytes


class ItemInDB(Item):
    secret: str = "secret"


class Basket(BaseModel):
    items: list[Item]
    main: Item | None = None
    by_name: dict[str, Item] = {}


@pytest.fixture(autouse=True, scope="module")
def cbor() -> Iterator[None]:
    """Have a third format."""
    with cbor_format.registered():
        yield


RUNS: list[str] = []


def make_app(**options: Any) -> FastAPI:
    route = model_route("json", "msgpack", "cbor", **options)
    app = FastAPI()
    setup(app, route_class=route)
    inner = APIRouter(route_class=route)

    async def checked(token: str = "") -> None:
        RUNS.append("dependency")

    for router in (app.router, inner):

        @router.get("/item")
        async def item(depends: Annotated[None, Depends(checked)]) -> Item:
            RUNS.append("endpoint")
            return ItemInDB(id=1, name="a")

        @router.get("/basket")
        def basket(response: Response) -> Basket:
            response.headers["x-own"] = "1"
            leak = ItemInDB(id=1, name="a")
            return Basket(items=[leak], main=leak, by_name={"a": leak})

        @router.get("/dict")
        async def as_dict() -> list[Item]:
            return [{"id": "1", "name": "a", "secret": "secret"}]  # type: ignore[list-item]

        @router.get("/undeclared")
        async def undeclared():  # type: ignore[no-untyped-def]
            return {"item": Item(id=1, name="a"), "more": [1, None]}

        @router.get("/missing")
        async def missing() -> Item:
            raise HTTPException(404, "no item")

        @router.get("/query")
        async def query(limit: int) -> Item:
            return Item(id=limit, name="a")

        @router.get("/own", response_class=JSONResponse)
        async def own() -> Item:
            return Item(id=1, name="a")

        @router.get("/response")
        async def response() -> Any:
            return ModelResponse(ItemInDB(id=1, name="a"), Item, status_code=202)

        @router.get("/nothing", status_code=204)
        async def nothing() -> None:
            return None

        @router.post("/item")
        async def post(item: Item) -> Item:
            RUNS.append("post")
            return item

        @router.post("/blob")
        async def blob(blob: Blob) -> Blob:
            return blob

        @router.post("/embedded")
        async def embedded(item: Item, note: Annotated[str, Body()] = "n") -> list[str]:
            return [item.name, note]

        @router.post("/request")
        async def request(request: Request, item: Item) -> list[str]:
            return [request.headers["content-type"], (await request.body()).hex(), item.name]

    app.include_router(inner, prefix="/inner")
    return app


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return make_app()


CHOICES = [
    (None, "application/json"),
    ("*/*", "application/json"),
    ("application/*", "application/json"),
    (BROWSER, "application/json"),
    ("garbage", "application/json"),
    ("", "application/json"),
    (";;,,;q=1", "application/json"),
    (MSGPACK, MSGPACK),
    ("application/msgpack", "application/msgpack"),
    ("application/x-msgpack", "application/x-msgpack"),
    ("application/cbor", "application/cbor"),
    ("APPLICATION/CBOR", "application/cbor"),
    ("application/json;q=0.5, application/cbor", "application/cbor"),
    ("application/json;q=0, */*", MSGPACK),
    ("application/cbor;q=0.3,application/msgpack;q=0.7", "application/msgpack"),
    ("application/*;q=0.2, application/cbor;q=0.1, application/json;q=0", MSGPACK),
    ("application/cbor;q=1.000 , application/json;q=0.999", "application/cbor"),
    ("application/json; charset=utf-8", "application/json"),
    ("text/html, application/json;q=0.1", "application/json"),
    ("text/html", None),
    ("application/json;q=0", None),
    ("application/*;q=0", None),
    ("*/*;q=0", None),
]


@pytest.mark.parametrize(("accept", "expected"), CHOICES)
def test_the_pure_function(accept: str | None, expected: str | None) -> None:
    """``negotiate`` gives the name of the format and the spelling to send, or nothing."""
    chosen = negotiate(accept, ["json", "msgpack", "cbor"])
    assert (None if chosen is None else chosen[1]) == expected


@pytest.mark.parametrize("prefix", ["", "/inner"])
@pytest.mark.parametrize(("accept", "expected"), CHOICES)
def test_responses(app: FastAPI, accept: str | None, expected: str | None, prefix: str) -> None:
    """The response is what was negotiated; where that is nothing, neither dependency nor endpoint runs."""
    RUNS.clear()
    answer = call(app, f"{prefix}/item", **({} if accept is None else {"accept": accept}))
    assert "accept" in (answer.header("vary") or "").lower()
    if expected is None:
        assert (answer.status, RUNS) == (406, [])
        assert answer.header("content-type") == "application/json"
        return
    assert (answer.status, answer.header("content-type")) == (200, expected)
    assert answer.header("content-length") == str(len(answer.body))
    assert read(answer.body, expected) == {"id": 1, "name": "a", "price": 1.5}


def read(body: bytes, media_type: str) -> Any:
    if media_type == "application/json":
        return json.loads(body)
    return ormsgpack.unpackb(body) if "msgpack" in media_type else json.loads(body[1:])


@pytest.mark.parametrize("media_type", ["application/json", MSGPACK, "application/cbor"])
def test_no_field_of_a_subclass_is_written(app: FastAPI, media_type: str) -> None:
    """At the top, in lists, fields, dicts and from plain dicts: in no format a field that is not declared."""
    for path in ("/item", "/basket", "/dict", "/response"):
        answer = call(app, path, accept=media_type)
        assert answer.status in {200, 202}
        assert b"secret" not in answer.body, path
        assert answer.header("content-type") == media_type
    assert call(app, "/basket", accept=media_type).header("x-own") == "1"


def test_without_a_declared_type(app: FastAPI) -> None:
    """What an endpoint without a declared type returns goes out in every format, as FastAPI would turn it into JSON."""
    as_json = call(app, "/undeclared").json()
    assert read(call(app, "/undeclared", accept=MSGPACK).body, MSGPACK) == as_json


def test_a_response_class_of_ones_own_is_not_negotiated(app: FastAPI) -> None:
    """Who names a response class gets it, whatever the client accepts."""
    answer = call(app, "/own", accept="text/html")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")


def test_no_content(app: FastAPI) -> None:
    """A status without a body has none in any format."""
    answer = call(app, "/nothing", accept=MSGPACK)
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("media_type", [MSGPACK, "application/cbor"])
def test_errors_are_negotiated(app: FastAPI, media_type: str) -> None:
    """What FastAPI says about an error is said in the format of the response."""
    for path, status in (("/missing", 404), ("/query?limit=x", 422), ("/query", 422)):
        answer = call(app, path, accept=media_type)
        assert (answer.status, answer.header("content-type")) == (status, media_type)
        assert answer.header("content-length") == str(len(answer.body))
        assert "accept" in (answer.header("vary") or "").lower()
        assert read(answer.body, media_type) == call(app, path).json()


PACKED = {
    MSGPACK: ormsgpack.packb({"id": 7, "name": "b"}),
    "application/msgpack": ormsgpack.packb({"id": 7, "name": "b"}),
    "application/x-msgpack; charset=binary": ormsgpack.packb({"id": 7, "name": "b"}),
    "application/cbor": b'\xd9{"id":7,"name":"b"}',
    "application/json": b'{"id":7,"name":"b"}',
    "application/vnd.api+json": b'{"id":7,"name":"b"}',
}


@pytest.mark.parametrize("prefix", ["", "/inner"])
@pytest.mark.parametrize("content_type", PACKED)
def test_bodies(app: FastAPI, content_type: str, prefix: str) -> None:
    """A body is read in the format that its Content-Type names, and the user's code sees the body that was sent."""
    body = PACKED[content_type]
    answer = call(app, f"{prefix}/item", "POST", body, content_type=content_type)
    assert answer.json() == {"id": 7, "name": "b", "price": 1.5}
    answer = call(app, f"{prefix}/request", "POST", body, content_type=content_type)
    assert answer.json() == [content_type, body.hex(), "b"]


def test_bytes_in_a_body(app: FastAPI) -> None:
    """MessagePack's bin is ``bytes``."""
    body = ormsgpack.packb({"raw": b"\xff\x00"})
    answer = call(app, "/blob", "POST", body, content_type=MSGPACK, accept=MSGPACK)
    if CAN_REBUILD:
        assert ormsgpack.unpackb(answer.body) == {"raw": b"\xff\x00"}
    else:  # Pydantic 2.11 cannot have bytes written as bin: the format is not offered for the type
        assert answer.status == 406


def test_embedded_bodies(app: FastAPI) -> None:
    """Several body parameters are read from one document."""
    body = ormsgpack.packb({"item": {"id": 7, "name": "b"}, "note": "hello"})
    assert call(app, "/embedded", "POST", body, content_type=MSGPACK).json() == ["b", "hello"]


def test_request_classes_of_ones_own() -> None:
    """A route that gives FastAPI a request of its own class, as FastAPI's documentation has it, keeps that class."""

    class Turned(Request):
        async def body(self) -> bytes:
            return (await super().body())[::-1]

    class TurnedRoute(model_route("json", "msgpack")):  # type: ignore[misc]
        def get_route_handler(self) -> Any:
            handle = super().get_route_handler()

            async def turned(request: Request) -> Response:
                return await handle(Turned(request.scope, request.receive))  # type: ignore[no-any-return]

            return turned

    app = FastAPI()
    app.router.route_class = TurnedRoute

    @app.post("/")
    async def endpoint(request: Request, item: Item) -> list[str]:
        return [type(request).__name__, item.name, (await request.body()).hex()]

    for content_type, body in (
        ("application/json", b'{"id":1,"name":"a"}'),
        (MSGPACK, ormsgpack.packb({"id": 1, "name": "a"})),
    ):
        answer = call(app, "/", "POST", body[::-1], content_type=content_type)
        assert answer.json() == ["Turned", "a", body.hex()]


def test_wrong_bodies_have_fastapis_errors(app: FastAPI) -> None:
    """A document of the wrong shape is refused in the words that JSON of that shape is refused in."""
    for wrong in ({"id": "x"}, {"id": 1, "name": None}, [], None, 5):
        as_json = call(app, "/item", "POST", json.dumps(wrong).encode(), content_type="application/json")
        as_msgpack = call(app, "/item", "POST", ormsgpack.packb(wrong), content_type=MSGPACK)
        assert as_json.status == as_msgpack.status == 422
        assert as_msgpack.json() == as_json.json()


@pytest.mark.parametrize("body", [b"\xc1", b"\x81", b"\xff\xff", ormsgpack.packb({}) + b"x", b"\xdf\xff\xff\xff\xff"])
def test_malformed_bodies(app: FastAPI, body: bytes) -> None:
    """What is no document is refused with 422, before the endpoint runs."""
    RUNS.clear()
    answer = call(app, "/item", "POST", body, content_type=MSGPACK)
    assert (answer.status, RUNS) == (422, [])
    (problem,) = answer.json()["detail"]
    assert (problem["type"], problem["loc"][0]) == ("msgpack_invalid", "body")


def test_an_error_that_quotes_what_a_format_cannot_write_stays_json() -> None:
    """The input of a request is in its errors: MessagePack has no integers of 65 bits, and no client gets a 500 for it."""
    app = FastAPI()
    setup(app, formats=("msgpack", "json"))

    @app.post("/item")
    async def item(item: Item) -> Item:
        return item

    body = b'{"id": 1, "name": 123456789012345678901234567890}'
    answer = call(app, "/item", "POST", body, content_type="application/json", accept=MSGPACK)
    assert (answer.status, answer.header("content-type"), answer.error) == (422, "application/json", "")
    assert answer.json()["detail"][0]["input"] == 123456789012345678901234567890
    assert answer.header("content-length") == str(len(answer.body))


def test_deep_bodies(app: FastAPI) -> None:
    """A document that is nested too deeply is refused, whatever it is nested in."""
    for depth in (250, 900, 100_000):
        answer = call(app, "/item", "POST", b"\x91" * depth + b"\x90", content_type=MSGPACK)
        assert answer.status in {413, 422}
        assert not answer.error


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-pickle", "nonsense"])
def test_unsupported_media_types(app: FastAPI, content_type: str) -> None:
    """415 tells what is understood, and the endpoint does not run."""
    RUNS.clear()
    answer = call(app, "/item", "POST", b"x", content_type=content_type)
    assert (answer.status, RUNS) == (415, [])
    assert answer.header("accept") == "application/json, application/vnd.msgpack, application/cbor"


def test_lenient_accept() -> None:
    """``strict_accept=False`` sends the first format where none is acceptable."""
    app = make_app(strict_accept=False)
    answer = call(app, "/item", accept="text/html")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")


def test_bodies_of_too_many_items_are_refused(app: FastAPI) -> None:
    """A flood of small items is 413 before anybody makes objects of them."""
    flood = b"\xdd" + (4_000_000).to_bytes(4, "big") + b"\x90" * 4_000_000
    answer = call(app, "/item", "POST", flood, content_type=MSGPACK)
    assert answer.status == 413
    assert "max_items" in answer.body.decode()


def test_large_bodies_are_refused() -> None:
    """``max_body_bytes`` answers 413 in every format, as soon as the body is over it."""
    app = make_app(max_body_bytes=100)
    for content_type in ("application/json", MSGPACK):
        assert call(app, "/item", "POST", b"x" * 101, content_type=content_type).status == 413
    small = b'{"id":7,"name":"b"}'
    assert call(app, "/item", "POST", small, content_type="application/json").status == 200


def test_etags() -> None:
    """Each format and coding has its own ETag; the client that has the body gets 304 without one."""
    app = make_app(etag=True, compression=("zstd", "gzip"), compression_threshold=1)
    tags = set()
    for accept in ("application/json", MSGPACK):
        for coding in ("identity", "zstd", "gzip"):
            answer = call(app, "/item", accept=accept, accept_encoding=coding)
            assert answer.header("content-encoding") == (None if coding == "identity" else coding)
            assert {"accept", "accept-encoding"} <= {
                item.strip().lower() for item in str(answer.header("vary")).split(",")
            }
            tag = answer.header("etag")
            tags.add(tag)
            for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
                again = call(app, "/item", accept=accept, accept_encoding=coding, if_none_match=known)
                assert (again.status, again.body) == (304, b"")
                assert again.header("etag") == tag
                assert again.header("content-type") is None
                assert "accept" in str(again.header("vary")).lower()
            assert call(app, "/item", accept=accept, accept_encoding=coding, if_none_match='"other"').status == 200
    assert len(tags) == 6


def test_openapi(app: FastAPI) -> None:
    """The document shows every format, each with the schema of JSON, for responses and for bodies."""
    document = call(app, "/openapi.json").json()
    for prefix in ("", "/inner"):
        got = document["paths"][f"{prefix}/item"]["get"]["responses"]["200"]["content"]
        assert list(got) == ["application/json", MSGPACK, "application/cbor"]
        assert {entry["schema"]["$ref"] for entry in got.values()} == {"#/components/schemas/Item"}
        posted = document["paths"][f"{prefix}/item"]["post"]
        assert set(posted["requestBody"]["content"]) == {"application/json", MSGPACK, "application/cbor"}
        assert posted["requestBody"]["content"][MSGPACK] == posted["requestBody"]["content"]["application/json"]
        assert {"406", "415", "422"} <= set(posted["responses"])
        assert set(document["paths"][f"{prefix}/own"]["get"]["responses"]["200"]["content"]) == {"application/json"}


def test_openapi_of_errors() -> None:
    """Errors are negotiated too, and the document says so: of those that a route declares, and of FastAPI's own."""
    app = FastAPI()
    setup(app, route_class=model_route("json", "msgpack"))

    @app.get("/item/{number}", responses={404: {"model": Item}, 418: {"description": "a teapot"}})
    async def item(number: int) -> Item:
        return Item(id=number, name="a")

    @app.get("/own/{number}", response_class=JSONResponse, response_model=None)
    async def own(number: int) -> Any:
        return number

    paths = app.openapi()["paths"]
    responses = paths["/item/{number}"]["get"]["responses"]
    for status in ("404", "422"):
        content = responses[status]["content"]
        assert list(content) == ["application/json", MSGPACK, PROBLEM]
        assert content[MSGPACK] == content["application/json"] != {}
    assert "content" not in responses["418"]
    assert list(paths["/own/{number}"]["get"]["responses"]["422"]["content"]) == ["application/json", PROBLEM]
    answer = call(app, "/item/x", accept=MSGPACK)
    assert (answer.status, answer.header("content-type")) == (422, MSGPACK)


@pytest.mark.skipif(FASTAPI < (0, 134), reason="generators as endpoints came with FastAPI 0.134")
def test_openapi_of_streams() -> None:
    """A stream is JSON lines, MessagePack documents, or one JSON array; errors are never JSON lines."""
    app = FastAPI()
    setup(app, route_class=model_route("json", "msgpack"))

    @app.get("/items")
    async def items(least: int = 0) -> AsyncIterator[Item]:
        yield Item(id=least, name="a")

    responses = app.openapi()["paths"]["/items"]["get"]["responses"]
    content = responses["200"]["content"]
    item = {"$ref": "#/components/schemas/Item"}
    assert content == {
        "application/jsonl": {"itemSchema": item},
        "application/json": {"schema": {"type": "array", "items": item}},
        MSGPACK: {"itemSchema": item},
    }
    assert list(responses["422"]["content"]) == ["application/json", MSGPACK, PROBLEM]
    for accept in ("application/jsonl", "application/json"):
        answer = call(app, "/items?least=x", accept=accept)
        assert (answer.status, answer.header("content-type")) == (422, "application/json")
        assert answer.json()["detail"][0]["loc"] == ["query", "least"]


def test_pickle_is_refused() -> None:
    """Pickle never goes over HTTP, under any of its names."""
    for formats in (("pickle",), ("json", "PICKLE")):
        with pytest.raises(ConfigurationError, match="never read from or written to HTTP"):
            model_route(*formats)
    with pytest.raises(ConfigurationError, match="never read from or written to HTTP"):
        negotiate("*/*", ["pickle"])
    with pytest.raises(ConfigurationError, match="never read from or written to HTTP"):
        ModelResponse(Item(id=1, name="a"), format="pickle")


def test_unknown_names() -> None:
    """A misspelt format is an error where it is named."""
    with pytest.raises(UnknownFormatError, match="did you mean 'msgpack'"):
        model_route("msgpak")
    with pytest.raises(ConfigurationError, match="no content coding"):
        model_route("json", compression="lz4")
    with pytest.raises(ConfigurationError, match="is no list; each one is by itself"):
        model_route(["json", "msgpack"])  # type: ignore[arg-type]


def test_a_router_may_have_what_the_application_has() -> None:
    """The application's route class speaks the formats of ``setup``; a router's own does not follow by itself."""
    app = FastAPI()
    setup(app, formats=("json", "msgpack"))
    for prefix, route_class in (("/same", app.router.route_class), ("/json", model_route("json"))):
        router = APIRouter(prefix=prefix, route_class=route_class)

        @router.get("/item")
        async def item() -> Item:
            return Item(id=1, name="a")

        app.include_router(router)
    assert call(app, "/same/item", accept=MSGPACK).header("content-type") == MSGPACK
    assert call(app, "/json/item", accept=MSGPACK).header("content-type") == "application/json"


def test_one_format_needs_no_tuple() -> None:
    """A text is the name of one format, not of as many as it has letters."""
    app = FastAPI()
    setup(app, formats="msgpack")

    @app.get("/")
    async def endpoint() -> list[int]:
        return [1]

    assert call(app, "/").body == ormsgpack.packb([1])


@given(st.text(max_size=80) | st.text(alphabet="jsonapplicti/*;q=0.1, \t", max_size=60))
def test_any_header_is_answered(header: str) -> None:
    """No Accept or Accept-Encoding raises, and what is chosen is among what is offered."""
    chosen = negotiate(header, ["json", "msgpack"])
    assert chosen is None or chosen[0] in {"json", "msgpack"}
    assert choose_coding(header, ("zstd", "gzip")) in {"identity", "zstd", "gzip"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("gzip, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("*", "zstd"),
        ("zstd;q=0, *", "gzip"),
        ("br", "identity"),
        ("gzip;q=0", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("GZIP", "gzip"),
        ("zstdx", "identity"),
    ],
)
def test_codings(header: str | None, expected: str) -> None:
    """The coding of the highest quality, the server's order among equals, none that is excluded."""
    assert choose_coding(header, ("zstd", "gzip")) == expected


@pytest.mark.skipif(FASTAPI < (0, 134), reason="FastAPI streams generators from 0.134 on")
def test_streams_are_negotiated() -> None:
    """A generator's items go out as JSON lines, as a JSON array or as MessagePack documents."""
    app = FastAPI()
    setup(app, formats=("json", "msgpack"))

    @app.get("/items")
    async def items() -> AsyncIterator[Item]:
        for number in range(3):
            yield ItemInDB(id=number, name="a")

    lines = call(app, "/items")
    assert lines.header("content-type") == "application/jsonl"
    documents = [json.loads(line) for line in lines.body.splitlines()]
    assert [item["id"] for item in documents] == [0, 1, 2]
    assert call(app, "/items", accept="application/json").json() == documents
    packed = call(app, "/items", accept=MSGPACK)
    assert packed.header("content-type") == MSGPACK
    assert packed.body == b"".join(ormsgpack.packb(item) for item in documents)
    assert call(app, "/items", accept="text/html").status == 406
    assert b"secret" not in lines.body + packed.body


class Schematic(TreeFormat):
    """A format that cannot do without a declared type, and whose library raises what it likes."""

    name = "schematic"
    wire_id = 201
    media_type = "application/x-schematic"

    def pack(self, tree: Any) -> bytes:
        return b"S" + json.dumps(tree).encode()

    def unpack(self, data: Any) -> Any:
        return {"S": json.loads}[chr(data[0])](data[1:])

    def bind(self, plan: Any, options: Any) -> Any:
        if plan.type is Any:
            raise UnsupportedTypeError("no schema")
        return super().bind(plan, options)


def test_formats_that_need_a_schema() -> None:
    """A format that cannot write values of undeclared type is not offered there; errors stay JSON then."""
    register_format(Schematic)
    try:
        app = FastAPI()
        setup(app, formats=("json", "schematic"))

        @app.get("/item")
        async def item(fails: bool = False) -> Item:
            if fails:
                raise HTTPException(404, "none")
            return Item(id=1, name="a")

        @app.post("/item")
        async def post(item: Item) -> int:
            return item.id

        @app.get("/undeclared")
        async def undeclared():  # type: ignore[no-untyped-def]
            return {"a": 1}

        accept = {"accept": "application/x-schematic"}
        assert call(app, "/item", **accept).body.startswith(b"S{")
        answer = call(app, "/item?fails=1", **accept)
        assert (answer.status, answer.json(), answer.header("content-type")) == (
            404,
            {"detail": "none"},
            "application/json",
        )
        assert call(app, "/undeclared", **accept).json() == {"a": 1}
        assert call(app, "/item", "POST", b'S{"id":7,"name":"a"}', content_type="application/x-schematic").json() == 7
        for body in (b"x", b"S{", b"S[]"):
            assert call(app, "/item", "POST", body, content_type="application/x-schematic").status == 422
    finally:
        FORMATS.unregister("schematic")


def test_returned_errors_are_negotiated_and_compressed_ones_are_not_broken() -> None:
    """An error that an endpoint returns is written in the client's format; what is compressed, or no JSON, stays."""
    app = FastAPI()
    setup(app, route_class=model_route("json", "msgpack", compression="gzip"))

    @app.get("/small")
    async def small() -> Any:
        return JSONResponse({"a": 1}, 400)

    @app.get("/large")
    async def large() -> Any:
        return JSONResponse({"a": "x" * 5000}, 400)

    @app.get("/broken")
    async def broken() -> Any:
        return Response(b"{", 400, media_type="application/json")

    assert ormsgpack.unpackb(call(app, "/small", accept=MSGPACK).body) == {"a": 1}
    answer = call(app, "/large", accept=MSGPACK, accept_encoding="gzip")
    assert json.loads(gzip.decompress(answer.body)) == {"a": "x" * 5000}
    assert answer.header("content-type") == "application/json"
    assert call(app, "/broken", accept=MSGPACK).body == b"{"


def test_json_lines_of_lists() -> None:
    """A list is offered as JSON lines too, where that is asked for."""
    app = FastAPI()
    setup(app, formats=("json", "jsonl"))

    @app.get("/items")
    async def items() -> list[Item]:
        return [ItemInDB(id=number, name="a") for number in range(2)]

    @app.get("/item")
    async def item() -> Item:
        return Item(id=1, name="a")

    answer = call(app, "/items", accept="application/x-ndjson")
    assert answer.header("content-type") == "application/x-ndjson"
    assert [json.loads(line)["id"] for line in answer.body.splitlines()] == [0, 1]
    assert b"secret" not in answer.body
    assert call(app, "/item", accept="application/jsonl").status == 200
    content = call(app, "/openapi.json").json()["paths"]["/items"]["get"]["responses"]["200"]["content"]
    assert content["application/jsonl"] == {"itemSchema": {"$ref": "#/components/schemas/Item"}}
