"""The FastAPI example, called in process: formats, negotiation, refusals, compression, cache."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pydantic_serialization import decoder, encoder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

JSON = "application/json"
MSGPACK = "application/vnd.msgpack"
ALIASES = ("application/msgpack", "application/x-msgpack")
LAMP = {"name": "Lamp", "price": "19.90", "tags": ["light"]}
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
def example() -> Any:
    """Return the example as a module, with an application of its own: what one test caches, no other finds."""
    path = Path(__file__).resolve().parents[2] / "examples" / "fastapi_app.py"
    spec = importlib.util.spec_from_file_location("fastapi_app_example", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def calling(example: Any, scenario: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    """Run ``scenario`` with a client of the started application, which is stopped afterwards."""

    async def run() -> None:
        app = example.app
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://products.example", headers=PLAIN
            ) as client,
        ):
            await scenario(client)

    asyncio.run(run())


def test_json_is_the_default(example: Any) -> None:
    """Without a preference the answer is JSON, with every field and the right media type."""

    async def scenario(client: httpx.AsyncClient) -> None:
        created = await client.post("/products", json=LAMP)
        assert created.status_code == 201
        found = await client.get("/products/1")
        assert found.headers["content-type"] == JSON
        assert found.json() == created.json() == {**LAMP, "id": 1}
        assert {"Accept", "Accept-Encoding"} <= set(found.headers["vary"].split(", "))

    calling(example, scenario)


@pytest.mark.parametrize("media_type", [MSGPACK, *ALIASES])
def test_messagepack_goes_in_and_out(example: Any, media_type: str) -> None:
    """Each spelling of MessagePack is read, written and echoed, and holds what JSON holds."""
    body = encoder(example.ProductIn, "msgpack")(example.ProductIn(**LAMP))
    headers = {"Content-Type": media_type, "Accept": media_type}

    async def scenario(client: httpx.AsyncClient) -> None:
        created = await client.post("/products", content=body, headers=headers)
        assert created.status_code == 201
        assert created.headers["content-type"] == media_type
        product = decoder(example.Product, "msgpack")(created.content)
        assert product.model_dump(mode="json") == {**LAMP, "id": 1}
        assert (await client.get("/products/1")).json() == {**LAMP, "id": 1}

    calling(example, scenario)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        (MSGPACK, MSGPACK),
        ("APPLICATION/VND.MSGPACK", MSGPACK),
        (f"{JSON};q=0.5, {MSGPACK}", MSGPACK),
        (f"{MSGPACK};q=0.3 , {JSON};q=0.7", JSON),
        (f"{JSON};q=0, */*", MSGPACK),
        (f"{MSGPACK};q=1.000, {JSON};q=0.999", MSGPACK),
        (f"text/html, {ALIASES[1]};q=0.1", ALIASES[1]),
    ],
)
def test_the_media_type_is_negotiated(example: Any, accept: str, expected: str) -> None:
    """The highest q-value wins, the more specific range decides it, and the application's order breaks ties."""

    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.get("/products", headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == expected

    calling(example, scenario)


@pytest.mark.parametrize("accept", ["text/csv", f"{JSON};q=0", "*/*;q=0"])
def test_what_cannot_be_answered_is_406_and_changes_nothing(example: Any, accept: str) -> None:
    """An unacceptable request is refused before the endpoint runs."""

    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await client.post("/products", json=LAMP, headers={"Accept": accept})).status_code == 406
        assert (await client.get("/products")).json() == []

    calling(example, scenario)


@pytest.mark.parametrize("content_type", ["application/xml", "text/plain; charset=utf-8", ""])
def test_an_unknown_content_type_is_415(example: Any, content_type: str) -> None:
    """What is not spoken is refused, and the answer says what is."""

    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/products", content=b"{}", headers={"Content-Type": content_type})
        assert answer.status_code == 415
        assert answer.headers["accept"].split(", ") == [JSON, MSGPACK]

    calling(example, scenario)


def test_parameters_of_a_content_type_are_ignored(example: Any) -> None:
    """``application/json; charset=utf-8`` is JSON."""

    async def scenario(client: httpx.AsyncClient) -> None:
        headers = {"Content-Type": "Application/JSON; charset=utf-8"}
        assert (await client.post("/products", content=json.dumps(LAMP), headers=headers)).status_code == 201

    calling(example, scenario)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"name": "hunter2'),
        (JSON, b""),
        (JSON, gzip.compress(json.dumps(LAMP).encode(), mtime=0)),
        (MSGPACK, b"\x81\xa4name"),
        (MSGPACK, b""),
        (MSGPACK, json.dumps(LAMP).encode()),
    ],
)
def test_a_body_that_is_no_document_is_refused(example: Any, content_type: str, body: bytes) -> None:
    """The body must be what its Content-Type says; it is not guessed, not unpacked, and not repeated."""

    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/products", content=body, headers={"Content-Type": content_type})
        assert answer.status_code in {400, 422}
        assert "hunter2" not in answer.text

    calling(example, scenario)


@pytest.mark.parametrize("member", ["json", "msgpack"])
def test_a_document_of_the_wrong_shape_is_422(example: Any, member: str) -> None:
    """The faults are those that FastAPI would report, in its shape, whatever the format."""
    media_type = JSON if member == "json" else MSGPACK
    body = encoder(dict[str, Any], member)({"name": "", "price": "free"})

    async def scenario(client: httpx.AsyncClient) -> None:
        answer = await client.post("/products", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == 422
        faults = {tuple(item["loc"]): item["type"] for item in answer.json()["detail"]}
        assert faults == {("body", "name"): "string_too_short", ("body", "price"): "decimal_parsing"}

    calling(example, scenario)


def test_a_body_over_the_limit_is_413_even_without_a_length(example: Any) -> None:
    """Reading stops where the limit is passed, whether or not the client announced the size."""
    limit = example.MAX_BODY_BYTES
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 64_000
            yield b" " * 64_000

    async def scenario(client: httpx.AsyncClient) -> None:
        headers = {"Content-Type": JSON}
        announced = await client.post("/products", content=b" " * (limit + 1), headers=headers)
        assert announced.status_code == 413
        streamed = await client.post("/products", content=chunks(), headers=headers)
        assert streamed.status_code == 413
        assert sent < 2 * limit
        largest = json.dumps(LAMP).encode().ljust(limit)
        assert (await client.post("/products", content=largest, headers=headers)).status_code == 201

    calling(example, scenario)


def test_a_body_that_is_nested_too_deep_is_refused(example: Any) -> None:
    """However deep a document is, it is refused, and the server goes on."""

    async def scenario(client: httpx.AsyncClient) -> None:
        for media_type, body in (
            (JSON, b'{"tags":' + b"[" * 300 + b"]" * 300 + b"}"),
            (MSGPACK, b"\x81\xa4tags" + b"\x91" * 300 + b"\x90"),
        ):
            answer = await client.post("/products", content=body, headers={"Content-Type": media_type})
            assert answer.status_code in {413, 422}
        assert (await client.get("/products")).json() == []

    calling(example, scenario)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("br, gzip;q=0.5", "gzip"),
        ("zstd;q=0, *", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("br", None),
    ],
)
@pytest.mark.parametrize("media_type", [JSON, MSGPACK])
def test_gzip_is_used_if_the_client_accepts_it(
    example: Any, accepted: str, coding: str | None, media_type: str
) -> None:
    """A large body is gzipped under a Content-Encoding header if that was asked for, and is the same inside."""

    async def scenario(client: httpx.AsyncClient) -> None:
        for number in range(100):
            await client.post("/products", json={**LAMP, "name": f"Lamp {number}"})
        request = client.build_request("GET", "/products", headers={"Accept": media_type, "Accept-Encoding": accepted})
        answer = await client.send(request, stream=True)
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        assert answer.headers.get("content-encoding") == coding
        assert int(answer.headers["content-length"]) == len(raw)
        body = raw if coding is None else gzip.decompress(raw)
        products = decoder(list[example.Product], "json" if media_type == JSON else "msgpack")(body)
        assert [product.name for product in products] == [f"Lamp {number}" for number in range(100)]

    calling(example, scenario)


def test_a_small_body_is_not_compressed(example: Any) -> None:
    """Under the threshold a body stays as it is, whatever the client accepts."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/products", json=LAMP)
        answer = await client.get("/products/1", headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in answer.headers

    calling(example, scenario)


def test_what_a_product_costs_is_never_told(example: Any) -> None:
    """The endpoints return what is stored, and the declared type decides what is written: alone, in lists, in streams."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/products", json=LAMP)
        for path in ("/products/1", "/products", "/products.stream"):
            for accept in (JSON, MSGPACK):
                answer = await client.get(path, headers={"Accept": accept})
                assert answer.status_code == 200
                assert b"name" in answer.content
                assert b"cost" not in answer.content

    calling(example, scenario)


def test_a_large_cached_body_is_compressed_per_client(example: Any) -> None:
    """One cached entry serves clients with and without gzip."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/products", json={**LAMP, "tags": ["light"] * 1000})
        plain = await client.get("/products/1")
        packed = await client.get("/products/1", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.content == plain.content
        assert example.app.state.catalog.reads == 1

    calling(example, scenario)


def test_an_update_is_seen_at_once_in_every_format(example: Any) -> None:
    """What was cached in either format is gone when the answer to an update arrives."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/products", json=LAMP)
        for price in ("18.90", "17.90"):
            before = [await client.get("/products/1", headers={"Accept": accept}) for accept in (JSON, MSGPACK)]
            updated = await client.put("/products/1", json={**LAMP, "price": price})
            assert updated.json()["price"] == price
            after = [await client.get("/products/1", headers={"Accept": accept}) for accept in (JSON, MSGPACK)]
            assert price not in before[0].text
            assert after[0].json()["price"] == price
            assert str(decoder(example.Product, "msgpack")(after[1].content).price) == price

    calling(example, scenario)


def test_many_readers_at_once_read_the_database_once(example: Any) -> None:
    """Concurrent requests for what is not cached yet share one load per format."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/products", json=LAMP)
        answers = await asyncio.gather(*(client.get("/products/1") for _ in range(50)))
        assert {answer.json()["price"] for answer in answers} == {"19.90"}
        assert example.app.state.catalog.reads == 1

    calling(example, scenario)


def test_readers_never_see_a_price_older_than_a_finished_update(example: Any) -> None:
    """While others read without pause, each update is visible to every request that begins after it ended."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/products", json={**LAMP, "price": "1"})
        finished = 1
        done = False

        async def read() -> None:
            while not done:
                at_least = finished
                seen = int((await client.get("/products/1")).json()["price"])
                assert seen >= at_least

        async def update() -> None:
            nonlocal finished, done
            for price in range(2, 30):
                await client.put("/products/1", json={**LAMP, "price": str(price)})
                finished = price
            done = True

        await asyncio.gather(update(), *(read() for _ in range(5)))

    calling(example, scenario)


def test_what_is_missing_is_404_and_not_remembered(example: Any) -> None:
    """A product that was asked for too early is found when it is there."""

    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await client.get("/products/1")).status_code == 404
        assert (await client.put("/products/1", json=LAMP)).status_code == 404
        await client.post("/products", json=LAMP)
        assert (await client.get("/products/1")).status_code == 200

    calling(example, scenario)


def test_statistics_are_plain_json(example: Any) -> None:
    """The endpoint for statistics shows the cache's hits, and the settings without secrets."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/products", json=LAMP)
        for _ in range(3):
            await client.get("/products/1")
        stats = (await client.get("/stats")).json()
        assert stats["cached_manager"]["cache"]["l1_cache"]["hits"] == 2
        assert stats["config"]["signing_keys"] == 0

    calling(example, scenario)


def test_the_documentation_shows_both_formats(example: Any) -> None:
    """The OpenAPI document has an entry for each format, with the same schema."""

    async def scenario(client: httpx.AsyncClient) -> None:
        document = (await client.get("/openapi.json")).json()
        content = document["paths"]["/products"]["post"]["requestBody"]["content"]
        assert list(content) == [JSON, MSGPACK]
        assert content[JSON] == content[MSGPACK]

    calling(example, scenario)
