"""A Redis server for the libraries that have no broker in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from services.redis_server import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def redis_port() -> Iterator[int]:
    with redis_server() as port:
        yield port
