"""The campaigns of hostile input, at the length that a run of all tests has time for; ``make campaign`` goes on."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from hostile import documents, frames
from hostile.campaigns import CAMPAIGNS
from hostile.runner import MOST_FAULTS, Campaign, run
from pydantic import ValidationError

from pydantic_serialization import SerializationError
from pydantic_serialization.envelope import Sealer


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: campaign.name)
@pytest.mark.filterwarnings("ignore")  # Pydantic's, about what the documents hold
def test_a_campaign_finds_nothing(campaign: Campaign) -> None:
    """No input is accepted that should not be, is read differently than by Pydantic, or raises what was not promised."""
    if campaign.name == "kills" and not hasattr(signal, "SIGKILL"):
        pytest.skip("POSIX signals")
    tally = run(campaign, seed=1)
    assert not tally.faults, "\n".join(tally.faults)
    assert tally.executions == campaign.executions
    assert 0 < tally.accepted < tally.executions


def test_a_sealer_that_does_not_check_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that is opened although it was changed is a fault."""
    opening = Sealer.open

    def careless(self: Sealer, data: Any, **options: Any) -> Any:
        try:
            return opening(self, data, **options)
        except SerializationError:
            return opening(Sealer(), Sealer().seal(b"", format=1, raw_size=0))

    monkeypatch.setattr(Sealer, "open", careless)
    assert len(run(Campaign("frames", frames.prepare, 1000), seed=1).faults) == MOST_FAULTS


def test_a_reader_that_differs_or_raises_what_it_likes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another value than Pydantic's, and an error that is not of the family, are faults."""

    def careless(plan: Any, read: Any) -> Any:
        def read_the_first_half(data: bytes) -> Any:
            try:
                return read(data[: len(data) // 2])
            except ValidationError:
                return read(data)

        return read_the_first_half

    monkeypatch.setattr(documents, "bind_decoder", careless)
    assert run(Campaign("json", documents.prepare_json, 3000), seed=1).faults

    def raises(kind: Any, format_name: str) -> Any:
        calls = iter(range(1000))
        return lambda data: None if next(calls) == 0 else {}[data]

    monkeypatch.setattr(documents, "decoder", raises)
    assert run(Campaign("msgpack", documents.prepare_family("msgpack"), 100), seed=1).faults


def test_the_canary_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that runs what a pickle asks for is a fault."""
    monkeypatch.setattr(documents, "decoder", lambda kind, format_name: lambda data: documents.sing() and None)
    step = documents.prepare_family("pickle")
    try:
        assert run(Campaign("pickle", step, 5), seed=1).faults
    finally:
        documents._sung.clear()
