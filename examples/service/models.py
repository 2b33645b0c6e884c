"""What the shop says and hears: the models of requests, responses and jobs."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, WithJsonSchema

# What PostgreSQL cannot store is refused at the door, with 422, and the OpenAPI document says so.
LARGEST = 2**31 - 1
Id = Annotated[int, Field(ge=1, le=LARGEST)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
# Pydantic's own schema of a Decimal lets texts pass that are no prices, such as "" and "0".
PRICE_SCHEMA = {"type": "string", "pattern": r"^[1-9][0-9]{0,5}(\.[0-9]{1,2})?$", "examples": ["19.90"]}
Price = Annotated[Decimal, Field(ge=1, max_digits=8, decimal_places=2), WithJsonSchema(PRICE_SCHEMA)]


class Details(BaseModel):
    """What is good to know about a product: a model in a column of the database."""

    color: Name = "white"
    grams: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    tags: Annotated[list[Name], Field(max_length=10)] = []


class ProductIn(BaseModel):
    """A product as clients send it."""

    name: Name
    price: Price
    details: Details = Details()


class Product(ProductIn):
    """A product as everybody may see it. What it costs the shop is in the table, and not here."""

    id: Id


class Line(BaseModel):
    """So many pieces of one product."""

    product_id: Id
    quantity: Annotated[int, Field(ge=1, le=1000)]


class PricedLine(Line):
    """A line with the price of one piece when it was ordered."""

    price: Price


class OrderIn(BaseModel):
    """An order as clients send it."""

    customer: Name
    lines: Annotated[list[Line], Field(min_length=1, max_length=100)]


class Order(BaseModel):
    """An order as it was accepted."""

    id: Id
    customer: Name
    created: datetime
    lines: list[PricedLine]
    total: Decimal


class Export(BaseModel):
    """A file with all orders, which the worker writes."""

    id: UUID
    state: Literal["waiting", "ready", "failed"]
    orders: int = 0


class ExportJob(BaseModel):
    """What the worker is told."""

    export_id: UUID


class Problem(BaseModel):
    """What an error says."""

    detail: str
