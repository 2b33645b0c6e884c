"""The models that the tests of this folder send."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel

from pydantic_serialization.integrations.queues import TaggedCodec


class Order(BaseModel):
    number: int
    total: Decimal
    placed: date
    lines: list[str] = []


class PaidOrder(Order):
    card: str = "4111-SECRET"


class Receipt(BaseModel):
    order: Order
    note: str = ""


ORDER = Order(number=7, total=Decimal("19.90"), placed=date(2025, 3, 1), lines=["lamp"])
PAID = PaidOrder(**ORDER.model_dump())
CODEC = TaggedCodec({"order": Order, "receipt": Receipt})
