"""The service: ``uvicorn --factory app:create_app``, with the settings in the environment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse
from faststream.redis import RedisBroker
from jobs import EXPORTS, make_broker, open_queue
from models import LARGEST, Export, ExportJob, Id, Order, OrderIn, Problem, Product, ProductIn
from settings import Settings, read_settings
from shop import NotFoundError, Shop
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.responses import JSONResponse

from pydantic_serialization import create_serialization_config
from pydantic_serialization.integrations.fastapi import CacheDep, cached, model_route, setup

# No `from __future__ import annotations` here: FastAPI reads annotations at run time.

SpeaksBoth = model_route("json", "msgpack", compression=("zstd", "gzip"), max_body_bytes=1_000_000)
router = APIRouter(route_class=SpeaksBoth)


async def get_shop(request: Request) -> Shop:
    """Return the shop of the application."""
    shop: Shop = request.app.state.shop
    return shop


async def get_broker(request: Request) -> RedisBroker:
    """Return the way to the worker."""
    broker: RedisBroker = request.app.state.broker
    return broker


async def get_exports(request: Request) -> Path:
    """Return where the worker puts its files."""
    exports: Path = request.app.state.exports
    return exports


ShopDep = Annotated[Shop, Depends(get_shop)]
After = Annotated[int, Query(ge=0, le=LARGEST, description="the last id of the page before")]
Limit = Annotated[int, Query(ge=1, le=500)]
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}
UNREADABLE: dict[int | str, dict[str, Any]] = {400: {"model": Problem, "description": "the body is no text"}}


@router.get("/products")
@cached(60, private_by=(), tags=("products",), stale=300)
async def list_products(shop: ShopDep, after: After = 0, limit: Limit = 100) -> list[Product]:
    """Return a page of products. The bytes are kept in Redis until a product changes, with an ETag for each format."""
    return await shop.products(after, limit)


@router.get("/products/{product_id}", responses=MISSING)
async def get_product(product_id: Id, shop: ShopDep) -> Product:
    """Return one product."""
    return await shop.product(product_id)


@router.post("/products", status_code=201, responses=UNREADABLE)
async def add_product(values: ProductIn, shop: ShopDep, cache: CacheDep) -> Product:
    """Store a new product, and drop the pages that do not show it."""
    product = await shop.add_product(values)
    await cache.invalidate(tags=["products"])
    return product


@router.put("/products/{product_id}", responses={**UNREADABLE, **MISSING})
async def replace_product(product_id: Id, values: ProductIn, shop: ShopDep, cache: CacheDep) -> Product:
    """Store new values of a product; only after the commit the old bytes are dropped."""
    product = await shop.replace_product(product_id, values)
    await cache.invalidate(tags=["products"])
    return product


@router.get("/products.stream")
async def stream_products(shop: ShopDep) -> AsyncIterator[Product]:
    """Send all products, one by one: JSON lines, or MessagePack documents."""
    async for product in shop.all_products():
        yield product


@router.get("/orders")
async def list_orders(shop: ShopDep, after: After = 0, limit: Limit = 100) -> list[Order]:
    """Return a page of orders, which is never cached."""
    return await shop.orders(after, limit)


@router.post("/orders", status_code=201, responses={**UNREADABLE, **MISSING})
async def add_order(values: OrderIn, shop: ShopDep) -> Order:
    """Accept an order."""
    return await shop.add_order(values)


@router.post("/exports", status_code=202)
async def start_export(shop: ShopDep, broker: Annotated[RedisBroker, Depends(get_broker)]) -> Export:
    """Have the worker write a file with all orders; what is asked for is committed before the worker hears of it."""
    export = await shop.new_export()
    await broker.publish(ExportJob(export_id=export.id), stream=EXPORTS)
    return export


@router.get("/exports/{export_id}", responses=MISSING)
async def get_export(export_id: UUID, shop: ShopDep) -> Export:
    """Say how far the worker is."""
    return await shop.export(export_id)


@router.get(
    "/exports/{export_id}/file",
    response_class=FileResponse,
    responses={**MISSING, 200: {"content": {"application/gzip": {}}}, 409: {"model": Problem}},
)
async def get_export_file(export_id: UUID, shop: ShopDep, exports: Annotated[Path, Depends(get_exports)]) -> Any:
    """Send the file: gzipped JSON lines."""
    if (await shop.export(export_id)).state != "ready":
        raise HTTPException(409, "the file is not ready")
    return FileResponse(exports / f"{export_id}.jsonl.gz", media_type="application/gzip")


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application.

    Args:
        settings: The settings; those of the environment if ``None``.
    """
    chosen = settings or read_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = create_async_engine(chosen.database_url, pool_size=5)
        async with make_broker(chosen) as broker:
            await open_queue(broker)
            app.state.shop, app.state.broker, app.state.exports = Shop(engine), broker, chosen.exports
            yield
        await engine.dispose()

    app = FastAPI(title="Shop", lifespan=lifespan)
    config = create_serialization_config(
        redis_url=chosen.redis_url,
        signing_keys=chosen.signing_key.get_secret_value(),
        cache_namespace="shop",
    )
    setup(app, config=config, route_class=SpeaksBoth)
    app.include_router(router)
    app.add_exception_handler(NotFoundError, answer_missing)
    return app


async def answer_missing(_: Request, error: Exception) -> JSONResponse:
    """Answer 404."""
    return JSONResponse({"detail": str(error)}, 404)
