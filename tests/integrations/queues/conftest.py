"""A Redis server for the libraries that have no broker in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from services import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def redis_port() -> Iterator[int]:
    with redis_server() as url:
        port = urlsplit(url).port
        assert port is not None
        yield port
