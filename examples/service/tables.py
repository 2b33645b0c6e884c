"""The tables, and the first products and orders in them."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from models import Details
from sqlalchemy import DateTime, Engine, ForeignKey, Numeric, insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from pydantic_serialization.integrations.sqlalchemy import ModelType

PRODUCTS, ORDERS = 500, 200


class Base(DeclarativeBase):
    """Base of the tables."""


class ProductRow(Base):
    """A product."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric(8, 2))
    cost: Mapped[Decimal] = mapped_column(Numeric(8, 2), default=Decimal("0.42"))
    details: Mapped[Details] = mapped_column(ModelType(Details))


class OrderRow(Base):
    """An order."""

    __tablename__ = "order"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))
    lines: Mapped[list["LineRow"]] = relationship(order_by="LineRow.id", lazy="raise")

    @property
    def total(self) -> Decimal:
        """What the customer pays."""
        return sum((line.price * line.quantity for line in self.lines), Decimal(0))


class LineRow(Base):
    """A line of an order."""

    __tablename__ = "line"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    quantity: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric(8, 2))


class ExportRow(Base):
    """A file that was asked for."""

    __tablename__ = "export"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="waiting")
    orders: Mapped[int] = mapped_column(default=0)


def create(engine: Engine) -> None:
    """Make the tables of an empty database, and fill them. The numbers of rows are left to the database."""
    Base.metadata.create_all(engine)
    details = Details(color="brass", grams=750, tags=["light", "desk"])
    products = [
        {"name": f"Lamp {number}", "price": Decimal(number) + Decimal("0.90"), "details": details}
        for number in range(1, PRODUCTS + 1)
    ]
    with Session(engine) as session, session.begin():
        session.execute(insert(ProductRow), products)
        for number in range(1, ORDERS + 1):
            lines = [
                LineRow(product_id=product, quantity=product % 3 + 1, price=Decimal(product) + Decimal("0.90"))
                for product in range(number, number + 3)
            ]
            session.add(OrderRow(customer=f"customer {number % 17}", lines=lines))
