"""The page about FastAPI: its examples are one application, which does what the page says."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import ormsgpack
import pytest
from integrations.fastapi.support import call

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "fastapi.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """Return what the blocks of the page define, run in order as one module."""
    module = ModuleType("fastapi_page")
    sys.modules[module.__name__] = module  # FastAPI looks for the names of annotations there
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    assert len(blocks) >= 6
    for number, block in enumerate(blocks):
        exec(compile(block, f"fastapi.md, block {number}", "exec", dont_inherit=True), module.__dict__)
    yield module
    del sys.modules[module.__name__]


def test_plain_routes(page: Any) -> None:
    """The first example answers."""
    assert call(page.app, "/products").json() == [{"id": 1, "name": "Lamp"}]


def test_formats(page: Any) -> None:
    """The router speaks MessagePack both ways, names what it sends, and refuses what it does not know."""
    body = {"id": 2, "name": "Chair"}
    sent = {"content_type": "application/msgpack", "accept": "application/msgpack"}
    answer = call(page.app, "/v2/products", "POST", ormsgpack.packb(body), **sent)
    assert (ormsgpack.unpackb(answer.body), answer.header("content-type")) == (body, "application/msgpack")
    assert call(page.app, "/v2/products", "POST", json.dumps(body).encode(), content_type="text/plain").status == 415
    assert (
        call(page.app, "/v2/products", "POST", b"{}", content_type="application/json", accept="text/csv").status == 406
    )
    document = call(page.app, "/openapi.json").json()
    assert "application/vnd.msgpack" in document["paths"]["/v2/products"]["post"]["requestBody"]["content"]


def test_cached_responses(page: Any) -> None:
    """The cached endpoint names its response, and answers 304 to who has it; a change drops it."""
    answer = call(page.app, "/products/7")
    assert call(page.app, "/products/7", if_none_match=str(answer.header("etag"))).status == 304
    body = json.dumps({"id": 7, "name": "Lamp"}).encode()
    before = page.app.state.pydantic_serialization.cache.get_stats()["loads"]["count"]
    assert call(page.app, "/products/7", "PUT", body, content_type="application/json").status == 200
    call(page.app, "/products/7")
    assert page.app.state.pydantic_serialization.cache.get_stats()["loads"]["count"] == before + 1


def test_streams(page: Any) -> None:
    """The export is a thousand lines."""
    assert len(call(page.app, "/export").body.splitlines()) == 1000


def test_responses_and_background_work(page: Any) -> None:
    """The report is in the cache when the client has it."""
    answer = call(page.app, "/report")
    assert (answer.json(), answer.header("x-statistics")) == ({"id": 1, "name": "Report"}, "3600.0")
    kept = asyncio.run(page.app.state.pydantic_serialization.cache.get("report"))
    assert json.loads(kept) == answer.json()


def test_lifespan(page: Any) -> None:
    """An application with the lifespan alone has its manager when it has started."""

    async def run() -> None:
        async with page.other.router.lifespan_context(page.other):
            assert page.other.state.pydantic_serialization.manager is page.manager

    asyncio.run(run())


def test_limits_name_what_there_is(page: Any) -> None:
    """The page names only options and files that exist."""
    text = PAGE.read_text("utf-8")
    assert 'model_route(body="stock")' in text
    page.model_route(body="stock")
    for path in re.findall(r"python (\S+\.py)", text):
        assert (PAGE.parents[1] / path).exists()
