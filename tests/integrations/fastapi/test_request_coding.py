"""Bodies that come compressed: unpacked within limits, refused in HTTP's words (RFC 9110, 8.4 and 12.5.3)."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Annotated, Any

import ormsgpack
import pytest
from fastapi import APIRouter, FastAPI, Form, Request, Response
from integrations.fastapi.support import acall, call
from pydantic import BaseModel

from pydantic_serialization import CompressionLevel, SerializationConfig, register_codec
from pydantic_serialization.codecs import get_codec, unregister_codec
from pydantic_serialization.codecs.zstd import ZstdCodec, train_dictionary
from pydantic_serialization.integrations.fastapi import ModelRoute, model_route, setup

MSGPACK = "application/vnd.msgpack"
BODY = json.dumps({"id": 7, "name": "b" * 50}).encode()


class Item(BaseModel):
    id: int
    name: str


RUNS: list[str] = []


def make_app(*formats: str, **options: Any) -> FastAPI:
    route = model_route(*formats, **options)
    app = FastAPI()
    setup(app, route_class=route)
    inner = APIRouter(route_class=route)
    for router in (app.router, inner):

        @router.post("/item")
        async def post(item: Item) -> int:
            RUNS.append("post")
            return item.id

        @router.post("/request")
        async def request(request: Request, item: Item) -> dict[str, str]:
            received = (await request.body()).hex()
            return {
                **{name: request.headers.get(name, "") for name in ("content-encoding", "content-length")},
                "b": received,
            }

        @router.post("/raw")
        async def raw(request: Request) -> list[str]:
            return [request.headers.get("content-encoding", ""), (await request.body()).hex()]

        @router.post("/form")
        async def form(name: Annotated[str, Form()]) -> str:
            return name

    app.include_router(inner, prefix="/inner")
    return app


def packed(coding: str) -> Callable[[bytes], bytes]:
    return get_codec(coding).compressor(CompressionLevel.BALANCED)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "zstd": packed("zstd"),
    "gzip, zstd": lambda data: packed("zstd")(gzip.compress(data)),
    "identity": bytes,
    "identity, gzip": gzip.compress,
    "": bytes,
}


@pytest.mark.parametrize("prefix", ["", "/inner"])
@pytest.mark.parametrize("coding", PACKERS)
def test_bodies_are_unpacked(coding: str, prefix: str) -> None:
    """In each format a body that is packed is the body; the user's code sees a request that was never packed."""
    for formats in (("json",), ("json", "msgpack")):
        app = make_app(*formats)
        body = PACKERS[coding](BODY)
        answer = call(app, f"{prefix}/item", "POST", body, content_type="application/json", content_encoding=coding)
        assert (answer.status, answer.json()) == (200, 7)
        headers = {"content_type": "application/json", "content_encoding": coding, "content_length": str(len(body))}
        found = call(app, f"{prefix}/request", "POST", body, **headers)
        if coding not in {"", "identity"}:
            assert found.json() == {"content-encoding": "", "content-length": str(len(BODY)), "b": BODY.hex()}
    body = PACKERS[coding](ormsgpack.packb({"id": 8, "name": "b"}))
    assert call(app, f"{prefix}/item", "POST", body, content_type=MSGPACK, content_encoding=coding).json() == 8


def test_members_one_after_the_other() -> None:
    """A gzip file may have several members (RFC 1952, 2.2)."""
    body = gzip.compress(BODY[:20]) + gzip.compress(BODY[20:])
    assert call(make_app(), "/item", "POST", body, content_type="application/json", content_encoding="gzip").json() == 7


@pytest.mark.parametrize(
    "coding", ["deflate", "compress", "exi", "gzip, deflate", "gzip;q=1", "gzip gzip", "gzip," * 4]
)
@pytest.mark.parametrize("formats", [("json",), ("json", "msgpack")])
def test_unknown_codings(coding: str, formats: tuple[str, ...]) -> None:
    """415 names those that are understood, and nothing runs."""
    RUNS.clear()
    answer = call(make_app(*formats), "/item", "POST", b"x", content_type="application/json", content_encoding=coding)
    assert (answer.status, answer.header("accept-encoding"), RUNS) == (415, "zstd, gzip", [])


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_bombs(coding: str) -> None:
    """What unpacks to more than the limit is refused with 413, whatever its size on the way."""
    app = make_app("json", max_body_bytes=10_000)
    bomb = packed(coding)(b"[" + b" " * 5_000_000 + b"]")
    assert len(bomb) < 10_000
    answer = call(app, "/item", "POST", bomb, content_type="application/json", content_encoding=coding)
    assert (answer.status, answer.json()) == (413, {"detail": "a body may have 10000 bytes"})
    twice = packed(coding)(bomb)
    for codings in (f"{coding}, {coding}", f"{coding},{coding}"):
        answer = call(app, "/item", "POST", twice, content_type="application/json", content_encoding=codings)
        assert answer.status == 413
    exact = json.dumps({"id": 7, "name": "b" * 9_979}).encode()
    assert len(exact) == 10_000
    for plain, status in ((exact, 200), (exact + b" ", 413)):
        body = packed(coding)(plain)
        assert (
            call(app, "/item", "POST", body, content_type="application/json", content_encoding=coding).status == status
        )


def test_the_limit_of_routes_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit of the route's, the library's own for payloads holds."""
    from pydantic_serialization.integrations.fastapi import request_coding

    assert SerializationConfig().max_payload_bytes == request_coding.DECODED_BYTES
    monkeypatch.setattr(request_coding, "DECODED_BYTES", 100)
    body = gzip.compress(json.dumps({"id": 7, "name": "b" * 500}).encode())
    assert (
        call(make_app(), "/item", "POST", body, content_type="application/json", content_encoding="gzip").status == 413
    )


def test_what_unpacks_to_a_thousand_times_its_size_is_refused() -> None:
    """Padding compresses so well, documents do not; up to a mebibyte that is no matter."""
    app = make_app(request_compression=("zstd",))
    for padding, status in ((900_000, 200), (8_000_000, 413)):
        packed = get_codec("zstd").compressor(CompressionLevel.FAST)(BODY + b" " * padding)
        assert padding > 1000 * len(packed)
        answer = call(app, "/item", "POST", packed, content_type="application/json", content_encoding="zstd")
        assert answer.status == status
    assert answer.json() == {"detail": "a body may have 1000 times its size, unpacked"}


@pytest.mark.parametrize(
    "body",
    [b"x", gzip.compress(BODY)[:-1], gzip.compress(BODY) + b"x", zlib.compress(BODY), b"\x1f\x8b", BODY],
    ids=["no gzip", "cut", "followed", "zlib", "magic only", "not packed"],
)
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_damaged_bodies(body: bytes, coding: str) -> None:
    """What is not what its header says is refused with 400, without a word of what is in it."""
    RUNS.clear()
    answer = call(make_app(), "/item", "POST", body, content_type="application/json", content_encoding=coding)
    assert (answer.status, RUNS) == (400, [])
    assert answer.json() == {"detail": f"the body is not what its Content-Encoding says: {coding}"}


def test_errors_in_the_document_are_fastapis() -> None:
    """A packed document that is wrong is refused as the plain one is."""
    for body in (b"{", b"{}", b"[]", b'{"id":"x"}', b""):
        plain = call(make_app(), "/item", "POST", body, content_type="application/json")
        answer = call(
            make_app(), "/item", "POST", gzip.compress(body), content_type="application/json", content_encoding="gzip"
        )
        assert (answer.status, answer.json()) == (422, plain.json())
    empty = call(make_app(), "/item", "POST", b"", content_type="application/json", content_encoding="gzip")
    assert empty.status == 422


def test_what_fastapi_does_not_read_is_left_alone() -> None:
    """Bodies that the endpoint reads for itself come as they were sent, and forms are FastAPI's."""
    app = make_app()
    body = gzip.compress(BODY)
    assert call(app, "/raw", "POST", body, content_encoding="gzip").json() == ["gzip", body.hex()]
    assert call(app, "/raw", "POST", body, content_encoding="exi").json() == ["exi", body.hex()]
    form = call(app, "/form", "POST", b"name=a", content_type="application/x-www-form-urlencoded", content_encoding="x")
    assert form.json() == "a"


def test_off() -> None:
    """``request_compression=None``, and a plain route, leave it to FastAPI, which knows no codings."""
    stock = FastAPI()
    plain = FastAPI()
    plain.router.route_class = ModelRoute
    for app in (stock, plain):

        @app.post("/item")
        async def post(item: Item) -> int:
            return item.id

    expected = call(
        stock, "/item", "POST", gzip.compress(BODY), content_type="application/json", content_encoding="gzip"
    )
    for other in (plain, make_app("json", request_compression=None)):
        answer = call(
            other, "/item", "POST", gzip.compress(BODY), content_type="application/json", content_encoding="gzip"
        )
        assert (answer.status, answer.json()) == (expected.status, expected.json())


def test_chosen_codings() -> None:
    """Only the codings that a route names are understood."""
    app = make_app("json", request_compression="gzip")
    answer = call(app, "/item", "POST", packed("zstd")(BODY), content_type="application/json", content_encoding="zstd")
    assert (answer.status, answer.header("accept-encoding")) == (415, "gzip")


def test_request_classes_of_ones_own() -> None:
    """FastAPI's documented recipe, a request class that unpacks its body, goes on working."""

    class GzipRequest(Request):
        async def body(self) -> bytes:
            data = await super().body()
            return gzip.decompress(data) if "gzip" in self.headers.getlist("content-encoding") else data

    class GzipRoute(model_route("json", "msgpack")):  # type: ignore[misc]
        def get_route_handler(self) -> Any:
            handle = super().get_route_handler()

            async def unpacked(request: Request) -> Response:
                return await handle(GzipRequest(request.scope, request.receive))  # type: ignore[no-any-return]

            return unpacked

    app = FastAPI()
    app.router.route_class = GzipRoute

    @app.post("/item")
    async def post(item: Item) -> int:
        return item.id

    answer = call(app, "/item", "POST", gzip.compress(BODY), content_type="application/json", content_encoding="gzip")
    assert (answer.status, answer.json()) == (200, 7)


def test_codecs_of_the_application_do_not_go_over_http() -> None:
    """A codec with a dictionary packs the application's own payloads; clients have no dictionary."""
    samples = [json.dumps({"id": number, "name": f"name {number}"}).encode() * 3 for number in range(500)]
    dictionary = train_dictionary(samples)
    plain = packed("zstd")(BODY)
    app = make_app("json", compression="zstd", compression_threshold=1)

    @app.get("/many")
    async def many() -> list[Item]:
        return [Item(id=number, name=f"name {number}") for number in range(200)]

    register_codec(ZstdCodec(dictionary=dictionary), replace=True)
    try:
        answer = call(app, "/item", "POST", plain, content_type="application/json", content_encoding="zstd")
        assert answer.json() == 7
        answer = call(app, "/many", accept_encoding="zstd")
    finally:
        unregister_codec("zstd")
    assert answer.header("content-encoding") == "zstd"
    assert len(json.loads(ZstdCodec().decompress(answer.body, limit=100_000))) == 200


@pytest.mark.parametrize(
    "headers", [{"content-encoding": "gzip", "content-type": "application/json"}, {"content-type": MSGPACK}]
)
def test_a_client_that_leaves(headers: dict[str, str]) -> None:
    """A connection that ends in the middle of a body is no error of the server's."""
    app = make_app("json", "msgpack")
    scope_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    messages = [{"type": "http.request", "body": b"\x1f", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/item",
        "raw_path": b"/item",
        "query_string": b"",
        "root_path": "",
        "headers": scope_headers,
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
        "scheme": "http",
    }
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 400


def test_large_bodies_are_unpacked_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop goes on meanwhile."""
    from pydantic_serialization.integrations.fastapi import request_coding

    calls = []
    real = request_coding.run_in_threadpool

    async def counted(function: Any) -> Any:
        calls.append(1)
        return await real(function)

    monkeypatch.setattr(request_coding, "run_in_threadpool", counted)
    app = make_app()
    small = gzip.compress(BODY)
    large = gzip.compress(json.dumps({"id": 7, "name": "".join(map(chr, range(100, 30_000)))}).encode())
    for body, expected in ((small, 0), (large, 1)):
        calls.clear()
        answer = asyncio.run(
            acall(app, "/item", "POST", body, (("content-type", "application/json"), ("content-encoding", "gzip")))
        )
        assert (answer.json(), len(calls)) == (7, expected)


def test_openapi() -> None:
    """415 is documented where a body may be refused for its coding."""
    paths = make_app().openapi()["paths"]
    assert "415" in paths["/item"]["post"]["responses"]
    assert "415" not in paths["/raw"]["post"]["responses"]
    assert "415" not in make_app("json", request_compression=None).openapi()["paths"]["/item"]["post"]["responses"]
