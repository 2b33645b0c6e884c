"""The example service, started once: with a PostgreSQL, a Redis and a worker of its own."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = Path(__file__).resolve().parents[2] / "examples" / "service"


@pytest.fixture(scope="session")
def service_modules() -> Iterator[Any]:
    """Return what imports a module of the service, as a program in its folder does."""
    sys.path.insert(0, str(SERVICE))
    yield import_module
    sys.path.remove(str(SERVICE))


@pytest.fixture(scope="session")
def running_shop(service_modules: Any) -> Iterator[Any]:
    """What runs: the address of the service, the one without the library, the settings of both."""
    with service_modules("servers").running() as running:
        yield running


@pytest.fixture
def shop(running_shop: Any) -> Iterator[httpx.Client]:
    """A client of the service."""
    with httpx.Client(base_url=running_shop.service.address, timeout=120) as client:
        yield client
