"""The queries of the shop. A session lives as long as one query or one change."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

from models import Export, Order, OrderIn, Product, ProductIn
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, selectinload
from tables import ExportRow, LineRow, OrderRow, ProductRow

from pydantic_serialization.integrations.sqlalchemy import fetch_models, fetch_models_sync

PAGE = 200


class NotFoundError(LookupError):
    """What was asked for is not there."""


class Shop:
    """Products, orders and exports in a database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions = async_sessionmaker(engine)

    async def products(self, after: int, limit: int) -> list[Product]:
        """Return the products with the next higher ids."""
        async with self._sessions() as session:
            return await fetch_models(session, products_after(after).limit(limit), Product)

    async def product(self, product_id: int) -> Product:
        """Return a product.

        Raises:
            NotFoundError: there is none.
        """
        async with self._sessions() as session:
            row = await session.get(ProductRow, product_id)
            if row is None:
                raise NotFoundError(f"there is no product {product_id}")
            return Product.model_validate(row, from_attributes=True)

    async def add_product(self, values: ProductIn) -> Product:
        """Store a new product."""
        async with self._sessions.begin() as session:
            row = ProductRow(**dict(values))
            session.add(row)
            return await _stored(session, row)

    async def replace_product(self, product_id: int, values: ProductIn) -> Product:
        """Store new values of a product; :class:`NotFoundError` if there is none."""
        async with self._sessions.begin() as session:
            row = await session.get(ProductRow, product_id)
            if row is None:
                raise NotFoundError(f"there is no product {product_id}")
            for name, value in values:
                setattr(row, name, value)
            return await _stored(session, row)

    async def orders(self, after: int, limit: int) -> list[Order]:
        """Return the orders with the next higher ids, with their lines."""
        async with self._sessions() as session:
            return await fetch_models(session, orders_after(after).limit(limit), Order)

    async def add_order(self, values: OrderIn) -> Order:
        """Store an order at today's prices; :class:`NotFoundError` if a product is unknown."""
        wanted = {line.product_id for line in values.lines}
        async with self._sessions.begin() as session:
            known = await session.execute(select(ProductRow.id, ProductRow.price).where(ProductRow.id.in_(wanted)))
            prices = {row.id: row.price for row in known}
            if missing := wanted - set(prices):
                raise NotFoundError(f"there is no product {min(missing)}")
            lines = [LineRow(**dict(line), price=prices[line.product_id]) for line in values.lines]
            row = OrderRow(customer=values.customer, lines=lines)
            session.add(row)
            await session.flush()
            return Order.model_validate(row, from_attributes=True)

    async def all_products(self) -> AsyncIterator[Product]:
        """Yield every product, page by page; no page waits for the next."""
        last = 0
        while page := await self.products(last, PAGE):
            for product in page:
                yield product
            last = page[-1].id

    async def new_export(self) -> Export:
        """Note that a file is wanted."""
        async with self._sessions.begin() as session:
            row = ExportRow(id=uuid4(), state="waiting", orders=0)
            session.add(row)
            return Export.model_validate(row, from_attributes=True)

    async def export(self, export_id: UUID) -> Export:
        """Return what is known of a file; :class:`NotFoundError` if it was never asked for."""
        async with self._sessions() as session:
            row = await session.get(ExportRow, export_id)
            if row is None:
                raise NotFoundError(f"there is no export {export_id}")
            return Export.model_validate(row, from_attributes=True)


async def _stored(session: AsyncSession, row: ProductRow) -> Product:
    """Return a product as the database has it: 1.5 has become 1.50."""
    await session.flush()
    await session.refresh(row)
    return Product.model_validate(row, from_attributes=True)


def products_after(last: int) -> Select[Any]:
    """Return the query for products with higher ids."""
    return select(ProductRow).where(ProductRow.id > last).order_by(ProductRow.id)


def orders_after(last: int) -> Select[Any]:
    """Return the query for orders with higher ids: two statements, however many orders there are."""
    lines = selectinload(OrderRow.lines)
    return select(OrderRow).where(OrderRow.id > last).order_by(OrderRow.id).options(lines)


def every_order(session: Session) -> Iterator[Order]:
    """Yield every order, page by page: memory holds one page."""
    last = 0
    while page := fetch_models_sync(session, orders_after(last).limit(PAGE), Order):
        yield from page
        last = page[-1].id
