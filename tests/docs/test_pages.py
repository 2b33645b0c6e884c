"""The pages in ``docs/`` run, and print what they say."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md") if path.name != "reliability.md")
"""All that show how to use something."""
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXPECTED = re.compile(r"^#> ?(.*)$", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All Python blocks of a page run in order, as one program, and each prints exactly its ``#>`` lines."""
    blocks = BLOCK.findall((DOCS / name).read_text("utf-8"))
    assert blocks, name
    # Where libraries look for the types that annotations name.
    module = ModuleType(f"page_{Path(name).stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)
    for number, block in enumerate(blocks):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, f"docs/{name}, block {number}", "exec", dont_inherit=True), module.__dict__)
        assert printed.getvalue().splitlines() == EXPECTED.findall(block)


@pytest.mark.parametrize("name", PAGES)
def test_links(name: str) -> None:
    """Relative links lead to files that exist."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (DOCS / name).read_text("utf-8")):
        assert (DOCS / target).exists(), target


def test_the_table_of_queues() -> None:
    """What the table says to call is in the module that it names."""
    rows = re.findall(r"^\| ([^|]+) \| `(\w+)` \| (.*) \|$", (DOCS / "queues.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) == 7
    for library, name, calls in rows:
        module = import_module(f"pydantic_serialization.integrations.queues.{name}")
        names = re.findall(r"(?<![.\w])(?!KafkaBroker)(\w+)\((?:\w+, )?codec", calls)
        assert names, library
        for found in names:
            assert hasattr(module, found), f"{library}: {found}"
