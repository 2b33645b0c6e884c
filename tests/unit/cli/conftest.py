"""A directory with a model and its records, as a user of the command has it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MODELS = """
from pydantic import BaseModel


class Item(BaseModel):
    name: str
    price: float


class Order(BaseModel):
    id: int
    items: list[Item] = []


VALUE = Item(name="x", price=1.0)


def some_orders():
    return [Order(id=number, items=[VALUE]) for number in range(5)]


def some_items():
    return [VALUE]
"""
RECORDS = "".join(f'{{"id":{number},"items":[{{"name":"n{number}","price":1.5}}]}}\n' for number in range(20))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory with ``shop_models.py`` and ``orders.jsonl``, and no settings in the environment."""
    (tmp_path / "shop_models.py").write_text(MODELS)
    (tmp_path / "orders.jsonl").write_text(RECORDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in os.environ if name.startswith("PYDANTIC_SERIALIZATION_")]:
        monkeypatch.delenv(name)
    sys.modules.pop("shop_models", None)
    return tmp_path


Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def run(workplace: Path) -> Run:
    """Runs the command as a process in the workplace."""

    def process(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "pydantic_serialization", *arguments]
        return subprocess.run(command, cwd=workplace, capture_output=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]

    return process
