"""What entries in this process cost in memory, and in full collections of the garbage collector."""

from __future__ import annotations

import gc
import time
import tracemalloc

from pydantic import BaseModel

from pydantic_serialization.cache import CacheManager

ENTRIES = 20_000
ROUNDS = 7


class Line(BaseModel):
    """A line of an order."""

    sku: str
    quantity: int
    price: float


class Order(BaseModel):
    """What an application would keep as it is, without a cache of bytes."""

    id: int
    customer: str
    lines: list[Line]


def order(number: int) -> Order:
    """Return an order with six lines."""
    lines = [Line(sku=f"SKU-{number:08}-{line}", quantity=line, price=19.99 + line) for line in range(6)]
    return Order(id=number, customer=f"customer {number}", lines=lines)


def collection() -> float:
    """Return the milliseconds of a full collection: the best of some."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()  # not the clock: others may have the processor meanwhile
        gc.collect()
        best = min(best, (time.process_time() - started) * 1000)
    return best


def footprint_table() -> None:
    """Print what so many entries cost above their payloads, beside the same as live instances in a dict."""
    print(f"\n{ENTRIES:,} entries: memory above the payload, and what a full collection takes more with them")
    print(f"{'':34}{'payload, B':>12}{'above, B':>12}{'collection, ms':>18}")
    for name, tags in (("bytes in CacheManager", False), ("bytes in CacheManager, two tags", True)):
        cache = CacheManager(max_size=ENTRIES, max_bytes=1 << 40)
        before = collection()
        tracemalloc.start()
        payload = 0
        for number in range(ENTRIES):
            data = order(number).model_dump_json().encode()
            payload += len(data) + 33  # the header of a bytes object is part of the payload
            cache.set_sync(f"order:{number}", data, tags=("orders", f"customer:{number % 500}") if tags else ())
            del data
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert cache.get_stats()["l1_cache"]["items"] == ENTRIES
        _row(name, payload, held - payload, collection() - before)
        del cache
    before = collection()
    tracemalloc.start()
    instances = {f"order:{number}": order(number) for number in range(ENTRIES)}
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    _row("live instances in a dict", 0, held, collection() - before)
    instances.clear()


def _row(name: str, payload: int, above: int, milliseconds: float) -> None:
    print(f"{name:34}{payload / ENTRIES:12.0f}{above / ENTRIES:12.0f}{milliseconds:18.1f}")
