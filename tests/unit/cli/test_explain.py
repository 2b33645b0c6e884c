"""``explain module:Model``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pydantic_serialization import BACKEND
from pydantic_serialization.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

MIXED = """
from fractions import Fraction
from pydantic import BaseModel

class Row(BaseModel):
    plain: int
    share: Fraction

Rows = list[Row]
"""


def call(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["explain", *arguments])
    assert done.exit_code == 0, done.stderr
    return done.stdout


def test_it_shows_the_tree(workplace: Path) -> None:
    """The verdict stands first, every field has a line, and brackets are not taken for markup."""
    lines = call("shop_models:Order").splitlines()
    way = "natively" if BACKEND == "native" else "by Pydantic"
    assert lines[0] == f"Order: written and read {way}"
    assert [line.split(":")[0].split()[-1] for line in lines[4:6]] == ["id", "items"]
    assert "items: list[Item]" in lines[5]
    assert "name: str" in lines[6]


def test_it_gives_json(workplace: Path) -> None:
    """With --json, each field has its path, and for each direction the reason and the advice."""
    found = json.loads(call("shop_models:Order", "--json"))
    assert (found["command"], found["schema_version"], found["model"]) == ("explain", 1, "Order")
    assert [field["name"] for field in found["fields"]] == ["id", "items"]
    nested = found["fields"][1]["fields"][0]
    assert (nested["name"], nested["annotation"], nested["path"]) == ("name", "str", found["path"])
    assert set(nested["writes"]) == set(nested["reads"]) == {"path", "reason", "advice"}


@pytest.mark.skipif(BACKEND != "native", reason="without the core, nothing is native")
def test_it_says_why_and_what_to_do(workplace: Path) -> None:
    """A field that goes through Pydantic points to a note with the reason; any type can be named."""
    (workplace / "mixed.py").write_text(MIXED)
    text = call("mixed:Rows")
    assert text.startswith("list[Row]: written and read natively but for 1 of 2 fields")
    line = next(line for line in text.splitlines() if "share: Fraction" in line)
    assert line.split()[-4:] == ["pydantic", "(1)", "pydantic", "(2)"]
    assert all(f"\n({number}) " in text for number in (1, 2))
