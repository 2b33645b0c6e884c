"""Which of the two backends runs, and what is said where it is not the native one."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pydantic_serialization import BACKEND, ConfigurationError, MissingDependencyError, _native
from pydantic_serialization.plan.native import supported

VARIABLE = "PYDANTIC_SERIALIZATION_NATIVE"


def absent(name: str) -> Any:
    raise ModuleNotFoundError(name=name)


def broken(name: str) -> Any:
    raise ModuleNotFoundError(name="something_else")


def test_the_backend_is_native_only_if_the_core_is_loaded() -> None:
    """``BACKEND`` and the core say the same, and a reason is given exactly where there is no core."""
    assert (BACKEND == "native") == (_native.core is not None)
    assert (_native.WHY_MISSING == "") == (_native.core is not None) == (_native.WHAT_TO_DO == "")


def test_auto_takes_the_core_if_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, a core is loaded, and a missing one is a reason and no error."""
    monkeypatch.delenv(VARIABLE, raising=False)
    core = SimpleNamespace()
    monkeypatch.setattr(_native, "import_module", lambda _: core)
    assert _native._load() == (core, "", "")
    monkeypatch.setattr(_native, "import_module", absent)
    found, why, advice = _native._load()
    assert (found, why) == (None, "the native core is not installed")
    assert "install Rust" in advice


def test_require_fails_without_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """``require`` turns a missing core into an error that says how to get one."""
    monkeypatch.setenv(VARIABLE, " Require ")
    monkeypatch.setattr(_native, "import_module", absent)
    with pytest.raises(MissingDependencyError, match="install Rust"):
        _native._load()


@pytest.mark.parametrize("wanted", ["auto", "require"])
def test_a_broken_core_is_not_hidden(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    """A core that is there and cannot be loaded is an error in every mode."""
    monkeypatch.setenv(VARIABLE, wanted)
    monkeypatch.setattr(_native, "import_module", broken)
    with pytest.raises(ModuleNotFoundError):
        _native._load()


def test_off_leaves_the_work_to_pydantic() -> None:
    """With ``off`` the process runs the Python backend, whatever is installed, and says which variable did it."""
    code = "from pydantic_serialization import BACKEND, _native; print(BACKEND, _native.WHY_MISSING)"
    environment = {**os.environ, VARIABLE: "off", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1)[0] == "python"
    assert VARIABLE in done.stdout


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the three words there are."""
    monkeypatch.setenv(VARIABLE, "yes")
    with pytest.raises(ConfigurationError, match="auto, require or off"):
        _native._load()


@pytest.mark.parametrize(
    ("version", "known"), [((2, 32), False), (supported.OLDEST, True), (supported.NEWEST, True), ((9, 0), False)]
)
def test_only_known_versions_of_pydantic_core_are_taken(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], known: bool
) -> None:
    """Outside the versions it was compared with, the core is not used, and it is said which ones those are."""
    monkeypatch.setattr(supported, "core", SimpleNamespace())
    monkeypatch.setattr(supported, "version", lambda: version)
    supported.why_not.cache_clear()
    try:
        assert (supported.why_not() == "") is known
        assert (supported.core_for_json() is not None) is known
        assert ("pydantic-core from 2.33 to " in supported.what_to_do()) is not known
    finally:
        supported.why_not.cache_clear()
