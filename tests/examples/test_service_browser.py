"""The documentation page of the example service in a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastapi_offline
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from playwright.sync_api import Page, Route

CHROMIUM = shutil.which("chromium")
PATIENCE = 120_000
"""Milliseconds."""
# A throw-away browser of the tests' own: containers have no user namespaces for its sandbox, and a small /dev/shm.
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: sh tools/install-test-services.sh")


@pytest.fixture(scope="module")
def page(running_shop: Any) -> Iterator[Page]:
    """The page ``/docs``. The scripts that it has from the network are those of a package here."""
    from playwright.sync_api import sync_playwright

    def answer(route: Route) -> None:
        file = Path(fastapi_offline.__file__).parent.joinpath("static", route.request.url.rpartition("/")[2])
        if file.is_file():
            route.fulfill(path=file)
        else:
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, timeout=PATIENCE)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.route(lambda url: not url.startswith(running_shop.service.address), answer)
        page.goto(f"{running_shop.service.address}/docs")
        yield page
        browser.close()


def test_an_endpoint_is_called_in_both_formats(page: Page, shop: httpx.Client) -> None:
    """Whoever reads the documentation chooses a format, presses Execute, and sees the answer in that format."""
    operation = page.locator("#operations-default-get_product_products__product_id__get")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("input[placeholder=product_id]").fill("7")
    # The page shows MessagePack as the text that it is not.
    for media_type, told in (
        ("application/json", '"name": "Lamp 7"'),
        ("application/vnd.msgpack", "name\ufffdLamp 7\ufffdprice"),
    ):
        operation.locator(".responses-wrapper select.content-type").first.select_option(media_type)
        with page.expect_response(lambda answer: answer.url.endswith("/products/7")) as answered:
            operation.get_by_role("button", name="Execute").click()
        answer = answered.value
        assert (answer.status, answer.headers["content-type"]) == (200, media_type)
        live = operation.locator(".live-responses-table")
        live.get_by_text(f"content-type: {media_type}").wait_for()
        assert live.locator(".response-col_status").nth(1).inner_text().startswith("200")
        shown = live.inner_text()
        size = len(shop.get("/products/7", headers={"Accept": media_type}).content)
        assert f"content-length: {size}" in shown
        assert told in shown


def test_every_operation_is_shown(page: Page) -> None:
    """The page has understood the document."""
    page.locator(".opblock").nth(9).wait_for()
    assert page.locator(".opblock").count() == 10
    assert page.locator(".errors-wrapper").count() == 0
