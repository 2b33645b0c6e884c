"""The same service without the library, as FastAPI's and SQLAlchemy's documentation have it: what the load compares with.

Tables, models and queries are the same. Rows go to FastAPI, which makes models of them (``from_attributes``) and JSON of
those; there is no other format, and no cache. The routes that the load calls are all here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from app import After, Limit
from fastapi import Depends, FastAPI, HTTPException, Request
from models import Id, Order, OrderIn, Product
from settings import read_settings
from shop import PAGE, orders_after, products_after
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from tables import LineRow, OrderRow, ProductRow


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Give a session for one request."""
    async with request.app.state.sessions() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the database."""
    engine = create_async_engine(read_settings().database_url, pool_size=5)
    app.state.sessions = async_sessionmaker(engine)
    yield
    await engine.dispose()


app = FastAPI(title="Shop", lifespan=lifespan)


@app.get("/products", response_model=list[Product])
async def list_products(session: SessionDep, after: After = 0, limit: Limit = 100) -> Any:
    """Return a page of products."""
    return (await session.scalars(products_after(after).limit(limit))).all()


@app.get("/products/{product_id}", response_model=Product)
async def get_product(product_id: Id, session: SessionDep) -> Any:
    """Return one product."""
    row = await session.get(ProductRow, product_id)
    if row is None:
        raise HTTPException(404, f"there is no product {product_id}")
    return row


@app.get("/products.stream")
async def stream_products(session: SessionDep) -> AsyncIterator[Product]:
    """Send all products, one by one."""
    last = 0
    while page := (await session.scalars(products_after(last).limit(PAGE))).all():
        for row in page:
            yield Product.model_validate(row, from_attributes=True)
        last = page[-1].id


@app.get("/orders", response_model=list[Order])
async def list_orders(session: SessionDep, after: After = 0, limit: Limit = 100) -> Any:
    """Return a page of orders."""
    return (await session.scalars(orders_after(after).limit(limit))).all()


@app.post("/orders", status_code=201)
async def add_order(values: OrderIn, session: SessionDep) -> Order:
    """Accept an order."""
    wanted = {line.product_id for line in values.lines}
    known = await session.execute(select(ProductRow.id, ProductRow.price).where(ProductRow.id.in_(wanted)))
    prices = {row.id: row.price for row in known}
    if missing := wanted - set(prices):
        raise HTTPException(404, f"there is no product {min(missing)}")
    lines = [LineRow(**dict(line), price=prices[line.product_id]) for line in values.lines]
    row = OrderRow(customer=values.customer, lines=lines)
    session.add(row)
    await session.flush()
    order = Order.model_validate(row, from_attributes=True)
    await session.commit()
    return order
