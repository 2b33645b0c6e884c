"""What ``doctor`` says about the native core."""

from __future__ import annotations

import json
import types
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from pydantic_serialization import BACKEND, _native
from pydantic_serialization.cli.app import app
from pydantic_serialization.plan import native

if TYPE_CHECKING:
    from pathlib import Path


def doctor(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["doctor", *arguments])
    return done.exit_code, done.stdout


def backend() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(doctor("--json")[1])["backend"]
    return found


def test_it_says_which_backend_runs(workplace: Path) -> None:
    """The name is ``BACKEND``; there is advice if, and only if, the core does not do the work."""
    found = backend()
    assert found["name"] == BACKEND
    assert (found["advice"] == "") == (BACKEND == "native")
    assert (found["core_file"] is None) == (BACKEND == "python")
    assert f"{BACKEND}: " in doctor()[1]


def test_it_tells_the_version_of_the_core(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that is used shows version and file, and that it knows the installed pydantic-core."""
    core = types.SimpleNamespace(__version__="4.5.6", __file__="/there/_core.so")
    monkeypatch.setattr(_native, "core", core)
    monkeypatch.setattr(native, "why_not", lambda: "")
    monkeypatch.setattr(native, "what_to_do", lambda: "")
    found = backend()
    assert (found["core"], found["core_file"], found["pydantic_core_known"]) == ("4.5.6", "/there/_core.so", True)
    code, text = doctor("--strict")
    assert code == 0
    assert "4.5.6" in text
    assert "native core: /there/_core.so" in text


def test_without_a_core_it_says_how_to_get_one(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing core is no problem, only slower: there is advice on a line of its own, and --strict passes."""
    monkeypatch.setattr(_native, "core", None)
    monkeypatch.setattr(_native, "BACKEND", "python")
    monkeypatch.setattr(native, "why_not", lambda: "the native core is not installed")
    monkeypatch.setattr(native, "what_to_do", lambda: "install Rust")
    code, text = doctor("--strict")
    assert code == 0
    assert "python: the native core is not installed" in text
    assert "  install Rust" in text.splitlines()
    assert backend()["pydantic_core_known"] is None


def test_a_core_that_is_there_for_nothing_is_a_problem(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pydantic-core that the core was not compared with is told as a problem: --strict fails."""
    monkeypatch.setattr(_native, "core", types.SimpleNamespace())
    monkeypatch.setattr(native, "why_not", lambda: "not compared with 9.9")
    monkeypatch.setattr(native, "what_to_do", lambda: "take 2.50")
    code, text = doctor("--strict")
    assert code == 1
    assert "not compared with 9.9, so Pydantic does its work; take 2.50" in text
    assert "not known to it" in text
