"""Tests of what is reused wait for no account."""

from __future__ import annotations

import pytest
from patient import Patient


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every account be patient."""
    monkeypatch.setattr("pydantic_serialization.reuse._base.new_payoff", Patient)
