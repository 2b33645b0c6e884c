"""The campaigns of hostile input, at the length that a run of all tests has time for; ``make campaign`` goes on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zoo
from hostile import blocks, covered, documents, frames, soak
from hostile.campaigns import CAMPAIGNS
from hostile.leaks import Leaks
from hostile.resources import peak
from hostile.runner import MOST_FAULTS, Campaign, run
from pydantic import ValidationError

from pydantic_serialization import SerializationError
from pydantic_serialization._native import core
from pydantic_serialization.cache import CacheManager
from pydantic_serialization.envelope import Sealer


@pytest.mark.parametrize(
    "campaign", [campaign for campaign in CAMPAIGNS if campaign.executions], ids=lambda campaign: campaign.name
)
@pytest.mark.filterwarnings("ignore")  # Pydantic's, about what the documents hold
def test_a_campaign_finds_nothing(campaign: Campaign) -> None:
    """No input is accepted that should not be, is read differently than by Pydantic, or raises what was not promised."""
    if not campaign.can_run:
        pytest.skip("needs something that is not here")
    tally = run(campaign, seed=1)
    assert not tally.faults, "\n".join(tally.faults)
    assert tally.executions == campaign.executions
    assert 0 < tally.accepted < tally.executions


@pytest.mark.skipif(core is None, reason="both sides are needed")
def test_the_corpus_is_read_alike() -> None:
    """Everything that looking for coverage has kept, read as the first types of the zoo, and as every other one."""
    corpus = Path(__file__).parents[2] / "native" / "fuzz" / "corpus"
    inputs = {file.name: [*map(ast.literal_eval, file.read_text().splitlines())] for file in corpus.iterdir()}
    for data in inputs["models.txt"]:
        covered.check(data)
    for kind, name in ((b"j", "json.txt"), (b"m", "msgpack.txt")):
        for number, data in enumerate(inputs[name]):
            for choice in (0, 1, 2, number % 256):
                covered.check(kind + bytes([choice]) + data)
    assert len(inputs["models.txt"]) > 50


@pytest.mark.usefixtures("frozen_heap")
def test_a_soak_finds_nothing() -> None:
    """Some seconds of the soak, with many faults: right values, nothing lost, nothing raised, nothing left behind."""
    tally = run(Campaign("soak", partial(soak.prepare, every=0.5), 160, most_growth=soak.MOST_AT_ONCE), seed=1)
    assert not tally.faults, "\n".join(tally.faults)
    assert tally.figures["operations"] > 1000
    assert tally.figures["writes"] > tally.figures["undelivered"]
    assert tally.figures["faults"] > 5


@pytest.mark.usefixtures("frozen_heap")
def test_an_invalidation_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is acknowledged and not done is a fault."""
    monkeypatch.setattr(CacheManager, "invalidate_sync", lambda *_, **__: None)
    tally = run(Campaign("soak", partial(soak.prepare, every=1000), 100), seed=1)
    assert any("lost write" in fault for fault in tally.faults)
    assert tally.figures["lost writes"]


@pytest.mark.usefixtures("frozen_heap")
def test_values_and_errors_of_a_soak_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of another record, and an error at a reader, are faults."""
    loading, calls = CacheManager.get_or_load_sync, iter(range(10**9))

    def careless(self: CacheManager, key: str, *arguments: Any, **options: Any) -> Any:
        return loading(self, "record", *arguments, **options)

    def failing(self: Any, manager: Any) -> Any:
        return lambda number: {}[number] if next(calls) > 20 else b'{"number":50,"version":0,"text":""}'

    for name, of, wrong in (("get_or_load_sync", CacheManager, careless), ("_loader", soak.Soak, failing)):
        with monkeypatch.context() as patched:
            patched.setattr(of, name, wrong)
            tally = run(Campaign("soak", partial(soak.prepare, every=1000), 40), seed=1)
        assert any("wrong value" in fault for fault in tally.faults)
        assert tally.figures["wrong values"]
        assert bool(tally.figures["undeclared exceptions"]) == (name == "_loader")


_LEFT = textwrap.dedent(
    """
    import os, threading
    from hostile import resources

    before, ending = resources.held(), threading.Event()
    thread = threading.Thread(target=ending.wait)
    thread.start()
    with open(os.devnull):
        print(resources.left(before))
    ending.set()
    thread.join()
    print(resources.left(before))
    """
)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not tell the files of a process")
def test_what_a_soak_leaves_behind_is_noticed() -> None:
    """A file that stays open, and a thread that goes on, are counted; in a process where nothing else ends meanwhile."""
    tests = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", _LEFT], cwd=tests, capture_output=True, text=True, check=False)
    assert done.stdout == "{'files': 1, 'threads': 1}\n{}\n", done


_CLAIMS = textwrap.dedent(
    """
    from hostile.runner import MOST_GROWTH, Campaign, run

    claimed = []
    for share in (0, 2):
        campaign = Campaign("claims", lambda _: lambda: not claimed.append(b"x" * (share * MOST_GROWTH << 20)), 1)
        print(run(campaign, seed=1).faults)
    """
)


@pytest.mark.skipif(peak() == 0, reason="the system does not tell the peak of a process's memory")
def test_memory_that_is_claimed_is_noticed() -> None:
    """An input that makes its reader take a lot of memory is a fault; in a process that has had no peak before."""
    tests = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", _CLAIMS], cwd=tests, capture_output=True, text=True, check=False)
    assert re.fullmatch(r"\[\]\n\['the memory of the process has grown by 51\d MiB'\]\n", done.stdout), done


def test_a_situation_that_leaks_is_named() -> None:
    """The name of what was done is part of the fault."""

    def check(work: Any, calls: int) -> None:
        assert work() != calls, "it has grown"

    tally = run(Campaign("leaks", lambda random: Leaks(random, {"a": lambda: 5, "b": lambda: 6}, check, 5), 4), seed=1)
    assert len(tally.faults) == 2
    assert all(": a: it has grown" in fault for fault in tally.faults)
    assert tally.figures == {"calls": 20, "situations": 2}


@pytest.mark.skipif(core is None, reason="blocks are written by the native core")
def test_block_readers_that_differ_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another value of one of the two readers, and a value that is packed as another one, are faults."""
    packing = blocks.compact.pack
    with monkeypatch.context() as patched:
        patched.setattr(blocks, "read_block", lambda block, classes: [])
        assert run(Campaign("blocks", blocks.prepare, 500), seed=1).faults
    calls = iter(range(10**9))
    monkeypatch.setattr(blocks.compact, "pack", lambda value: packing([zoo.Cat()] if next(calls) > 200 else value))
    assert run(Campaign("blocks", blocks.prepare, 2000), seed=1).faults


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
