"""``explain``: what takes the native path in a model, and what does not."""

from __future__ import annotations

from pydantic_serialization.cli._console import Terminal, command
from pydantic_serialization.cli._models import load_model
from pydantic_serialization.cli._options import AppDir, AsJson, ModelPath, Quiet  # noqa: TC001  (typer reads the annotations)
from pydantic_serialization.plan.explain import explain as explained


@command
def explain(model: ModelPath, app_dir: AppDir = None, as_json: AsJson = False, quiet: Quiet = False) -> int:
    """Show, field by field, what the native core does for a model, and why not where it does nothing."""
    terminal = Terminal("explain", as_json=as_json, quiet=quiet)
    found = explained(load_model(model, app_dir))
    # Square brackets in the tree are text, not rich's markup.
    terminal.result(found.as_dict(), str(found).replace("[", "\\["))
    return 0
