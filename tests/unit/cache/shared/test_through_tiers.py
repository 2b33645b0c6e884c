"""Everything that reading through an in-process cache does, it does with a shared tier behind it too."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import pytest
from shared_tiers import DictTier

from pydantic_serialization.cache import CacheManager, SharedSettings
from pydantic_serialization.testing import FakeClock

MODULES = ("unit.cache.test_get_or_load", "unit.cache.test_threads")

OTHERWISE = {
    # Writes are work in the background too: there is room for fewer refreshes beside them.
    "test_the_number_of_refreshes_is_bounded",
    # Takes seconds, and is about the first tier.
    "test_no_reader_sees_what_was_before_an_invalidation",
}


def make(options: dict[str, Any], clock: FakeClock | None = None, **more: Any) -> tuple[CacheManager, FakeClock]:
    """Return a cache as the modules' own function does, with a shared tier that goes by the same clock."""
    clock = clock or FakeClock()
    tier = {"shared_tier": DictTier(clock), "shared_settings": SharedSettings(lonely_ttl=float("inf"))}
    return CacheManager(clock=clock, **{"jitter": 0, **options, **tier, **more}), clock


for name in MODULES:
    pytest.register_assert_rewrite(name)
    module = import_module(name)
    setattr(module, "make", partial(make, {}))  # noqa: B010
    for key, value in list(vars(module).items()):
        if key.startswith("test_") and key not in OTHERWISE:
            globals()[f"{key}__{name.rpartition('_')[2]}"] = value


def test_they_have_a_shared_tier() -> None:
    """What the functions above call is the one with a shared tier."""
    for name in MODULES:
        cache, _ = import_module(name).make()
        assert cache.get_stats()["l2_cache"]["enabled"]
