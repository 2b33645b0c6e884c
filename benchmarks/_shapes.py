"""The shapes that ``native_json.py`` measures: as Pydantic models, and as msgspec Structs of the same fields."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel

COUNT = 1000
"""Users in the list."""


class Shapes(NamedTuple):
    """One set of classes. A second call of :func:`models` gives a second, independent set."""

    user: type[BaseModel]
    order: type[BaseModel]


def models() -> Shapes:
    """Return new model classes."""

    class User(BaseModel):
        id: int
        name: str
        email: str
        active: bool = True
        score: float = 1.5

    class Address(BaseModel):
        street: str
        city: str
        postcode: str
        country: str

    class Item(BaseModel):
        sku: str
        quantity: int
        price: float
        name: str
        colour: str
        size: str

    class Order(BaseModel):
        id: uuid.UUID
        created: datetime
        user: User
        billing: Address
        shipping: Address | None = None
        items: list[Item]
        total: float
        note: str | None = None

    # Annotations are text in this module; the names that they mean are in this function.
    Order.model_rebuild(_types_namespace={**locals(), "uuid": uuid, "datetime": datetime})
    return Shapes(User, Order)


class UserStruct(msgspec.Struct):
    """A user, as msgspec has it."""

    id: int
    name: str
    email: str
    active: bool = True
    score: float = 1.5


class AddressStruct(msgspec.Struct):
    """An address, as msgspec has it."""

    street: str
    city: str
    postcode: str
    country: str


class ItemStruct(msgspec.Struct):
    """A line of an order, as msgspec has it."""

    sku: str
    quantity: int
    price: float
    name: str
    colour: str
    size: str


class OrderStruct(msgspec.Struct):
    """An order, as msgspec has it."""

    id: uuid.UUID
    created: datetime
    user: UserStruct
    billing: AddressStruct
    items: list[ItemStruct]
    total: float
    shipping: AddressStruct | None = None
    note: str | None = None


def user_data(number: int = 1) -> dict[str, Any]:
    """Return the fields of a user."""
    return {
        "id": number,
        "name": f"Ada Lovelace {number}",
        "email": f"ada{number}@example.com",
        "active": number % 3 != 0,
        "score": number + 0.25,
    }


def order_data() -> dict[str, Any]:
    """Return the fields of an order of twenty items."""
    return {
        "id": uuid.UUID(int=0x0123456789ABCDEF0123456789ABCDEF),
        "created": datetime(2026, 2, 3, 14, 5, 6, 789_000, tzinfo=UTC),
        "user": user_data(),
        "billing": {"street": "12 Analytical Way", "city": "London", "postcode": "NW1 5TD", "country": "GB"},
        "shipping": None,
        "items": [
            {
                "sku": f"SKU-{number:04}",
                "quantity": number % 4 + 1,
                "price": 9.99 + number,
                "name": f"item {number}",
                "colour": "blue",
                "size": "XL",
            }
            for number in range(20)
        ],
        "total": 389.8,
        "note": None,
    }
