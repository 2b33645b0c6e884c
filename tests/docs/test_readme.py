"""The README's code runs, and prints what it says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from pydantic_serialization import BACKEND

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXPECTED = re.compile(r"^#> ?(.*)$", re.MULTILINE)


def test_readme() -> None:
    """All Python blocks run in order, as one program, and each prints exactly its ``#>`` lines."""
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) >= 5
    namespace: dict[str, object] = {"__name__": "readme"}
    for number, block in enumerate(blocks):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, f"README.md, block {number}", "exec", dont_inherit=True), namespace)
        assert printed.getvalue().splitlines() == EXPECTED.findall(block)
    if BACKEND == "native":  # the tree that the README shows is what its model gives
        assert f"\n{namespace['explanation']}\n```" in text, f"the tree is now:\n{namespace['explanation']}"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links(name: str) -> None:
    """Relative links lead to files that exist."""
    text = (ROOT / name).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), target
