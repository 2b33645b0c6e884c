"""A FastAPI application that speaks JSON and MessagePack, caches what it serialized, and compresses for those who ask.

Run it with ``python examples/fastapi_app.py``: it serves itself on a free loopback port, calls its own endpoints and
prints the answers. ``uvicorn --app-dir examples fastapi_app:app`` serves it for other clients.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import httpx
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from pydantic_serialization import (
    DecodeError,
    LimitExceededError,
    OptimizedSerializationManager,
    SerializationConfig,
    SerializationFormat,
    SerializationUtils,
    create_serialization_manager,
    decoder,
    encoder,
    serialized,
)

# No `from __future__ import annotations` here: FastAPI reads annotations at run time.

MEDIA_TYPES = {
    "application/json": SerializationFormat.ORJSON,
    "application/vnd.msgpack": SerializationFormat.MSGPACK,  # registered with IANA; the next two are older spellings
    "application/msgpack": SerializationFormat.MSGPACK,
    "application/x-msgpack": SerializationFormat.MSGPACK,
}
"""What is spoken, in the order of preference where a client has none."""

MAX_BODY_BYTES = 1_000_000

# An HTTP body must be what its Content-Type says. So the manager leaves compression to the Content-Encoding header
# below, and refuses what a format cannot represent instead of falling back to another one in a sealed frame.
HTTP = SerializationConfig(enable_compression=False, fallback_format=None, cache_ttl=300)
GZIP = SerializationConfig(compression_codec="gzip", compression_threshold=1024)

ModelT = TypeVar("ModelT", bound=BaseModel)


class ProductIn(BaseModel):
    """A product as clients send it."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    price: Annotated[Decimal, Field(gt=0, decimal_places=2)]
    tags: list[str] = []


class Product(ProductIn):
    """A product as it is stored and returned."""

    id: int


def product_key(product_id: int) -> str:
    """Return the cache key of a product. One function for readers and writers: they cannot disagree."""
    return f"product:{product_id}"


class Catalog:
    """The products, in a dict where an application has a database, and their cached bytes."""

    def __init__(self, manager: OptimizedSerializationManager) -> None:
        self.reads = 0
        self._manager = manager
        self._products: dict[int, Product] = {}
        # One cached function per format. They share their keys, so invalidating a key drops it in every format.
        self._as_bytes: dict[SerializationFormat, Callable[[int], Coroutine[Any, Any, bytes]]] = {
            member: serialized(member, key=product_key, manager=manager)(self.find)
            for member in set(MEDIA_TYPES.values())
        }

    async def find(self, product_id: int) -> Product:
        """Return a product; an exception is never cached."""
        self.reads += 1
        await asyncio.sleep(0)  # where a database would be awaited
        if product_id not in self._products:
            raise HTTPException(404, f"there is no product {product_id}")
        return self._products[product_id]

    async def find_bytes(self, product_id: int, member: SerializationFormat) -> bytes:
        """Return a product's bytes: neither the database nor the encoder is asked while they are cached."""
        return await self._as_bytes[member](product_id)

    async def add(self, values: ProductIn) -> Product:
        """Store a new product."""
        product = Product(id=len(self._products) + 1, **values.model_dump())
        self._products[product.id] = product
        return product

    async def replace(self, product_id: int, values: ProductIn) -> Product:
        """Store new values, and only then drop the old bytes: earlier, a reader could cache the old values again."""
        if product_id not in self._products:
            raise HTTPException(404, f"there is no product {product_id}")
        product = self._products[product_id] = Product(id=product_id, **values.model_dump())
        await self._manager.invalidate(product_key(product_id))
        return product

    def all(self) -> list[Product]:
        """Return every product."""
        return list(self._products.values())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make one manager for the whole application, and let it finish its background work at the end."""
    async with create_serialization_manager(HTTP) as manager:
        app.state.manager = manager
        app.state.catalog = Catalog(manager)
        yield


app = FastAPI(title="Products", lifespan=lifespan)


def get_manager(request: Request) -> OptimizedSerializationManager:
    """Return the application's manager; tests may override it in ``app.dependency_overrides``."""
    manager: OptimizedSerializationManager = request.app.state.manager
    return manager


def get_catalog(request: Request) -> Catalog:
    """Return the application's catalog."""
    catalog: Catalog = request.app.state.catalog
    return catalog


ManagerDep = Annotated[OptimizedSerializationManager, Depends(get_manager)]
CatalogDep = Annotated[Catalog, Depends(get_catalog)]


def qualities(headers: list[str]) -> dict[str, float]:
    """Return what Accept or Accept-Encoding headers list, with its q-value: 1 where none is given."""
    found = {}
    for item in ",".join(headers).lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        value = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = 0.0
    return found


def negotiate(request: Request) -> str:
    """Return the media type to answer in: the highest q-value, the most specific range first (RFC 9110, 12.5.1)."""
    wanted = qualities(request.headers.getlist("accept") or ["*/*"])

    def quality(media_type: str) -> float:
        return wanted.get(media_type, wanted.get("application/*", wanted.get("*/*", 0.0)))

    best = max(MEDIA_TYPES, key=quality)
    if quality(best) <= 0:
        raise HTTPException(406, f"this API speaks {', '.join(MEDIA_TYPES)}")
    return best


# A dependency, so that an unacceptable request is refused before the endpoint changes anything.
MediaTypeDep = Annotated[str, Depends(negotiate)]


async def limited_body(request: Request) -> bytes:
    """Return the request's body, and stop reading where it gets too large to be kept in memory."""
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise HTTPException(413, f"a body may have {MAX_BODY_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def body_of(model_class: type[ModelT]) -> Callable[..., Coroutine[Any, Any, ModelT]]:
    """Return a dependency that reads the body as ``model_class``, in the format that Content-Type says it is.

    It reads with ``decoder`` and not with the manager: a manager also opens what is compressed or sealed, and a body of
    a few kilobytes could then unfold to far more than ``MAX_BODY_BYTES``.
    """
    decoders = {media_type: decoder(model_class, member) for media_type, member in MEDIA_TYPES.items()}

    async def read(request: Request) -> ModelT:
        decode = decoders.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
        if decode is None:
            supported = ", ".join(MEDIA_TYPES)
            raise HTTPException(415, f"send one of {supported}", headers={"Accept": supported})
        body = await limited_body(request)
        try:
            return decode(body)
        # Caught here and not in an exception handler of the application: a ValidationError that comes out of the
        # application's own data is a fault of the server, not of the client.
        except ValidationError as error:
            problems = error.errors(include_url=False)
            raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in problems]) from error
        except LimitExceededError as error:
            raise HTTPException(413, str(error)) from error
        except DecodeError as error:
            raise HTTPException(400, str(error)) from error

    return read


ProductBody = Annotated[ProductIn, Depends(body_of(ProductIn))]


async def respond(request: Request, body: bytes, media_type: str, status_code: int = 200) -> Response:
    """Return the response for serialized bytes, gzipped where that pays and the client accepts it."""
    headers = {"Vary": "Accept, Accept-Encoding"}
    codings = qualities(request.headers.getlist("accept-encoding"))
    if codings.get("gzip", codings.get("*", 0.0)) > 0 and SerializationUtils.should_compress(len(body), GZIP):
        # In a thread: compressing a large body would hold up every other request.
        body = await asyncio.to_thread(SerializationUtils.compress_data, body, GZIP)
        if (
            SerializationUtils.detect_compression(body) == "gzip"
        ):  # it stays as it is where compression saves too little
            headers["Content-Encoding"] = "gzip"
    return Response(body, status_code, headers, media_type)


@app.get("/products")
async def list_products(
    request: Request, media_type: MediaTypeDep, manager: ManagerDep, catalog: CatalogDep
) -> Response:
    """Return all products in one payload."""
    body = await manager.serialize_models(catalog.all(), MEDIA_TYPES[media_type], model_class=Product)
    return await respond(request, body, media_type)


@app.get("/products/{product_id}")
async def get_product(request: Request, product_id: int, media_type: MediaTypeDep, catalog: CatalogDep) -> Response:
    """Return one product, from the cache where it is."""
    return await respond(request, await catalog.find_bytes(product_id, MEDIA_TYPES[media_type]), media_type)


@app.post("/products", status_code=201)
async def add_product(
    request: Request, media_type: MediaTypeDep, values: ProductBody, manager: ManagerDep, catalog: CatalogDep
) -> Response:
    """Store a new product."""
    body = await manager.serialize_model(await catalog.add(values), MEDIA_TYPES[media_type])
    return await respond(request, body, media_type, 201)


@app.put("/products/{product_id}")
async def replace_product(
    request: Request,
    product_id: int,
    media_type: MediaTypeDep,
    values: ProductBody,
    manager: ManagerDep,
    catalog: CatalogDep,
) -> Response:
    """Store new values of a product; the next reader gets them."""
    body = await manager.serialize_model(await catalog.replace(product_id, values), MEDIA_TYPES[media_type])
    return await respond(request, body, media_type)


@app.get("/stats")
async def stats(manager: ManagerDep) -> dict[str, Any]:
    """Return counts and times. They hold no secrets and no payloads, but are meant for operators all the same."""
    return {**manager.get_stats()}


@contextmanager
def running_server() -> Iterator[str]:
    """Serve the application on a free loopback port in a thread; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def main() -> None:
    """Call the endpoints and print what they answer."""
    msgpack = {"Accept": "application/vnd.msgpack"}
    with running_server() as address, httpx.Client(base_url=address) as client:
        lamp = client.post("/products", json={"name": "Lamp", "price": "19.90", "tags": ["light"]})
        print(f"created as JSON         {lamp.status_code}  {lamp.text}")

        chair = encoder(ProductIn, "msgpack")(ProductIn(name="Chair", price=Decimal("49.00")))
        answer = client.post("/products", content=chair, headers={**msgpack, "Content-Type": "application/vnd.msgpack"})
        print(f"created as MessagePack  {answer.status_code}  {decoder(Product, 'msgpack')(answer.content)!r}")

        for _ in range(3):
            client.get("/products/1")
        print(f"read three times        {app.state.catalog.reads} read of the database")
        client.put("/products/1", json={"name": "Lamp", "price": "17.90"})
        print(f"read after an update    {client.get('/products/1').text}")

        for number in range(100):
            client.post("/products", json={"name": f"Box {number}", "price": "1.00"})
        # httpx asks for gzip by itself, and unpacks it.
        answer = client.get("/products", headers=msgpack)
        coding, on_the_wire = answer.headers["content-encoding"], answer.headers["content-length"]
        print(f"102 as MessagePack      {len(answer.content)} bytes, {on_the_wire} of them on the wire ({coding})")

        for label, headers, content in (
            ("not JSON", {"Content-Type": "application/json"}, b"{oops"),
            ("not a product", {"Content-Type": "application/json"}, b'{"name":""}'),
            ("XML", {"Content-Type": "application/xml"}, b"<product/>"),
            ("too large", {"Content-Type": "application/json"}, b" " * (MAX_BODY_BYTES + 1)),
        ):
            refused = client.post("/products", content=content, headers=headers)
            print(f"refused: {label:14} {refused.status_code}  {refused.text[:90]}")

        cache = client.get("/stats").json()["cached_manager"]["cache"]["l1_cache"]
        print(f"cache                   {cache['hits']} hits, {cache['misses']} misses")


if __name__ == "__main__":
    main()
