"""A FastAPI application that speaks JSON and MessagePack, caches its responses, and compresses for those who ask.

Run it with ``python examples/fastapi_app.py``: it serves itself on a free loopback port, calls its own endpoints and
prints the answers. ``uvicorn --app-dir examples fastapi_app:app`` serves it for other clients; ``/docs`` shows both
formats of each endpoint.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Annotated, Any

import httpx
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel, Field

from pydantic_serialization import decoder, encoder
from pydantic_serialization.integrations.fastapi import CacheDep, ManagerDep, cached, model_route, setup

# No `from __future__ import annotations` here: FastAPI reads annotations at run time.

MAX_BODY_BYTES = 1_000_000


class ProductIn(BaseModel):
    """A product as clients send it."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    price: Annotated[Decimal, Field(gt=0, decimal_places=2)]
    tags: list[str] = []


class Product(ProductIn):
    """A product as it is returned."""

    id: int


class StoredProduct(Product):
    """A product as it is stored. What it costs us never leaves the house: the declared type decides what is written."""

    cost: Decimal = Decimal("9.99")


class Catalog:
    """The products, in a dict where an application has a database."""

    def __init__(self) -> None:
        self.reads = 0
        self._products: dict[int, StoredProduct] = {}

    async def find(self, product_id: int) -> StoredProduct:
        """Return a product."""
        self.reads += 1
        await asyncio.sleep(0)  # where a database would be awaited
        if product_id not in self._products:
            raise HTTPException(404, f"there is no product {product_id}")
        return self._products[product_id]

    async def add(self, values: ProductIn) -> StoredProduct:
        """Store a new product."""
        product = StoredProduct(id=len(self._products) + 1, **values.model_dump())
        self._products[product.id] = product
        return product

    async def replace(self, product_id: int, values: ProductIn) -> StoredProduct:
        """Store new values of a product."""
        await self.find(product_id)
        product = self._products[product_id] = StoredProduct(id=product_id, **values.model_dump())
        return product

    def all(self) -> list[StoredProduct]:
        """Return every product."""
        return list(self._products.values())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the application needs for itself; the manager is started around it."""
    app.state.catalog = Catalog()
    yield


app = FastAPI(title="Products", lifespan=lifespan)
setup(
    app,
    route_class=model_route("json", "msgpack", compression=("zstd", "gzip"), max_body_bytes=MAX_BODY_BYTES),
)


def get_catalog(request: Request) -> Catalog:
    """Return the application's catalog."""
    catalog: Catalog = request.app.state.catalog
    return catalog


CatalogDep = Annotated[Catalog, Depends(get_catalog)]


@app.get("/products")
async def list_products(catalog: CatalogDep) -> list[Product]:
    """Return all products."""
    return [*catalog.all()]


@app.get("/products/{product_id}")
@cached(300, private_by=(), tags=("product:{product_id}",))
async def get_product(product_id: int, catalog: CatalogDep) -> Product:
    """Return one product; while its bytes are cached, neither the database nor the encoder is asked."""
    return await catalog.find(product_id)


@app.post("/products", status_code=201)
async def add_product(values: ProductIn, catalog: CatalogDep) -> Product:
    """Store a new product."""
    return await catalog.add(values)


@app.put("/products/{product_id}")
async def replace_product(product_id: int, values: ProductIn, catalog: CatalogDep, cache: CacheDep) -> Product:
    """Store new values of a product, and only then drop the old bytes: a reader could cache the old values again."""
    product = await catalog.replace(product_id, values)
    await cache.invalidate(tags=[f"product:{product_id}"])
    return product


@app.get("/products.stream")
async def stream_products(catalog: CatalogDep) -> AsyncIterator[Product]:
    """Send all products one by one, as JSON lines; none waits for those behind it."""
    for product in catalog.all():
        yield product


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
            first = client.get("/products/1")
        print(f"read three times        {app.state.catalog.reads} read of the database")
        again = client.get("/products/1", headers={"If-None-Match": first.headers["etag"]})
        print(f"read by its ETag        {again.status_code}, {len(again.content)} bytes")
        client.put("/products/1", json={"name": "Lamp", "price": "17.90"})
        print(f"read after an update    {client.get('/products/1').text}")

        for number in range(100):
            client.post("/products", json={"name": f"Box {number}", "price": "1.00"})
        # httpx asks for gzip by itself, and unpacks it.
        answer = client.get("/products", headers=msgpack)
        coding, on_the_wire = answer.headers["content-encoding"], answer.headers["content-length"]
        print(f"102 as MessagePack      {len(answer.content)} bytes, {on_the_wire} of them on the wire ({coding})")
        lines = client.get("/products.stream").text.splitlines()
        print(f"102 as JSON lines       {len(lines)} lines, the last one {lines[-1]}")

        for label, headers, content in (
            ("not JSON", {"Content-Type": "application/json"}, b"{oops"),
            ("not a product", {"Content-Type": "application/json"}, b'{"name":""}'),
            ("XML", {"Content-Type": "application/xml"}, b"<product/>"),
            ("too large", {"Content-Type": "application/json"}, b" " * (MAX_BODY_BYTES + 1)),
        ):
            refused = client.post("/products", content=content, headers=headers)
            print(f"refused: {label:14} {refused.status_code}  {refused.text[:90]}")


if __name__ == "__main__":
    main()
