"""The example service, whole: real processes, a real PostgreSQL, a real Redis; every route, in both formats."""

from __future__ import annotations

import gzip
import importlib.util
import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import httpx
import ormsgpack
import pytest
import redis

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = Path(__file__).resolve().parents[2] / "examples" / "service"
JSON, MSGPACK, LINES = "application/json", "application/vnd.msgpack", "application/jsonl"
LAMP = {"name": "Desk lamp", "price": "19.9", "details": {"color": "red", "grams": 900, "tags": ["desk"]}}
ORDER = {"customer": "Ada", "lines": [{"product_id": 2, "quantity": 3}, {"product_id": 4, "quantity": 1}]}

WRITERS: dict[str, Callable[[Any], bytes]] = {JSON: lambda value: json.dumps(value).encode(), MSGPACK: ormsgpack.packb}
READERS: dict[str, Callable[[bytes], Any]] = {JSON: json.loads, MSGPACK: ormsgpack.unpackb}

both_formats = pytest.mark.parametrize("media_type", [JSON, MSGPACK])


class Speaker:
    """A client that says and hears one format."""

    def __init__(self, client: httpx.Client, media_type: str) -> None:
        self.client = client
        self.media_type = media_type

    def call(self, method: str, path: str, value: Any = None, *, status: int = 200) -> Any:
        headers = {"Accept": self.media_type}
        content = None
        if value is not None:
            headers["Content-Type"] = self.media_type
            content = WRITERS[self.media_type](value)
        answer = self.client.request(method, path, content=content, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, self.media_type), answer.text
        return READERS[self.media_type](answer.content)


@pytest.fixture
def speaker(shop: httpx.Client, media_type: str) -> Speaker:
    return Speaker(shop, media_type)


@both_formats
def test_products_are_listed_page_by_page(speaker: Speaker) -> None:
    """A page begins after the last id of the one before, and what a product costs the shop is on none."""
    first = speaker.call("GET", "/products?limit=3")
    second = speaker.call("GET", f"/products?limit=3&after={first[-1]['id']}")
    assert [product["id"] for product in first + second] == [1, 2, 3, 4, 5, 6]
    assert set(first[0]) == {"name", "price", "details", "id"}


@both_formats
def test_a_product_is_added_read_and_replaced(speaker: Speaker) -> None:
    """What was written is read back as the database has it, the model in its column included."""
    added = speaker.call("POST", "/products", LAMP, status=201)
    assert added == {**LAMP, "price": "19.90", "id": added["id"]}
    path = f"/products/{added['id']}"
    assert speaker.call("GET", path) == added
    replaced = speaker.call("PUT", path, {**LAMP, "price": "17"})
    assert replaced == speaker.call("GET", path) == {**added, "price": "17.00"}


@both_formats
def test_a_kept_page_is_named_by_its_etag_until_a_product_changes(speaker: Speaker, media_type: str) -> None:
    """The bytes are kept: 304 for who has them; after a write there are new ones, in every format."""
    page, headers = "/products?after=9&limit=5", {"Accept": media_type}
    first = speaker.client.get(page, headers=headers)
    etag = first.headers["etag"]
    again = speaker.client.get(page, headers={**headers, "If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    name = f"New name, told in {media_type}"
    for accept in (JSON, MSGPACK):
        speaker.client.get(page, headers={"Accept": accept})
    speaker.call("PUT", "/products/10", {**LAMP, "name": name})
    for accept in (JSON, MSGPACK):
        fresh = speaker.client.get(page, headers={"Accept": accept, "If-None-Match": etag})
        assert fresh.status_code == 200
        assert READERS[accept](fresh.content)[0]["name"] == name


PATIENCE = 120.0
"""Seconds that another process may take."""


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.05)


def test_pages_are_kept_in_redis_and_signed(running_shop: Any, shop: httpx.Client) -> None:
    """The processes of the service share what is kept, and nobody else can put anything there."""
    shop.get("/products?limit=7")
    with redis.Redis.from_url(running_shop.environment["SHOP_REDIS_URL"]) as server:
        wait_until(lambda: set(server.scan_iter("shop:*")) - {b"shop:exports"})


@both_formats
def test_orders_are_accepted_at_the_price_of_the_day(speaker: Speaker) -> None:
    """An order has the prices that the products have now, their sum, and is on the list."""
    order = speaker.call("POST", "/orders", ORDER, status=201)
    assert [line["price"] for line in order["lines"]] == ["2.90", "4.90"]
    assert order["total"] == "13.60"
    assert speaker.call("GET", f"/orders?after={order['id'] - 1}&limit=1") == [order]


@both_formats
def test_the_worker_writes_the_file_that_was_asked_for(speaker: Speaker) -> None:
    """The job goes through Redis to another process; the file has every order, and appears when it is complete."""
    export = speaker.call("POST", "/exports", status=202)
    path = f"/exports/{export['id']}"
    done = finished(speaker, path)
    file = speaker.client.get(f"{path}/file")
    assert (file.status_code, file.headers["content-type"]) == (200, "application/gzip")
    orders = [json.loads(line) for line in gzip.decompress(file.content).splitlines()]
    assert done == {"id": export["id"], "state": "ready", "orders": len(orders)}
    listed = speaker.client.get("/orders?limit=500").json()
    assert orders == listed[: len(orders)]


def finished(speaker: Speaker, path: str) -> Any:
    """Wait until an export is no longer waiting."""
    wait_until(lambda: speaker.call("GET", path)["state"] != "waiting")
    return speaker.call("GET", path)


def test_a_job_of_a_worker_that_died_is_done_by_another(running_shop: Any, shop: httpx.Client) -> None:
    """A job that was taken, and not confirmed for a minute, goes to a worker that lives."""
    speaker = Speaker(shop, JSON)
    export = speaker.call("POST", "/exports", status=202)["id"]
    finished(speaker, f"/exports/{export}")
    file = Path(running_shop.environment["SHOP_EXPORTS"], f"{export}.jsonl.gz")
    file.unlink()
    abandon_last_job(running_shop)
    assert file.exists()
    assert speaker.call("GET", f"/exports/{export}")["state"] == "ready"


def test_an_export_that_cannot_be_written_has_failed(running_shop: Any, shop: httpx.Client) -> None:
    """It says so, has no file, and is not tried for ever."""
    speaker = Speaker(shop, JSON)
    export = speaker.call("POST", "/exports", status=202)["id"]
    finished(speaker, f"/exports/{export}")
    file = Path(running_shop.environment["SHOP_EXPORTS"], f"{export}.jsonl.gz")
    file.unlink()
    file.mkdir()  # nothing can take this name now
    abandon_last_job(running_shop)
    assert speaker.call("GET", f"/exports/{export}")["state"] == "failed"
    assert speaker.call("GET", f"/exports/{export}/file", status=409)["detail"] == "the file is not ready"


def abandon_last_job(running_shop: Any) -> None:
    """Leave the last job as a worker does that was killed two minutes ago; return when another has confirmed it."""
    with redis.Redis.from_url(running_shop.environment["SHOP_REDIS_URL"]) as server:
        wait_until(lambda: not server.xpending("shop:exports", "workers")["pending"])  # it notes the end, then confirms
        ((number, _),) = server.xrevrange("shop:exports", count=1)
        server.xclaim("shop:exports", "workers", "dead", 0, [number], idle=120_000, force=True)
        wait_until(lambda: not server.xpending("shop:exports", "workers")["pending"])


@both_formats
def test_the_stream_has_every_product(speaker: Speaker, media_type: str) -> None:
    """As JSON lines, or as MessagePack documents one after the other: the same products."""
    accept = LINES if media_type == JSON else MSGPACK
    answer = speaker.client.get("/products.stream", headers={"Accept": accept})
    assert answer.headers["content-type"] == accept
    listed = speaker.call("GET", "/products?limit=500")
    if media_type == JSON:
        lines = answer.content.splitlines()  # of text there are more: a name may have U+2028 in it
        assert [json.loads(line) for line in lines][:500] == listed
    else:
        assert answer.content.startswith(b"".join(ormsgpack.packb(product) for product in listed))


@both_formats
def test_what_is_missing_is_404(speaker: Speaker) -> None:
    """In the format that was asked for, and whatever was looked for."""
    for path in ("/products/999999", "/exports/00000000-0000-0000-0000-000000000000"):
        assert "there is no" in speaker.call("GET", path, status=404)["detail"]
    assert "product 999999" in speaker.call("PUT", "/products/999999", LAMP, status=404)["detail"]
    unknown = {**ORDER, "lines": [{"product_id": 999_999, "quantity": 1}]}
    assert "product 999999" in speaker.call("POST", "/orders", unknown, status=404)["detail"]


@both_formats
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/products", {**LAMP, "name": "a\0b"}),
        ("/products", {**LAMP, "price": "1.234"}),
        ("/products", {**LAMP, "details": {"grams": -1}}),
        ("/orders", {**ORDER, "lines": []}),
        ("/orders", {**ORDER, "lines": [{"product_id": 2**31, "quantity": 1}]}),
    ],
)
def test_what_the_database_could_not_store_is_422(speaker: Speaker, path: str, value: Any) -> None:
    """It is refused at the door, with FastAPI's list of faults."""
    assert speaker.call("POST", path, value, status=422)["detail"][0]["loc"][0] == "body"


def test_formats_and_sizes_that_nobody_speaks_are_refused(shop: httpx.Client) -> None:
    """406 and 415 say what is spoken; 413 comes before a large body is read."""
    assert shop.get("/products", headers={"Accept": "text/html"}).status_code == 406
    refused = shop.post("/products", content=b"<a/>", headers={"Content-Type": "application/xml"})
    assert (refused.status_code, refused.headers["accept"]) == (415, f"{JSON}, {MSGPACK}")
    large = shop.post("/products", content=b" " * 1_000_001, headers={"Content-Type": JSON})
    assert large.status_code == 413


def test_both_services_answer_the_same_bytes(running_shop: Any, shop: httpx.Client) -> None:
    """What the load run compares is the same: only then its figures mean something."""
    with httpx.Client(base_url=running_shop.stock.address) as stock:
        for path in ("/products?limit=100", "/products/7", "/orders?limit=100"):
            assert stock.get(path).content == shop.get(path).content
        lines = shop.get("/products.stream", headers={"Accept": LINES})
        assert stock.get("/products.stream").content == lines.content
        one, other = (client.post("/orders", json=ORDER).json() for client in (stock, shop))
        assert {**one, "id": 0, "created": ""} == {**other, "id": 0, "created": ""}


def test_the_load_run_shows_a_table_and_a_chart(
    service_modules: Any,
    running_shop: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every route of both services is loaded, printed and drawn. What `make example` starts is running already."""
    program = load_program("shop_main", SERVICE / "__main__.py")
    monkeypatch.setattr(program, "running", lambda: nullcontext(running_shop))
    monkeypatch.setattr(service_modules("load"), "CONNECTIONS", 2)
    monkeypatch.setattr(service_modules("load"), "ROUNDS", 1)
    chart = tmp_path / "chart.svg"
    program.main(["--seconds", "0.1", "--chart", str(chart)])
    names = [route.name for route in service_modules("load").ROUTES]
    rows = [line for line in capsys.readouterr().out.splitlines() if " x " in line]
    assert [row[:20].strip() for row in rows] == names
    texts = [element.text for element in ET.parse(chart).iter()]
    assert [text for text in texts if text in names][: len(names)] == names  # once, or for the CPU time once more


def load_program(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
