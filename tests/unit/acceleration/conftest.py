"""The acceleration switched on for a test, and what would be bound made visible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pydantic_serialization import BACKEND, install, uninstall
from pydantic_serialization.acceleration import _binding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_serialization.plan import ModelPlan


@pytest.fixture
def core() -> None:
    """Skip the test where there is no native core: nothing is replaced then."""
    if BACKEND != "native":
        pytest.skip("without the native core nothing is replaced")


@pytest.fixture
def installed() -> Iterator[None]:
    """Have ``install()`` in force during the test."""
    install()
    yield
    uninstall()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have the names of the types listed that something is bound for; what is bound does what Pydantic does."""
    names: list[str] = []

    def bind(plan: ModelPlan, fallback: Callable[..., Any], **_options: Any) -> Callable[..., Any]:
        def run(value: Any, **options: Any) -> Any:
            names.append(plan.name)
            return fallback(value, **options)

        return run

    monkeypatch.setattr(_binding, "bind_encoder", bind)
    monkeypatch.setattr(_binding, "bind_decoder", bind)
    return names
