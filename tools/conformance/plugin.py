"""A pytest plug-in: ``-p conformance.plugin --conformance MODE --conformance-report FILE``.

``plain`` runs the tests as they are, ``install`` with the acceleration installed, ``record`` compares what the tests
made in both directions, ``self-check`` does so with implementations that are wrong on purpose. The outcomes of the tests
go into the report in every mode.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_ADDRESS = re.compile(r"0x[0-9a-f]+")
_EVERY = 10.0
"""Seconds between two lines about the progress."""
_KEPT = 500
"""Mismatches that are described; all are counted."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this plug-in."""
    parser.addoption("--conformance", choices=("plain", "install", "record", "self-check"), default="plain")
    parser.addoption("--conformance-report", type=Path)


def pytest_configure(config: pytest.Config) -> None:
    """Switch on what the mode asks for, before any test is imported."""
    mode = config.getoption("--conformance")
    judge: Any = None
    if mode == "install":
        from pydantic_serialization import install  # noqa: PLC0415

        install()
    elif mode == "record":
        from conformance import recorder  # noqa: PLC0415
        from conformance.comparison import Comparison  # noqa: PLC0415
        from pydantic_serialization.plan.native import bind_decoder, bind_encoder  # noqa: PLC0415

        judge = Comparison(bind_encoder, bind_decoder)
        recorder.start()
    elif mode == "self-check":
        from conformance import recorder  # noqa: PLC0415
        from conformance.wrong import SelfCheck  # noqa: PLC0415

        judge = SelfCheck()
        recorder.start()
    config.pluginmanager.register(_Watcher(config, judge), "conformance-watcher")


class _Watcher:
    def __init__(self, config: pytest.Config, judge: Any) -> None:
        self.judge = judge
        self.path: Path | None = config.getoption("--conformance-report")
        self.outcomes: Counter[str] = Counter()
        self.tests = 0
        self.total = 0
        self.faults: list[str] = []
        self.told = time.monotonic()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.total = len(session.items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        if self.judge is None:
            return (yield)
        from conformance import recorder  # noqa: PLC0415

        recorder.recorded.clear()
        try:
            return (yield)
        finally:
            models, uses = recorder.take()
            try:
                self.judge.run(item.nodeid, models, uses)
            except Exception as error:  # noqa: BLE001  (a fault of the harness is reported, not blamed on the test)
                self.faults.append(f"{item.nodeid}: {type(error).__name__}: {error}"[:500])
            recorder.recorded.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[f"{report.outcome} {_ADDRESS.sub('0x', report.nodeid)} {report.when}"] += 1
        if report.when != "teardown":
            return
        self.tests += 1
        if time.monotonic() - self.told > _EVERY:
            self.told = time.monotonic()
            known = dict(self.judge.counts) if self.judge is not None else {}
            found = f", {known.get('mismatches', 0)} mismatches" if known else ""
            print(f"  {self.tests} of {self.total} tests{found}", file=sys.__stderr__, flush=True)

    def pytest_sessionfinish(self) -> None:
        if self.path is None:
            return
        document: dict[str, Any] = {"outcomes": dict(self.outcomes), "tests": self.tests, "faults": self.faults}
        if self.judge is not None:
            document["counts"] = dict(self.judge.counts)
            document["reasons"] = dict(self.judge.reasons)
            document["mismatches"] = [asdict(item) for item in self.judge.mismatches[:_KEPT]]
            document["variants"] = getattr(self.judge, "caught", {})
        self.path.write_text(json.dumps(document), encoding="utf-8")
