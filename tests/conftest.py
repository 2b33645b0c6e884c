"""Settings for all tests."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from redis_servers import Server

# The same examples in every run, so that CI is repeatable; HYPOTHESIS_PROFILE=long searches on.
settings.register_profile(
    "ci", derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import and collect without the garbage collector.

    Nearly all of it stays, and looking through it again and again takes half of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()


@pytest.fixture
def frozen_heap() -> Iterator[None]:
    """Collections of this test do not look through what was there before it: for a test that collects many times.

    Not for all tests: with frozen objects, a very long document is read in another way; see ``parity/test_collector.py``.
    """
    gc.freeze()
    yield
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names with addresses: workers that share the tests have to know them by the same names."""
    for item in items:
        if " at 0x" in item.nodeid:
            message = f"give the parameters of this test ids that are the same in every process: {item.nodeid}"
            raise pytest.UsageError(message)


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    """One Redis for all tests that do it no harm."""
    from redis_servers import Server

    server = Server()
    yield server
    server.close()


@pytest.fixture
def redis_url(shared_server: Server) -> str:
    """The URL of an empty Redis."""
    with shared_server.client() as client:
        client.flushall()
    return shared_server.url


@pytest.fixture(scope="session")
def sentinel_url() -> Iterator[str]:
    """The URL of a Sentinel group."""
    from redis_servers import sentinel_group

    with sentinel_group() as (url, _, _):
        yield url


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """The URL of a Cluster."""
    from redis_servers import cluster

    with cluster() as (url, _):
        yield url
