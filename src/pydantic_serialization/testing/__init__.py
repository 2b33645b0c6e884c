"""Contracts for plug-in authors: test classes to inherit. They need pytest and Hypothesis."""

from __future__ import annotations

import pytest

# Failing assertions of a contract then show their values, as those of a test module do. Goes before the imports.
pytest.register_assert_rewrite("pydantic_serialization.testing.cache")
pytest.register_assert_rewrite("pydantic_serialization.testing.codecs")
pytest.register_assert_rewrite("pydantic_serialization.testing.formats")
pytest.register_assert_rewrite("pydantic_serialization.testing.shared")

from pydantic_serialization.testing.cache import CacheContract, FakeClock  # noqa: E402
from pydantic_serialization.testing.codecs import CodecContract  # noqa: E402
from pydantic_serialization.testing.formats import FormatContract  # noqa: E402
from pydantic_serialization.testing.shared import SharedTierContract  # noqa: E402

__all__ = ["CacheContract", "CodecContract", "FakeClock", "FormatContract", "SharedTierContract"]
