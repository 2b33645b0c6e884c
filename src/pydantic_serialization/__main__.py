"""``python -m pydantic_serialization``, and the command of the same name."""

from __future__ import annotations

import sys
from typing import Any

from pydantic_serialization._optional import require
from pydantic_serialization.errors import MissingDependencyError

_USAGE_ERROR = 2
_INTERRUPTED = 130


def main() -> None:
    """Run the command line; without the extra ``cli``, say how to install it and exit with code 2."""
    try:
        for library in ("typer", "rich"):
            require(library, extra="cli", purpose="the command line")
    except MissingDependencyError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(_USAGE_ERROR)
    try:
        app: Any = require("pydantic_serialization.cli.app", extra="cli", purpose="the command line")
        app.run()
    except KeyboardInterrupt:  # before a command runs; commands themselves say what was interrupted
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
